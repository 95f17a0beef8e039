//! Replaces files atomically: a reader sees the old content or the new one, also after a crash or a power cut.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// Mode of a file that only its owner may read and write.
pub const PRIVATE: u32 = 0o600;

/// Neither a desktop nor a service manager loads a file with this suffix.
const DRAFT_SUFFIX: &str = ".new";

/// Write `content` to a draft in the same folder, flush it, and rename it to `path`.
///
/// The new file has `mode`, less the umask. A symlink at `path` is replaced: resolve it first to keep it. The folder is flushed
/// too. Otherwise a power cut could bring the old file back.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    write_draft(path, content, mode)?.persist(path)?;
    File::open(folder_of(path)?)?.sync_all()
}

/// Check that `replace` would succeed, up to the rename. The file itself stays as it is.
pub fn check_writable(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|existing| !existing.is_file()) {
        return Err(io::Error::other("this is not a regular file"));
    }
    write_draft(path, b"trial", PRIVATE)?.close()
}

/// Remove the file and every draft of it that a crash left behind. A missing file is no error.
pub fn remove(path: &Path) -> io::Result<()> {
    remove_if_present(path)?;
    let prefix = draft_prefix(path);
    let entries = match fs::read_dir(folder_of(path)?) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&prefix) && name.ends_with(DRAFT_SUFFIX) {
            remove_if_present(&entry.path())?;
        }
    }
    Ok(())
}

fn write_draft(path: &Path, content: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let prefix = draft_prefix(path);
    let mut options = Builder::new();
    options.prefix(&prefix).suffix(DRAFT_SUFFIX).permissions(Permissions::from_mode(mode));
    let mut draft = options.tempfile_in(folder_of(path)?)?;
    draft.write_all(content)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

fn draft_prefix(path: &Path) -> String {
    format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy())
}

fn folder_of(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    Ok(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replace_sets_content_and_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "a longer old content").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        replace(&path, b"new", PRIVATE).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn replace_keeps_open_readers_on_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let reader = File::open(&path).unwrap();
        replace(&path, b"new", PRIVATE).unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "old");
    }

    #[test]
    fn replace_removes_a_symlink_not_its_target() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "target").unwrap();
        symlink(&target, &link).unwrap();
        replace(&link, b"new", PRIVATE).unwrap();
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "target");
    }

    #[test]
    fn failed_replace_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"new", PRIVATE).is_err());
        assert!(check_writable(&path).is_err());
        assert_eq!(names(folder.path()), ["file"]);
        assert!(replace(&folder.path().join("missing/file"), b"new", PRIVATE).is_err());
    }

    #[test]
    fn check_writable_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        check_writable(&path).unwrap();
        assert!(names(folder.path()).is_empty());
        fs::write(&path, "old").unwrap();
        check_writable(&path).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(folder.path()).len()), ("old", 1));
        assert!(check_writable(&folder.path().join("missing/file")).is_err());
    }

    #[test]
    fn remove_takes_leftover_drafts_along() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["file", ".file.a1B2c3.new", ".other.a1B2c3.new", "file2"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove(&folder.path().join("file")).unwrap();
        assert_eq!(names(folder.path()), [".other.a1B2c3.new", "file2"]);
        remove(&folder.path().join("file")).unwrap();
        remove(&folder.path().join("missing/file")).unwrap();
    }
}
