//! Two rows that one source says are the same: a copy and its original.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::MergedTask;
use crate::core::facts::{Task, TaskReading};

/// Every row once, but originals of copies.
pub(super) fn linked(readings: &[TaskReading]) -> Vec<MergedTask<'_>> {
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
    let merged = rows().filter_map(|(reading, task)| match original(reading, task) {
        Some(original) => Some(merge((reading, task), original)),
        None if copied.contains(&(reading.source, task.id.as_str())) => None,
        None => Some(alone(reading, task)),
    });
    merged.collect()
}

fn alone<'a>(reading: &TaskReading, task: &'a Task) -> MergedTask<'a> {
    let id = Cow::Borrowed(task.id.as_str());
    MergedTask {
        name: id.clone(),
        source: reading.source,
        task: Cow::Borrowed(task),
        as_of: reading.as_of,
        rows: vec![(reading.source, id)],
    }
}

fn merge<'a>(copy: (&TaskReading, &'a Task), original: (&TaskReading, &'a Task)) -> MergedTask<'a> {
    let (dated, other) = if original.0.has_dates && !copy.0.has_dates { (original, copy) } else { (copy, original) };
    let task = Task { status: original.1.status, milestone: dated.1.milestone || other.1.milestone, ..dated.1.clone() };
    let as_of = dated.0.as_of.min(other.0.as_of);
    MergedTask { task: Cow::Owned(task), as_of, ..alone(dated.0, dated.1) }
}
