//! Puts what was made in its place: whole or not at all.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::failure::{About, Failure};

/// Move a folder to `place`. One that is there changes places with it, in one step where the file system can, and is left
/// under the name `made`. Both must be on one file system.
///
/// # Errors
/// Whatever the system says; `place` then holds what it held before.
pub fn folder(made: &Path, place: &Path) -> Result<(), Failure> {
    if fs::symlink_metadata(place).is_err() {
        return fs::rename(made, place).about(place);
    }
    match renameat_with(CWD, made, CWD, place, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => in_two_steps(made, place),
        result => result.map_err(Into::into).about(place),
    }
}

/// For file systems that cannot exchange.
fn in_two_steps(made: &Path, place: &Path) -> Result<(), Failure> {
    let aside = made.with_extension("before");
    fs::rename(place, &aside).about(place)?;
    fs::rename(made, place).about(place).inspect_err(|_| {
        // If even this fails, the error that is told is still the one that matters.
        let _ = fs::rename(&aside, place);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn new_and_old() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (made, place) = (folder.path().join("made.app"), folder.path().join("place.app"));
        for (path, word) in [(&made, "new"), (&place, "old")] {
            fs::create_dir(path).unwrap();
            fs::write(path.join("word"), word).unwrap();
        }
        (folder, made, place)
    }

    fn word(folder: &Path) -> String {
        fs::read_to_string(folder.join("word")).unwrap()
    }

    #[test]
    fn what_was_there_changes_places() {
        let (_folder, made, place) = new_and_old();
        super::folder(&made, &place).unwrap();
        assert_eq!((word(&place), word(&made)), ("new".into(), "old".into()));
    }

    #[test]
    fn without_an_exchange_it_takes_two_steps() {
        let (_folder, made, place) = new_and_old();
        in_two_steps(&made, &place).unwrap();
        assert_eq!(word(&place), "new");
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let (_folder, made, place) = new_and_old();
        fs::remove_dir_all(&made).unwrap();
        assert!(super::folder(&made, &place).is_err());
        assert!(in_two_steps(&made, &place).is_err());
        assert_eq!(word(&place), "old");
    }
}
