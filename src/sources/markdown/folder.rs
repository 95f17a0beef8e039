//! The notes in a folder and the folders in it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::SOURCE;
use crate::core::facts::TaskReading;
use crate::sources::error::SourceError;
use crate::sources::task_builder;

/// More notes are not looked at.
const MOST_NOTES: usize = 100_000;

/// No more of a note is read (bytes).
const LONGEST: u64 = 4 * 1024 * 1024;

/// A note.
pub(crate) struct Note {
    pub(crate) path: PathBuf,
    /// Its path from the folder, with `/` between its parts.
    pub(crate) name: String,
    pub(crate) meta: Metadata,
}

impl Note {
    /// Its text; what is no UTF-8 becomes `�`.
    pub(crate) fn read(&self) -> io::Result<String> {
        let mut bytes = Vec::new();
        File::open(&self.path)?.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.meta.size() > LONGEST
    }
}

/// Every note under `root`. Links are not followed: they may lead in circles, out of the folder, or to a note that is read
/// anyway. What is hidden is passed over: the trash and the program's own files are.
pub(crate) fn notes(root: &Path, exclude: &[PathBuf], reading: &mut TaskReading) -> Result<Vec<Note>, SourceError> {
    notes_up_to(MOST_NOTES, root, exclude, reading)
}

/// No folder is looked into once there are so many.
fn notes_up_to(
    most: usize,
    root: &Path,
    exclude: &[PathBuf],
    reading: &mut TaskReading,
) -> Result<Vec<Note>, SourceError> {
    // The folder itself may be a link.
    let root = root.canonicalize().map_err(|error| missing(root, &error))?;
    if !root.is_dir() {
        let what = format!("{} is no folder", root.display());
        return Err(SourceError::needs_user(SOURCE, what, "Set sources.markdown.folder to the folder of your notes."));
    }
    let mut walk = Walk { root: &root, exclude, reading, folders: vec![PathBuf::new()], notes: Vec::new(), links: 0 };
    while let Some(folder) = walk.folders.pop() {
        let read = fs::read_dir(root.join(&folder));
        match read.and_then(|mut entries| entries.try_for_each(|entry| entry.map(|entry| walk.see(&entry)))) {
            Ok(()) => {}
            Err(error) if folder.as_os_str().is_empty() => return Err(SourceError::unreadable(SOURCE, &root, &error)),
            Err(error) => walk.pass_over(&folder, "/", &error),
        }
        if walk.notes.len() >= most && !walk.folders.is_empty() {
            task_builder::note(walk.reading, format!("Only {} notes are read; there are more.", walk.notes.len()));
            walk.reading.unreadable.extend(walk.folders.drain(..).map(|folder| format!("{}/", shown(&folder))));
        }
    }
    let (notes, links) = (walk.notes, walk.links);
    if links > 0 {
        task_builder::note(reading, format!("Links in the folder are not followed ({links})."));
    }
    if notes.is_empty() {
        // Nobody means a folder without notes. It may be the place of a disk that is not there.
        return Err(SourceError::outage(SOURCE, format!("there are no notes in {}", root.display())));
    }
    Ok(notes)
}

fn missing(root: &Path, error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound => SourceError::outage(SOURCE, format!("there is no folder {}", root.display())),
        _ => SourceError::unreadable(SOURCE, root, error),
    }
}

struct Walk<'a> {
    root: &'a Path,
    exclude: &'a [PathBuf],
    reading: &'a mut TaskReading,
    /// Still to be looked into.
    folders: Vec<PathBuf>,
    notes: Vec<Note>,
    links: usize,
}

impl Walk<'_> {
    fn see(&mut self, entry: &fs::DirEntry) {
        let path = entry.path();
        let Ok(inside) = path.strip_prefix(self.root).map(Path::to_path_buf) else { return };
        if let Some(inside) = in_the_cloud(&inside).filter(|inside| !self.exclude.contains(inside)) {
            let name = shown(&inside);
            task_builder::note(self.reading, format!("Passed over: {name} is in iCloud and not on this Mac."));
            return self.reading.unreadable.push(format!("{name}#"));
        }
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if is_hidden || self.exclude.contains(&inside) {
            return;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => self.links += usize::from(is_note(&path) || path.is_dir()),
            Ok(kind) if kind.is_dir() => self.folders.push(inside),
            Ok(kind) if kind.is_file() && is_note(&path) => match entry.metadata() {
                Ok(meta) => self.notes.push(Note { name: shown(&inside), path, meta }),
                Err(error) => self.pass_over(&inside, "#", &error),
            },
            // A pipe or a device may be called a note, too.
            Ok(_) => {}
            Err(error) => self.pass_over(&inside, "#", &error),
        }
    }

    /// Nothing is known of what is in it.
    fn pass_over(&mut self, inside: &Path, end: &str, error: &io::Error) {
        let trouble = SourceError::unreadable(SOURCE, &self.root.join(inside), error);
        task_builder::note(self.reading, format!("Passed over: {}.", trouble.what));
        self.reading.unreadable.push(format!("{}{end}", shown(inside)));
    }
}

fn is_note(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("md") || ending.eq_ignore_ascii_case("markdown"))
}

/// The note that this holds the place of: what macOS has moved to iCloud leaves `.Note.md.icloud` behind.
fn in_the_cloud(inside: &Path) -> Option<PathBuf> {
    let name = inside.file_name()?.to_str()?.strip_prefix('.')?.strip_suffix(".icloud")?;
    Some(inside.with_file_name(name)).filter(|note| is_note(note))
}

fn shown(inside: &Path) -> String {
    inside.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn of_folders_that_are_not_looked_into_nothing_is_known() {
        let root = tempfile::tempdir().unwrap();
        for place in ["a", "b"] {
            fs::create_dir(root.path().join(place)).unwrap();
            fs::write(root.path().join(place).join("note.md"), "").unwrap();
        }
        let read = |most: usize| {
            let mut reading = task_builder::reading(SOURCE, jiff::Timestamp::UNIX_EPOCH);
            let notes = notes_up_to(most, root.path(), &[], &mut reading).unwrap();
            (notes.len(), reading.unreadable.len(), reading.notes)
        };
        assert_eq!(read(1), (1, 1, vec!["Only 1 notes are read; there are more.".to_owned()]));
        assert_eq!(read(2), (2, 0, vec![]), "there are no more");
    }
}
