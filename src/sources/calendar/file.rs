//! A calendar in a file, which is read again only when it has changed.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use super::{LONGEST, Mark, SOURCE, finished};
use crate::sources::Error;
use crate::sources::calendar::ical::{Content, Reader};

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { inode: metadata.ino(), length: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Read the file; none if it is as it was. Blocking.
pub(crate) fn read(path: &Path, before: Option<&Mark>, mut reader: Reader) -> Result<Option<(Content, Mark)>, Error> {
    let unreadable = |error: std::io::Error| Error::from_io(SOURCE, path, &error);
    let metadata = path.metadata().map_err(unreadable)?;
    // A pipe or a device could keep the reader waiting for ever.
    if !metadata.is_file() {
        let what = format!("{} is not a file", path.display());
        return Err(Error::action_required(SOURCE, what, "Name the .ics file itself."));
    }
    let mark = Mark::File(Stamp::of(&metadata));
    if before == Some(&mark) {
        return Ok(None);
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let (mut piece, mut length) = (vec![0; 64 * 1024], 0);
    loop {
        let read = file.read(&mut piece).map_err(unreadable)?;
        length += read;
        if length > LONGEST {
            let what = format!("{} is over {} MB", path.display(), LONGEST / 1_000_000);
            return Err(Error::action_required(SOURCE, what, "Export less of the past."));
        }
        match piece.get(..read) {
            Some(read) if !read.is_empty() => reader.push(read),
            _ => break,
        }
    }
    Ok(Some((finished(reader, &path.display().to_string())?, mark)))
}
