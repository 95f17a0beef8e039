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
pub(crate) struct Found(Box<[Item]>);

impl Found {
    pub(crate) fn of(items: Vec<Item>) -> Self {
        Self(items.into_boxed_slice())
    }

    pub(crate) fn items(&self) -> &[Item] {
        &self.0
    }
}

impl Memory {
    /// What a note held when it was last read, if it is as it was then.
    pub(crate) fn take(&mut self, note: &Note) -> Option<Found> {
        let fingerprint = fingerprint(note);
        if self.bare.contains(&fingerprint) {
            return Some(Found(Box::default()));
        }
        self.filled.remove(&fingerprint).map(Found)
    }

    pub(crate) fn keep(&mut self, note: &Note, found: Found) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::sources::markdown::{folder, note};
    use crate::sources::task_builder;

    fn write(folder: &Path, name: &str, text: &str, age: Duration) {
        fs::write(folder.join(name), text).unwrap();
        let file = fs::File::options().append(true).open(folder.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    /// What is remembered of each note, and whether it was when it was asked for.
    fn look(folder: &Path, memory: &mut Memory) -> Vec<(String, bool)> {
        let mut reading = task_builder::reading("markdown", jiff::Timestamp::UNIX_EPOCH);
        let mut notes = folder::notes(folder, &[], &mut reading).unwrap();
        notes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut renewed = Memory::default();
        let mut known = Vec::new();
        for note in &notes {
            let found = memory.take(note);
            known.push((note.name.clone(), found.is_some()));
            renewed.keep(note, found.unwrap_or_else(|| Found::of(note::items(&note.read().unwrap()))));
        }
        *memory = renewed;
        known
    }

    #[test]
    fn only_what_has_changed_has_to_be_read_again() {
        let (folder, hour) = (tempfile::tempdir().unwrap(), Duration::from_secs(3600));
        let folder = folder.path();
        write(folder, "bare.md", "nothing\n", hour);
        write(folder, "fresh.md", "- [ ] Now\n", Duration::ZERO);
        write(folder, "task.md", "- [ ] Report\n", hour);
        let mut memory = Memory::default();
        let flags = |known: Vec<(String, bool)>| known.into_iter().map(|(_, known)| known).collect::<Vec<_>>();
        assert_eq!(flags(look(folder, &mut memory)), [false, false, false]);
        assert_eq!(flags(look(folder, &mut memory)), [true, false, true], "what was written just now may change again");
        write(folder, "task.md", "- [ ] Letter\n", hour);
        assert_eq!(flags(look(folder, &mut memory)), [true, false, false], "the same size and time");
        fs::remove_file(folder.join("task.md")).unwrap();
        look(folder, &mut memory);
        assert_eq!((memory.bare.len(), memory.filled.len()), (1, 0), "what is gone is forgotten");
    }
}
