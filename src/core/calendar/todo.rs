//! Calendar to-dos as tasks.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::datetime::CalDateTime;
use super::event::{Override, RecurrenceSet};
use super::expand::expand;
use super::overrides::Overrides;
use super::rule::RecurrenceRule;
use super::{Budget, BudgetExceeded};
use crate::core::alert::Priority;
use crate::core::facts::{Due, Task, TaskStatus};

/// The search for an open instance of a series gives up after this many.
const MAX_DONE_INSTANCES: u32 = 5000;

const MAX_STEPS_PER_TODO: u32 = 100_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Todo {
    /// Shared by a series and its overrides.
    pub uid: String,
    /// Of two versions, the one with the higher number is newer.
    pub sequence: i64,
    pub recurrence_id: Option<Override>,
    pub title: String,
    /// `None` without start and due time.
    pub recurrence: Option<RecurrenceSet>,
    pub due: Option<CalDateTime>,
    /// Completed or cancelled.
    pub is_closed: bool,
    pub is_in_progress: bool,
    pub priority: Option<Priority>,
}

/// One task per open to-do, and the UIDs of to-dos whose next instance exceeds the budget. The task of a series is its first
/// instance that is neither closed nor excluded.
pub fn open_tasks(todos: &[Todo], home: &TimeZone, budget: &mut Budget) -> (Vec<Task>, Vec<String>) {
    let mut by_uid = BTreeMap::<&str, Vec<&Todo>>::new();
    for todo in todos {
        by_uid.entry(&todo.uid).or_default().push(todo);
    }
    let (mut tasks, mut unreadable) = (Vec::new(), Vec::new());
    for (uid, versions) in by_uid {
        match budget.with_limit(MAX_STEPS_PER_TODO, |budget| open_task(&versions, home, budget)) {
            Ok(task) => tasks.extend(task),
            Err(BudgetExceeded) => unreadable.push(uid.to_owned()),
        }
    }
    (tasks, unreadable)
}

fn open_task(versions: &[&Todo], home: &TimeZone, budget: &mut Budget) -> Result<Option<Task>, BudgetExceeded> {
    let (overrides, series): (Vec<&Todo>, Vec<&Todo>) =
        versions.iter().copied().partition(|todo| todo.recurrence_id.is_some());
    let Some(main) = series.into_iter().max_by_key(|todo| todo.sequence) else {
        // An override without its series is a single to-do.
        let open = overrides.into_iter().filter(|todo| !todo.is_closed).max_by_key(|todo| todo.sequence);
        return Ok(open.map(|todo| todo.task(todo.uid.clone(), todo.due.as_ref(), home)));
    };
    if main.is_closed {
        return Ok(None);
    }
    let Some(recurrence) = main.recurrence.as_ref().filter(|recurrence| recurrence.is_recurring()) else {
        return Ok(Some(main.task(main.uid.clone(), main.due.as_ref(), home)));
    };
    let overrides =
        overrides.into_iter().filter_map(|todo| Some((todo.recurrence_id.as_ref()?.original.clone(), todo)));
    let mut overrides: Vec<(CalDateTime, &Todo)> = overrides.collect();
    overrides.sort_by_key(|(_, todo)| todo.sequence);
    let overrides = Overrides::new(overrides, &recurrence.start, home);
    let Some(start) = first_open(recurrence, &overrides, home, budget)? else { return Ok(None) };
    let at = recurrence.start.with_civil(start).timestamp(home);
    let own = at.and_then(|at| overrides.get(start, at).copied());
    let due = own.and_then(|todo| todo.due.clone());
    let due = due.or_else(|| main.due.as_ref().map(|due| due_of_instance(due, recurrence, start)));
    // Every instance has its own id, or a later due date would count as postponed.
    let id = format!("{}@{}", main.uid, start.date());
    Ok(Some(own.unwrap_or(main).task(id, due.as_ref(), home)))
}

/// The same distance from the start as for the first instance.
fn due_of_instance(due: &CalDateTime, recurrence: &RecurrenceSet, start: DateTime) -> CalDateTime {
    let zone = due.zone(&TimeZone::UTC).clone();
    let first = recurrence.start.civil_in(&zone);
    let distance = first.until(due.civil()).unwrap_or_default();
    let start = recurrence.start.with_civil(start).civil_in(&zone);
    due.with_civil(start.checked_add(distance).unwrap_or(start))
}

fn first_open(
    recurrence: &RecurrenceSet,
    overrides: &Overrides<&Todo>,
    home: &TimeZone,
    budget: &mut Budget,
) -> Result<Option<DateTime>, BudgetExceeded> {
    let RecurrenceSet { start, rules, rdates, .. } = recurrence;
    let excluded = recurrence.exclusions(home);
    let is_open = |civil: DateTime| {
        let Some(at) = start.with_civil(civil).timestamp(home) else { return false };
        excluded.get(civil, at).is_none() && overrides.get(civil, at).is_none_or(|todo| !todo.is_closed)
    };
    let zone = start.zone(home);
    let mut instances: Vec<DateTime> = rdates.iter().map(|(rdate, _)| rdate.civil_in(zone)).collect();
    if rules.is_empty() {
        instances.push(start.civil());
    }
    for rule in rules {
        instances.extend(first_open_by_rule(rule, start, &is_open, home, budget)?);
    }
    Ok(instances.into_iter().filter(|civil| is_open(*civil)).min())
}

fn first_open_by_rule(
    rule: &RecurrenceRule,
    start: &CalDateTime,
    is_open: &dyn Fn(DateTime) -> bool,
    home: &TimeZone,
    budget: &mut Budget,
) -> Result<Option<DateTime>, BudgetExceeded> {
    let (mut open, mut visited) = (None, 0);
    expand(rule, start, home, &(start.civil()..DateTime::MAX), budget, &mut |civil| {
        visited += 1;
        open = is_open(civil).then_some(civil);
        if open.is_some() || visited > MAX_DONE_INSTANCES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if open.is_none() && visited > MAX_DONE_INSTANCES { Err(BudgetExceeded) } else { Ok(open) }
}

impl Todo {
    fn task(&self, id: String, due: Option<&CalDateTime>, home: &TimeZone) -> Task {
        Task {
            id,
            title: self.title.clone(),
            status: if self.is_in_progress { TaskStatus::Active } else { TaskStatus::Pending },
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
