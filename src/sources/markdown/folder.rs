//! Finds the notes in a folder and its subfolders.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::SOURCE;
use crate::core::facts::TaskReading;
use crate::sources::Error;
use crate::sources::task_builder::add_note;

/// No further folder is searched after this many notes.
const MAX_NOTES: usize = 100_000;

/// The rest of a longer note is not read.
const MAX_NOTE_BYTES: u64 = 4 * 1024 * 1024;

/// A Markdown file.
pub(crate) struct Note {
    pub(crate) path: PathBuf,
    /// The path relative to the folder.
    pub(crate) name: String,
    pub(crate) metadata: Metadata,
}

impl Note {
    /// Invalid UTF-8 becomes `�`.
    pub(crate) fn read_text(&self) -> io::Result<String> {
        let mut bytes = Vec::new();
        File::open(&self.path)?.take(MAX_NOTE_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    pub(crate) fn is_truncated(&self) -> bool {
        self.metadata.size() > MAX_NOTE_BYTES
    }
}

/// Every note under `root`. Symlinks are not followed: they may form cycles, leave the folder, or lead to a note that is found
/// anyway. Hidden files are skipped, because the trash and the settings of note programs are hidden.
pub(crate) fn find_notes(root: &Path, exclude: &[PathBuf], reading: &mut TaskReading) -> Result<Vec<Note>, Error> {
    find_up_to(MAX_NOTES, root, exclude, reading)
}

fn find_up_to(
    max_notes: usize,
    root: &Path,
    exclude: &[PathBuf],
    reading: &mut TaskReading,
) -> Result<Vec<Note>, Error> {
    // The folder itself may be a symlink.
    let root = root.canonicalize().map_err(|error| missing_root(root, &error))?;
    if !root.is_dir() {
        let message = format!("{} is not a folder", root.display());
        let advice = "Set sources.markdown.folder to the folder of your notes.";
        return Err(Error::action_required(SOURCE, message, advice));
    }
    let mut walk = Walk { root: &root, exclude, reading, pending: vec![PathBuf::new()], notes: Vec::new(), links: 0 };
    while let Some(folder) = walk.pending.pop() {
        let entries = fs::read_dir(root.join(&folder));
        match entries.and_then(|mut entries| entries.try_for_each(|entry| entry.map(|entry| walk.visit(&entry)))) {
            Ok(()) => {}
            Err(error) if folder.as_os_str().is_empty() => return Err(Error::from_io(SOURCE, &root, &error)),
            Err(error) => walk.skip(&folder, "/", &error),
        }
        if walk.notes.len() >= max_notes && !walk.pending.is_empty() {
            add_note(&mut walk.reading.notes, format!("Only {} notes were read; there are more.", walk.notes.len()));
            walk.reading.unreadable.extend(walk.pending.drain(..).map(|folder| format!("{}/", shown(&folder))));
        }
    }
    let (notes, links) = (walk.notes, walk.links);
    if links > 0 {
        add_note(&mut reading.notes, format!("Symlinks in the folder were not followed ({links})."));
    }
    if notes.is_empty() {
        // Probably the mount point of a disk that is not mounted.
        return Err(Error::transient(SOURCE, format!("there are no notes in {}", root.display())));
    }
    Ok(notes)
}

fn missing_root(root: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::transient(SOURCE, format!("there is no folder {}", root.display())),
        _ => Error::from_io(SOURCE, root, error),
    }
}

struct Walk<'a> {
    root: &'a Path,
    exclude: &'a [PathBuf],
    reading: &'a mut TaskReading,
    /// Folders still to be searched.
    pending: Vec<PathBuf>,
    notes: Vec<Note>,
    links: usize,
}

impl Walk<'_> {
    fn visit(&mut self, entry: &fs::DirEntry) {
        let path = entry.path();
        let Ok(relative) = path.strip_prefix(self.root).map(Path::to_path_buf) else { return };
        if let Some(note) = icloud_placeholder(&relative).filter(|note| !self.exclude.contains(note)) {
            let name = shown(&note);
            add_note(&mut self.reading.notes, format!("Skipped: {name} is in iCloud and not on this Mac."));
            return self.reading.unreadable.push(format!("{name}#"));
        }
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if is_hidden || self.exclude.contains(&relative) {
            return;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => self.links += usize::from(is_note(&path) || path.is_dir()),
            Ok(kind) if kind.is_dir() => self.pending.push(relative),
            Ok(kind) if kind.is_file() && is_note(&path) => match entry.metadata() {
                Ok(metadata) => self.notes.push(Note { name: shown(&relative), path, metadata }),
                Err(error) => self.skip(&relative, "#", &error),
            },
            // Another file, or a pipe or device.
            Ok(_) => {}
            Err(error) => self.skip(&relative, "#", &error),
        }
    }

    /// `suffix` is `#` for a note and `/` for a folder: see `TaskReading::unreadable`.
    fn skip(&mut self, relative: &Path, suffix: &str, error: &io::Error) {
        let error = Error::from_io(SOURCE, &self.root.join(relative), error);
        add_note(&mut self.reading.notes, format!("Skipped: {}.", error.message));
        self.reading.unreadable.push(format!("{}{suffix}", shown(relative)));
    }
}

fn is_note(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|text| text.eq_ignore_ascii_case("md") || text.eq_ignore_ascii_case("markdown"))
}

/// The note that macOS has moved to iCloud, leaving `.Note.md.icloud` behind.
fn icloud_placeholder(relative: &Path) -> Option<PathBuf> {
    let name = relative.file_name()?.to_str()?.strip_prefix('.')?.strip_suffix(".icloud")?;
    Some(relative.with_file_name(name)).filter(|note| is_note(note))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sources::task_builder::empty_reading;

    #[test]
    fn folders_beyond_the_limit_are_unreadable() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("note.md"), "").unwrap();
        }
        let find = |max_notes: usize| {
            let mut reading = empty_reading(SOURCE, jiff::Timestamp::UNIX_EPOCH);
            let notes = find_up_to(max_notes, root.path(), &[], &mut reading).unwrap();
            (notes.len(), reading.unreadable.len(), reading.notes)
        };
        assert_eq!(find(1), (1, 1, vec!["Only 1 notes were read; there are more.".to_owned()]));
        assert_eq!(find(2), (2, 0, vec![]), "there are no more");
    }
}
