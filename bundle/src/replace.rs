//! Atomic replacement of a folder.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::error::{Error, WithPath};

/// Move the folder `made` to `place`, on the same file system. An existing folder is swapped with it, atomically where the
/// file system supports that, and is then at `made`. On an error `place` is unchanged.
pub fn folder(made: &Path, place: &Path) -> Result<(), Error> {
    if fs::symlink_metadata(place).is_err() {
        return fs::rename(made, place).with_path(place);
    }
    match renameat_with(CWD, made, CWD, place, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => in_two_steps(made, place),
        result => result.map_err(Into::into).with_path(place),
    }
}

/// For file systems without an atomic swap.
fn in_two_steps(made: &Path, place: &Path) -> Result<(), Error> {
    let aside = made.with_extension("before");
    fs::rename(place, &aside).with_path(place)?;
    fs::rename(made, place).with_path(place).inspect_err(|_| {
        // The first error is the one to report.
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
    fn existing_folder_is_swapped() {
        let (_folder, made, place) = new_and_old();
        super::folder(&made, &place).unwrap();
        assert_eq!((word(&place), word(&made)), ("new".into(), "old".into()));
    }

    #[test]
    fn two_steps_replace_without_a_swap() {
        let (_folder, made, place) = new_and_old();
        in_two_steps(&made, &place).unwrap();
        assert_eq!(word(&place), "new");
    }

    #[test]
    fn failure_keeps_the_old_folder() {
        let (_folder, made, place) = new_and_old();
        fs::remove_dir_all(&made).unwrap();
        assert!(super::folder(&made, &place).is_err());
        assert!(in_two_steps(&made, &place).is_err());
        assert_eq!(word(&place), "old");
    }
}
