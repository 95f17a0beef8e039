//! To-dos of calendars, and the tasks that they are.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::event::{Override, Times};
use super::named::Overrides;
use super::rule::{End, Rule};
use super::series::is_after;
use super::{Budget, BudgetExceeded};
use crate::core::alert::Priority;
use crate::core::calendar::datetime::CalDateTime;
use crate::core::calendar::expand::walk;
use crate::core::facts::{Due, Task, TaskStatus};

/// So many times of a series may be done before one is looked for no longer.
const MOST_DONE: u32 = 5000;

/// What one to-do may take of the work.
const SHARE: u32 = 100_000;

/// A to-do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Todo {
    /// What the calendar knows it by; a series and its exceptions share it.
    pub uid: String,
    /// The version: a higher one is the newer.
    pub sequence: i64,
    /// Set in an exception to a series.
    pub instead: Option<Override>,
    /// As the person wrote it.
    pub title: String,
    /// When its series begins and how it comes again; none if it has neither a start nor a due time.
    pub times: Option<Times>,
    /// When it is due.
    pub due: Option<CalDateTime>,
    /// Whether it is completed or cancelled.
    pub is_over: bool,
    /// Whether it was begun.
    pub is_under_way: bool,
    /// As the person ranked it.
    pub priority: Option<Priority>,
}

/// The open tasks, one for each to-do: of a series the first time that is neither done nor left out. `endless` is told the names of
/// those whose next time cannot be found.
#[must_use]
pub fn open_tasks(todos: &[Todo], home: &TimeZone, work: &mut Budget, endless: &mut dyn FnMut(&str)) -> Vec<Task> {
    let mut by_uid = BTreeMap::<&str, Vec<&Todo>>::new();
    for todo in todos {
        by_uid.entry(&todo.uid).or_default().push(todo);
    }
    let mut tasks = Vec::new();
    for (uid, versions) in by_uid {
        let mut share = work.share(SHARE);
        match open_task(&versions, home, &mut share) {
            Ok(task) => tasks.extend(task),
            Err(BudgetExceeded) => endless(uid),
        }
        work.give_back(&share);
    }
    tasks
}

fn open_task(versions: &[&Todo], home: &TimeZone, work: &mut Budget) -> Result<Option<Task>, BudgetExceeded> {
    let newest = |todos: &mut dyn Iterator<Item = &Todo>| todos.max_by_key(|todo| todo.sequence).cloned();
    let Some(main) = newest(&mut versions.iter().copied().filter(|todo| todo.instead.is_none())) else {
        // An exception without its series is a to-do of its own.
        let mut open = versions.iter().copied().filter(|todo| !todo.is_over);
        return Ok(newest(&mut open).map(|todo| todo.task(todo.uid.clone(), todo.due.as_ref(), home)));
    };
    if main.is_over {
        return Ok(None);
    }
    let Some(times) = main.times.as_ref().filter(|times| times.comes_again()) else {
        return Ok(Some(main.task(main.uid.clone(), main.due.as_ref(), home)));
    };
    let exceptions = versions.iter().filter_map(|todo| Some((todo.instead.as_ref()?.of.clone(), *todo)));
    let mut exceptions: Vec<(CalDateTime, &Todo)> = exceptions.collect();
    exceptions.sort_by_key(|(_, todo)| todo.sequence);
    let exceptions = Overrides::of(exceptions, &times.start, home);
    let Some(start) = first_open(times, &exceptions, home, work)? else { return Ok(None) };
    let due = main.due.as_ref().map(|due| shifted(due, times, start));
    let at = times.start.moved_to(start).timestamp(home);
    let own = at.and_then(|at| exceptions.get(start, at).copied());
    let due = own.and_then(|todo| todo.due.clone()).or(due);
    // Each time is a task of its own: that the next one is due later is no putting off.
    let id = format!("{}@{}", main.uid, start.date());
    Ok(Some(own.unwrap_or(&main).task(id, due.as_ref(), home)))
}

/// The due time of the turn that begins then: as long after it as the first one's.
fn shifted(due: &CalDateTime, times: &Times, start: DateTime) -> CalDateTime {
    let zone = due.zone(&TimeZone::UTC).clone();
    let first = times.start.civil_in(&zone);
    let by: Span = first.until(due.civil()).unwrap_or_default();
    let start = times.start.moved_to(start).civil_in(&zone);
    due.moved_to(start.checked_add(by).unwrap_or(start))
}

/// When the first turn begins that is to be done.
fn first_open(
    times: &Times,
    exceptions: &Overrides<&Todo>,
    home: &TimeZone,
    work: &mut Budget,
) -> Result<Option<DateTime>, BudgetExceeded> {
    let except = Overrides::of(times.except.iter().map(|moment| (moment.clone(), ())), &times.start, home);
    let is_open = |civil: DateTime| {
        let Some(at) = times.start.moved_to(civil).timestamp(home) else { return false };
        except.get(civil, at).is_none() && exceptions.get(civil, at).is_none_or(|todo| !todo.is_over)
    };
    let zone = times.start.zone(home);
    let mut turns: Vec<DateTime> = times.also.iter().map(|(moment, _)| moment.civil_in(zone)).collect();
    if times.rules.is_empty() {
        turns.push(times.start.civil());
    }
    for rule in &times.rules {
        turns.extend(first_by(rule, times, &is_open, home, work)?);
    }
    turns.sort_unstable();
    Ok(turns.into_iter().find(|civil| is_open(*civil)))
}

fn first_by(
    rule: &Rule,
    times: &Times,
    is_open: &dyn Fn(DateTime) -> bool,
    home: &TimeZone,
    work: &mut Budget,
) -> Result<Option<DateTime>, BudgetExceeded> {
    let start = times.start.civil();
    let is_past = |civil: DateTime| match &rule.end {
        End::Until(last) => is_after(civil, last, &times.start, home),
        _ => false,
    };
    let (mut first, mut done) = (None, 0);
    walk(rule, start, &(start..DateTime::MAX), work, &is_past, &mut |civil| {
        done += 1;
        if is_open(civil) {
            first = Some(civil);
        }
        if first.is_some() || done > MOST_DONE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if first.is_none() && done > MOST_DONE { Err(BudgetExceeded) } else { Ok(first) }
}

impl Todo {
    fn task(&self, id: String, due: Option<&CalDateTime>, home: &TimeZone) -> Task {
        Task {
            id,
            title: self.title.clone(),
            status: if self.is_under_way { TaskStatus::Active } else { TaskStatus::Pending },
            priority: self.priority,
            due: due.map(|due| match due {
                CalDateTime::Day(day) => Due::Day(*day),
                _ => Due::At(due.civil_in(home)),
            }),
            milestone: false,
            same_as: None,
        }
    }
}
