//! Copies: rows that name their original in another source (`same_as`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::MergedTask;
use crate::core::facts::{Task, TaskReading};

/// Whether the original stands for both rows: only if its source has due dates and the copy's source has none.
pub const fn hides_copy(copy_has_dates: bool, original_has_dates: bool) -> bool {
    original_has_dates && !copy_has_dates
}

/// Every row once; a copy and its original become one task.
pub(super) fn merge_copies(readings: &[TaskReading]) -> Vec<MergedTask<'_>> {
    let rows = || readings.iter().flat_map(|reading| reading.tasks.iter().map(move |task| (reading, task)));
    let by_id: BTreeMap<(&str, &str), (&TaskReading, &Task)> =
        rows().map(|(reading, task)| ((reading.source, task.id.as_str()), (reading, task))).collect();
    let original_of = |reading: &TaskReading, task: &Task| {
        let (source, id) = task.same_as.as_ref()?;
        let original = by_id.get(&(source.as_str(), id.as_str()))?;
        (reading.source != source).then_some(*original)
    };
    let originals: BTreeSet<(&str, &str)> = rows()
        .filter_map(|(reading, task)| original_of(reading, task))
        .map(|(r, t)| (r.source, t.id.as_str()))
        .collect();
    let merged = rows().filter_map(|(reading, task)| match original_of(reading, task) {
        Some(original) => Some(merge((reading, task), original)),
        None if originals.contains(&(reading.source, task.id.as_str())) => None,
        None => Some(from_row(reading, task)),
    });
    merged.collect()
}

fn from_row<'a>(reading: &TaskReading, task: &'a Task) -> MergedTask<'a> {
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
    let (main, other) =
        if hides_copy(copy.0.has_dates, original.0.has_dates) { (original, copy) } else { (copy, original) };
    let task = Task { status: original.1.status, milestone: main.1.milestone || other.1.milestone, ..main.1.clone() };
    let as_of = main.0.as_of.min(other.0.as_of);
    MergedTask { task: Cow::Owned(task), as_of, ..from_row(main.0, main.1) }
}
