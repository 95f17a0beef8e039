//! What was found in the notes that have not changed since: of fifty thousand, few do between two checks.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use super::folder::Note;
use super::note::Item;

/// A file that was changed just now may be changed again without a sign of it.
const SETTLED: Duration = Duration::from_secs(3);

/// Notes by their fingerprints: path, file, size and time. Eight bytes for a note that holds no task.
#[derive(Debug, Default)]
pub struct Memory {
    bare: BTreeSet<u64>,
    filled: BTreeMap<u64, Box<[Item]>>,
}

/// What a note holds.
pub(super) struct Found(Box<[Item]>);

impl Found {
    pub(super) fn of(items: Vec<Item>) -> Self {
        Self(items.into_boxed_slice())
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.0
    }
}

impl Memory {
    /// What a note held when it was last read, if it is as it was then.
    pub(super) fn take(&mut self, note: &Note) -> Option<Found> {
        let fingerprint = fingerprint(note);
        if self.bare.contains(&fingerprint) {
            return Some(Found(Box::default()));
        }
        self.filled.remove(&fingerprint).map(Found)
    }

    pub(super) fn keep(&mut self, note: &Note, found: Found) {
        let age = note.meta.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_none_or(|age| age < SETTLED) {
            return;
        }
        let fingerprint = fingerprint(note);
        if found.0.is_empty() {
            self.bare.insert(fingerprint);
        } else {
            self.filled.insert(fingerprint, found.0);
        }
    }
}

fn fingerprint(note: &Note) -> u64 {
    let (meta, mut hasher) = (&note.meta, DefaultHasher::new());
    let place = (&note.name, meta.dev(), meta.ino(), meta.size());
    (place, meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()).hash(&mut hasher);
    hasher.finish()
}
