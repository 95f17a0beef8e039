//! Task identity: which rows of several sources are one task, and the name of that task in alert keys.

mod copies;
mod counter;
mod identities;
mod matching;

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;

use super::facts::{Due, Task, TaskReading, UNTITLED};

pub use copies::hides_copy;
pub use counter::TaskCounter;
pub use identities::{Aliases, TaskIdentities};

/// A task over all sources.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedTask<'a> {
    /// The entity in alert keys: the id of one of the rows, with a number if another task has that name.
    pub name: Cow<'a, str>,
    /// The source of the main row.
    pub source: &'static str,
    /// Owned only where several rows were merged.
    pub task: Cow<'a, Task>,
    /// The age of the oldest row.
    pub as_of: Timestamp,
    /// At most one row per source, sorted by source.
    pub rows: Vec<Row<'a>>,
}

/// (source, id)
pub type Row<'a> = (&'static str, Cow<'a, str>);

impl MergedTask<'_> {
    /// `taskwarrior, todoist`.
    pub fn sources(&self) -> String {
        self.rows.iter().map(|(source, _)| *source).collect::<Vec<_>>().join(", ")
    }

    fn match_key(&self) -> Option<MatchKey> {
        MatchKey::from_task(&self.task)
    }
}

/// Tasks of different sources with the same key are one task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchKey {
    /// In lower case, with single spaces.
    title: String,
    due: Date,
}

impl MatchKey {
    /// None without a date or a title: such a task matches no other.
    pub fn new(title: &str, due: Option<Date>) -> Option<Self> {
        let due = due?;
        let title = title.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        (!title.is_empty() && title != UNTITLED).then_some(Self { title, due })
    }

    pub fn from_task(task: &Task) -> Option<Self> {
        Self::new(&task.title, task.due.map(Due::date))
    }
}

/// Whether two rows of different sources are one task.
pub fn is_same_task(a: &Task, b: &Task) -> bool {
    let key = MatchKey::from_task(a);
    key.is_some() && key == MatchKey::from_task(b)
}

/// Every open task once, by source and id.
///
/// A copy (`same_as`) and its original are one task: id, title, due date and priority come from the row whose source has due dates,
/// the status from the original, the milestone from either. Rows of different sources with the same `MatchKey` are one task too.
/// A task with an open alert keeps its name while one of its rows exists; a new task is named after its first row.
pub fn merge_tasks<'a>(readings: &'a [TaskReading], identities: &TaskIdentities) -> Vec<MergedTask<'a>> {
    let mut merged = matching::merge_matches(copies::merge_copies(readings), identities);
    merged.sort_by(|a, b| (a.source, &a.task.id, &a.name).cmp(&(b.source, &b.task.id, &b.name)));
    merged
}
