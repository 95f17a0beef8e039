//! The tasks of all sources, each once: what makes two records one task, and what that task is called.

mod copies;
mod identities;
mod naming;

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;

use super::facts::{Due, Task, TaskReading, UNTITLED};

pub use crate::core::tasks::identities::{Aliases, TaskIdentities};

/// A task over all sources.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedTask<'a> {
    /// What it is known by in keys: the id of one of its rows, unless another task goes by that.
    pub name: Cow<'a, str>,
    /// The source that its id belongs to.
    pub source: &'static str,
    /// The task; one of its own only where two rows were made one.
    pub task: Cow<'a, Task>,
    /// When the oldest of the facts about it was true.
    pub as_of: Timestamp,
    /// The rows that tell of it, one a source, by source: source and id.
    pub rows: Vec<Row<'a>>,
}

/// Source and id.
pub type Row<'a> = (&'static str, Cow<'a, str>);

impl MergedTask<'_> {
    /// Every source that knows it, as one word: `taskwarrior, todoist`.
    #[must_use]
    pub fn sources(&self) -> String {
        self.rows.iter().map(|(source, _)| *source).collect::<Vec<_>>().join(", ")
    }

    fn likeness(&self) -> Option<MatchKey> {
        MatchKey::of(&self.task.title, self.task.due.map(Due::date))
    }
}

/// Tasks of different sources that agree in this are one task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchKey {
    /// In lower case, with single spaces.
    title: String,
    /// The date that it is due.
    date: Date,
}

impl MatchKey {
    /// Of a task with this title that is due on this date; without a date or a title it is like no other.
    #[must_use]
    pub fn of(title: &str, date: Option<Date>) -> Option<Self> {
        let date = date?;
        let title = title.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        (!title.is_empty() && title != UNTITLED).then_some(Self { title, date })
    }
}

/// Whether two rows of different sources are one task.
#[must_use]
pub fn is_one_task(a: &Task, b: &Task) -> bool {
    let likeness = |task: &Task| MatchKey::of(&task.title, task.due.map(Due::date));
    likeness(a).is_some() && likeness(a) == likeness(b)
}

/// Every open task once, by source and id.
///
/// Where one source keeps a copy of another's task (`same_as`), both rows are one task: id, title, due date and priority
/// come from the row whose source knows dates, the status from the original, the milestone from either.
///
/// Rows of different sources with the same title that are due on the same date are one task too. What was told of goes on
/// under the name that it was told under, for as long as one of its rows holds; what nobody was told of is known by the first
/// of its rows.
#[must_use]
pub fn merged_tasks<'a>(readings: &'a [TaskReading], told: &TaskIdentities) -> Vec<MergedTask<'a>> {
    let mut merged = naming::named(copies::linked(readings), told);
    merged.sort_by(|a, b| (a.source, &a.task.id, &a.name).cmp(&(b.source, &b.task.id, &b.name)));
    merged
}
