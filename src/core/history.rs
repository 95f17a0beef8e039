//! One reading beside another: what was put off between two, and two records of one thing made one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::facts::{Due, HealthDay, Night, Postponement, Task, TaskReading};

/// The tasks that were put off between two readings of one source, by id: a due date that moved later, or a status that
/// went back. One event a task, whatever happened to it; a task that is only in one of the readings was not put off.
#[must_use]
pub fn postponed(source: &str, before: &[Task], after: &[Task], at: Timestamp) -> Vec<Postponement> {
    let before: BTreeMap<&str, &Task> = before.iter().map(|task| (task.id.as_str(), task)).collect();
    let after: BTreeMap<&str, &Task> = after.iter().map(|task| (task.id.as_str(), task)).collect();
    let events = after.into_iter().filter_map(|(id, task)| {
        let what = what_moved(before.get(id)?, task)?;
        Some(Postponement { source: source.into(), task_id: id.into(), title: task.title.clone(), at, what })
    });
    events.collect()
}

fn what_moved(before: &Task, after: &Task) -> Option<String> {
    let due = match (before.due, after.due) {
        (Some(old), Some(new)) if is_later(new, old) => Some(format!("due {old} → {new}")),
        _ => None,
    };
    let fell = after.status.rank().zip(before.status.rank()).is_some_and(|(new, old)| new < old);
    let status = fell.then(|| format!("{} → {}", before.status.as_str(), after.status.as_str()));
    let parts: Vec<String> = due.into_iter().chain(status).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// By date, or by time on the same date. A time that was only added or dropped has not moved.
fn is_later(new: Due, old: Due) -> bool {
    match (new, old) {
        (Due::At(new), Due::At(old)) => new > old,
        _ => new.date() > old.date(),
    }
}

/// What is known of a day after it was read again, field by field: what was read wins, unknown never overwrites known.
#[must_use]
pub fn merge_day(known: HealthDay, read: HealthDay) -> HealthDay {
    HealthDay {
        date: read.date,
        readiness: read.readiness.or(known.readiness),
        slept_s: read.slept_s.or(known.slept_s),
        night: match (known.night, read.night) {
            (Some(known), Some(read)) => Some(merge_night(known, read)),
            (known, read) => read.or(known),
        },
        stress: read.stress.or(known.stress),
        as_of: read.as_of.max(known.as_of),
    }
}

fn merge_night(known: Night, read: Night) -> Night {
    Night {
        asleep_s: read.asleep_s.or(known.asleep_s),
        efficiency: read.efficiency.or(known.efficiency),
        hrv_ms: read.hrv_ms.or(known.hrv_ms),
    }
}

/// A task over all sources.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedTask<'a> {
    /// The source that its id belongs to.
    pub source: &'static str,
    /// The task; one of its own only where two rows were made one.
    pub task: Cow<'a, Task>,
    /// When the oldest of the facts about it was true.
    pub as_of: Timestamp,
}

/// Every open task once, by source and id.
///
/// Where one source keeps a copy of another's task (`same_as`), both rows are one task: id, title, due date and priority
/// come from the row whose source knows dates, the status from the original, the milestone from either.
#[must_use]
pub fn merged_tasks(readings: &[TaskReading]) -> Vec<MergedTask<'_>> {
    let rows = || readings.iter().flat_map(|reading| reading.tasks.iter().map(move |task| (reading, task)));
    let by_id: BTreeMap<(&str, &str), (&TaskReading, &Task)> =
        rows().map(|(reading, task)| ((reading.source, task.id.as_str()), (reading, task))).collect();
    let original = |reading: &TaskReading, task: &Task| {
        let (source, id) = task.same_as.as_ref()?;
        let found = by_id.get(&(source.as_str(), id.as_str()))?;
        (reading.source != source).then_some(*found)
    };
    let copied: BTreeSet<(&str, &str)> =
        rows().filter_map(|(reading, task)| original(reading, task)).map(|(r, t)| (r.source, t.id.as_str())).collect();
    let mut merged: Vec<MergedTask<'_>> = rows()
        .filter_map(|(reading, task)| match original(reading, task) {
            Some(original) => Some(merge((reading, task), original)),
            None if copied.contains(&(reading.source, task.id.as_str())) => None,
            None => Some(MergedTask { source: reading.source, task: Cow::Borrowed(task), as_of: reading.as_of }),
        })
        .collect();
    merged.sort_by(|a, b| (a.source, &a.task.id).cmp(&(b.source, &b.task.id)));
    merged
}

fn merge(copy: (&TaskReading, &Task), original: (&TaskReading, &Task)) -> MergedTask<'static> {
    let (dated, other) = if original.0.has_dates && !copy.0.has_dates { (original, copy) } else { (copy, original) };
    let task = Task { status: original.1.status, milestone: dated.1.milestone || other.1.milestone, ..dated.1.clone() };
    MergedTask { source: dated.0.source, task: Cow::Owned(task), as_of: dated.0.as_of.min(other.0.as_of) }
}
