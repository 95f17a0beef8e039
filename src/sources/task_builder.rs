//! Shared helpers for readings: notes, titles, ids and statuses.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::core::facts::{Activity, Due, TaskReading, TaskStatus, UNTITLED};
use crate::core::text::truncate;

/// Later notes of a reading are dropped.
const MAX_NOTES: usize = 20;

const MAX_TITLE_CHARS: usize = 500;

/// Unknown status words after these are not noted.
const MAX_UNKNOWN_WORDS: usize = 10;

/// A reading with due dates and nothing else. Its activity is zero: a count of open tasks alone would be wrong.
pub(crate) fn empty_reading(source: &'static str, as_of: Timestamp) -> TaskReading {
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

pub(crate) fn add_note(notes: &mut Vec<String>, note: String) {
    if notes.len() < MAX_NOTES {
        notes.push(note);
    }
}

/// One line, never empty.
pub(crate) fn title(text: &str) -> String {
    let title = truncate(text, MAX_TITLE_CHARS);
    if title.is_empty() { UNTITLED.into() } else { title }
}

/// The id of one occurrence of a recurring task. With a common id the next occurrence would look like a postponement.
pub(crate) fn occurrence_id(id: &str, due: Option<Due>) -> String {
    due.map_or_else(|| id.to_owned(), |due| format!("{id}@{}", due.date()))
}

/// Parses status words in lower case, and collects the unknown ones.
#[derive(Default)]
pub(crate) struct StatusParser {
    unknown_words: BTreeSet<String>,
}

impl StatusParser {
    /// A missing or unknown status is pending.
    pub(crate) fn parse(&mut self, word: String) -> TaskStatus {
        let status = word.parse();
        if status.is_err() && !word.is_empty() {
            self.unknown_words.insert(word);
        }
        status.unwrap_or(TaskStatus::Pending)
    }

    pub(crate) fn add_notes(self, notes: &mut Vec<String>) {
        for word in self.unknown_words.into_iter().take(MAX_UNKNOWN_WORDS) {
            add_note(notes, format!("The unknown task status '{word}' is read as pending."));
        }
    }
}
