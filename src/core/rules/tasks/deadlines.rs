//! Tasks that are past due, due today, or due tomorrow.

use jiff::ZonedDateTime;

use super::TaskFacts;
use crate::core::alert::Priority;
use crate::core::facts::{Due, Task};
use crate::core::rules::calendar::{days_ago, occasion};
use crate::core::rules::draft::{AlertDraft, Collector};
use crate::core::rules::phrases::{quoted, read, since_due};
use crate::core::rules::thresholds::TaskThresholds;
use crate::core::tasks::MergedTask;

pub(super) fn judge(
    found: &mut Collector,
    facts: &TaskFacts<'_>,
    tasks: &[MergedTask<'_>],
    limits: &TaskThresholds,
    now: &ZonedDateTime,
) {
    let judged = facts.complete && facts.readings.iter().any(|reading| reading.has_dates);
    let today = occasion(&limits.due_today_hours, now);
    let tomorrow = occasion(&[limits.due_tomorrow_hour], now);
    found.rule("task:deadline_overdue", judged, tasks.iter().filter_map(|task| overdue(task, now)));
    found.rule(
        "task:deadline_today",
        judged,
        tasks.iter().filter_map(|task| due_today(task, today.as_deref()?, facts, now)),
    );
    found.rule(
        "task:deadline_tomorrow",
        judged,
        tasks.iter().filter_map(|task| due_tomorrow(task, tomorrow.as_deref()?, facts, now)),
    );
}

fn overdue(merged: &MergedTask<'_>, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = merged.task.due.filter(|due| due.is_past(now))?;
    let (priority, why) = weight(&merged.task);
    let title = format!("Overdue: {}", merged.task.title);
    let what = format!("was due {due}, {}{why}", since_due(due, now));
    Some(finding(priority, &title, &what, due, merged, now).fact("days_past", due.days_past(now.date())))
}

/// How bad it is to be late with it, and the words for why.
fn weight(task: &Task) -> (Priority, &'static str) {
    match (task.milestone, task.priority) {
        (true, _) => (Priority::Critical, ". It is a milestone"),
        (false, Some(Priority::Critical)) => (Priority::Critical, ". Its priority is critical"),
        (false, _) => (Priority::High, ""),
    }
}

fn due_today(merged: &MergedTask<'_>, slot: &str, facts: &TaskFacts<'_>, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = merged.task.due.filter(|due| days_ago(due.date(), now) == 0 && !due.is_past(now))?;
    let title = format!("Due today: {}", merged.task.title);
    let what = format!("is due today{}{}", clock(due), free_before(due, facts, now));
    Some(finding(Priority::Medium, &title, &what, due, merged, now).on(slot))
}

fn due_tomorrow(merged: &MergedTask<'_>, slot: &str, facts: &TaskFacts<'_>, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = merged.task.due.filter(|due| days_ago(due.date(), now) == -1)?;
    let title = format!("Due tomorrow: {}", merged.task.title);
    let what = format!("is due tomorrow{}{}", clock(due), free_before(due, facts, now));
    Some(finding(Priority::Low, &title, &what, due, merged, now).on(slot))
}

/// ` at 14:00`, if it is due at a minute.
fn clock(due: Due) -> String {
    match due {
        Due::Day(_) => String::new(),
        Due::At(at) => format!(" at {:02}:{:02}", at.hour(), at.minute()),
    }
}

/// `, 1 h 20 free before it`, where calendars tell what is free.
fn free_before(due: Due, facts: &TaskFacts<'_>, now: &ZonedDateTime) -> String {
    let Some((free, deadline)) = facts.free.zip(due.deadline(now.time_zone())) else { return String::new() };
    let free = free.agenda.free_before(deadline.timestamp(), &free.quiet, now).as_mins();
    match (free / 60, free % 60) {
        (0, 0) => ", no time free before it".into(),
        (0, minutes) => format!(", {minutes} min free before it"),
        (hours, 0) => format!(", {hours} h free before it"),
        (hours, minutes) => format!(", {hours} h {minutes:02} free before it"),
    }
}

fn finding(
    priority: Priority,
    title: &str,
    what: &str,
    due: Due,
    merged: &MergedTask<'_>,
    now: &ZonedDateTime,
) -> AlertDraft {
    let task = &merged.task;
    let sources = merged.sources();
    let message = format!("{} {what}. {}", quoted(&task.title), read(&sources, merged.as_of, now));
    AlertDraft::new(priority, title, message)
        .about(&*merged.name)
        .read_from(&sources, Some(merged.as_of))
        .fact("task", task.title.as_str())
        .fact("due", due.to_string())
        .fact("status", task.status.as_str())
        .fact("task_priority", task.priority.map(Priority::as_str))
        .fact("milestone", task.milestone)
}
