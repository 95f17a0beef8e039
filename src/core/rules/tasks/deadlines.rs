//! Tasks that are overdue, due today, or due tomorrow.

use jiff::ZonedDateTime;

use super::TaskFacts;
use crate::core::alert::Priority;
use crate::core::facts::{Due, Task};
use crate::core::rules::calendar::{days_ago, reminder_slot};
use crate::core::rules::draft::{AlertDraft, Collector};
use crate::core::rules::phrases::{provenance, quoted, since_due};
use crate::core::rules::thresholds::TaskThresholds;
use crate::core::tasks::MergedTask;

pub(super) fn evaluate(
    collector: &mut Collector,
    facts: &TaskFacts<'_>,
    tasks: &[MergedTask<'_>],
    limits: &TaskThresholds,
    now: &ZonedDateTime,
) {
    let evaluated = facts.complete && facts.readings.iter().any(|reading| reading.has_dates);
    let today = reminder_slot(&limits.due_today_hours, now);
    let tomorrow = reminder_slot(&[limits.due_tomorrow_hour], now);
    collector.add("task:deadline_overdue", evaluated, tasks.iter().filter_map(|task| overdue(task, now)));
    let due_today = tasks.iter().filter_map(|task| due_today(task, today.as_deref()?, facts, now));
    collector.add("task:deadline_today", evaluated, due_today);
    let due_tomorrow = tasks.iter().filter_map(|task| due_tomorrow(task, tomorrow.as_deref()?, facts, now));
    collector.add("task:deadline_tomorrow", evaluated, due_tomorrow);
}

fn overdue(merged: &MergedTask<'_>, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = merged.task.due.filter(|due| due.is_past(now))?;
    let (priority, reason) = overdue_priority(&merged.task);
    let title = format!("Overdue: {}", merged.task.title);
    let predicate = format!("was due {due}, {}{reason}", since_due(due, now));
    Some(draft(priority, &title, &predicate, due, merged, now).fact("days_past", due.days_past(now.date())))
}

/// The priority of an overdue task, with the sentence that explains it.
fn overdue_priority(task: &Task) -> (Priority, &'static str) {
    match (task.milestone, task.priority) {
        (true, _) => (Priority::Critical, ". It is a milestone"),
        (false, Some(Priority::Critical)) => (Priority::Critical, ". Its priority is critical"),
        (false, _) => (Priority::High, ""),
    }
}

fn due_today(merged: &MergedTask<'_>, slot: &str, facts: &TaskFacts<'_>, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = merged.task.due.filter(|due| days_ago(due.date(), now) == 0 && !due.is_past(now))?;
    let title = format!("Due today: {}", merged.task.title);
    let predicate = format!("is due today{}{}", at_minute(due), free_before(due, facts, now));
    Some(draft(Priority::Medium, &title, &predicate, due, merged, now).occasion(slot))
}

fn due_tomorrow(merged: &MergedTask<'_>, slot: &str, facts: &TaskFacts<'_>, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = merged.task.due.filter(|due| days_ago(due.date(), now) == -1)?;
    let title = format!("Due tomorrow: {}", merged.task.title);
    let predicate = format!("is due tomorrow{}{}", at_minute(due), free_before(due, facts, now));
    Some(draft(Priority::Low, &title, &predicate, due, merged, now).occasion(slot))
}

/// ` at 14:00`; empty for a due date without a time.
fn at_minute(due: Due) -> String {
    match due {
        Due::Day(_) => String::new(),
        Due::At(at) => format!(" at {:02}:{:02}", at.hour(), at.minute()),
    }
}

/// `, 1 h 20 free before it`; empty without calendars.
fn free_before(due: Due, facts: &TaskFacts<'_>, now: &ZonedDateTime) -> String {
    let Some((free, deadline)) = facts.free_time.zip(due.deadline(now.time_zone())) else { return String::new() };
    let minutes = free.busy.free_before(deadline.timestamp(), &free.quiet_hours, now).as_mins();
    match (minutes / 60, minutes % 60) {
        (0, 0) => ", no time free before it".into(),
        (0, minutes) => format!(", {minutes} min free before it"),
        (hours, 0) => format!(", {hours} h free before it"),
        (hours, minutes) => format!(", {hours} h {minutes:02} free before it"),
    }
}

fn draft(
    priority: Priority,
    title: &str,
    predicate: &str,
    due: Due,
    merged: &MergedTask<'_>,
    now: &ZonedDateTime,
) -> AlertDraft {
    let task = &merged.task;
    let sources = merged.sources();
    let message = format!("{} {predicate}. {}", quoted(&task.title), provenance(&sources, merged.as_of, now));
    AlertDraft::new(priority, title, message)
        .entity(&*merged.name)
        .source(&sources, Some(merged.as_of))
        .fact("task", task.title.as_str())
        .fact("due", due.to_string())
        .fact("status", task.status.as_str())
        .fact("task_priority", task.priority.map(Priority::as_str))
        .fact("milestone", task.milestone)
}
