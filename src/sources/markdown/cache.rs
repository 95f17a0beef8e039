//! Caches the tasks of unchanged notes: of fifty thousand notes, few change between two checks.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use super::folder::Note;
use super::note::Item;

/// A younger file is not cached. Another write within the resolution of file times would go unnoticed.
const MIN_AGE: Duration = Duration::from_secs(3);

/// Keyed by a fingerprint of path, inode, size and times. A note without tasks costs eight bytes.
#[derive(Debug, Default)]
pub struct NoteCache {
    without_tasks: BTreeSet<u64>,
    with_tasks: BTreeMap<u64, Box<[Item]>>,
}

/// The open tasks of one note.
pub(crate) struct NoteItems(Box<[Item]>);

impl NoteItems {
    pub(crate) fn new(items: Vec<Item>) -> Self {
        Self(items.into_boxed_slice())
    }

    pub(crate) fn as_slice(&self) -> &[Item] {
        &self.0
    }
}

impl NoteCache {
    /// The tasks of a note that has not changed since it was inserted.
    pub(crate) fn take(&mut self, note: &Note) -> Option<NoteItems> {
        let fingerprint = fingerprint(note);
        if self.without_tasks.contains(&fingerprint) {
            return Some(NoteItems(Box::default()));
        }
        self.with_tasks.remove(&fingerprint).map(NoteItems)
    }

    pub(crate) fn insert(&mut self, note: &Note, items: NoteItems) {
        let age = note.metadata.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_none_or(|age| age < MIN_AGE) {
            return;
        }
        let fingerprint = fingerprint(note);
        if items.0.is_empty() {
            self.without_tasks.insert(fingerprint);
        } else {
            self.with_tasks.insert(fingerprint, items.0);
        }
    }
}

fn fingerprint(note: &Note) -> u64 {
    let (metadata, mut hasher) = (&note.metadata, DefaultHasher::new());
    let file = (&note.name, metadata.dev(), metadata.ino(), metadata.size());
    (file, metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::sources::markdown::{folder, note};
    use crate::sources::task_builder::empty_reading;

    fn write(folder: &Path, name: &str, text: &str, age: Duration) {
        fs::write(folder.join(name), text).unwrap();
        let file = fs::File::options().append(true).open(folder.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    /// For each note by name, whether it was cached. The cache is renewed.
    fn cache_hits(folder: &Path, cache: &mut NoteCache) -> Vec<bool> {
        let mut reading = empty_reading("markdown", jiff::Timestamp::UNIX_EPOCH);
        let mut notes = folder::find_notes(folder, &[], &mut reading).unwrap();
        notes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut next = NoteCache::default();
        let mut hits = Vec::new();
        for note in &notes {
            let items = cache.take(note);
            hits.push(items.is_some());
            next.insert(note, items.unwrap_or_else(|| NoteItems::new(note::parse_items(&note.read_text().unwrap()))));
        }
        *cache = next;
        hits
    }

    #[test]
    fn only_unchanged_settled_notes_are_cached() {
        let (folder, hour) = (tempfile::tempdir().unwrap(), Duration::from_secs(3600));
        let folder = folder.path();
        write(folder, "bare.md", "nothing\n", hour);
        write(folder, "fresh.md", "- [ ] Now\n", Duration::ZERO);
        write(folder, "task.md", "- [ ] Report\n", hour);
        let mut cache = NoteCache::default();
        assert_eq!(cache_hits(folder, &mut cache), [false, false, false]);
        assert_eq!(cache_hits(folder, &mut cache), [true, false, true], "a fresh file may change again");
        write(folder, "task.md", "- [ ] Letter\n", hour);
        assert_eq!(cache_hits(folder, &mut cache), [true, false, false], "the same size and time");
        fs::remove_file(folder.join("task.md")).unwrap();
        cache_hits(folder, &mut cache);
        assert_eq!((cache.without_tasks.len(), cache.with_tasks.len()), (1, 0), "a removed file is forgotten");
    }
}
