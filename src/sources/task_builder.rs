//! What the sources of nothing but tasks have in common.

use jiff::Timestamp;

use crate::core::facts::{Activity, Due, TaskReading, UNTITLED};
use crate::core::text::clip;

/// More notes than this say nothing new.
const MOST_NOTES: usize = 20;

/// A longer title (characters) tells the rules nothing more.
const LONGEST_TITLE: usize = 500;

/// A reading of a source that knows dates, and neither promises nor goals nor thoughts. It adds nothing to what came in and got
/// done: half a number would be wrong.
pub(crate) fn reading(source: &'static str, as_of: Timestamp) -> TaskReading {
    TaskReading {
        source,
        as_of,
        tasks: Vec::new(),
        commitments: None,
        has_dates: true,
        goal: None,
        thoughts: None,
        activity: Some(Activity::default()),
        unreadable: Vec::new(),
        notes: Vec::new(),
    }
}

pub(crate) fn note(reading: &mut TaskReading, note: String) {
    if reading.notes.len() < MOST_NOTES {
        reading.notes.push(note);
    }
}

/// One line, never empty.
pub(crate) fn title(text: &str) -> String {
    let title = clip(text, LONGEST_TITLE);
    if title.is_empty() { UNTITLED.into() } else { title }
}

/// What one occurrence of a recurring task goes by. When it is done, the next is another task: were it the same one, it would
/// look put off.
pub(crate) fn occurrence(id: &str, due: Option<Due>) -> String {
    due.map_or_else(|| id.to_owned(), |due| format!("{id}@{}", due.date()))
}
