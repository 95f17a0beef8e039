//! A calendar in a file. An unchanged file is not read again.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use super::ical::Reader;
use super::{Fetched, MAX_CALENDAR_BYTES, SOURCE, Validator, finish};
use crate::sources::Error;

const CHUNK_BYTES: usize = 64 * 1024;

/// Identifies one version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mtime {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Mtime {
    fn from_metadata(metadata: &Metadata) -> Self {
        Self { inode: metadata.ino(), length: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Blocks.
pub(super) fn fetch_file(path: &Path, known: Option<&Validator>, mut reader: Reader) -> Result<Fetched, Error> {
    let failed = |error: std::io::Error| Error::from_io(SOURCE, path, &error);
    let metadata = path.metadata().map_err(failed)?;
    // A pipe or a device could block for ever.
    if !metadata.is_file() {
        let message = format!("{} is not a file", path.display());
        return Err(Error::action_required(SOURCE, message, "Set file to the path of the .ics file."));
    }
    let validator = Validator::File(Mtime::from_metadata(&metadata));
    if known == Some(&validator) {
        return Ok(Fetched::Unchanged);
    }
    let mut file = File::open(path).map_err(failed)?;
    let (mut buffer, mut total) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let length = file.read(&mut buffer).map_err(failed)?;
        total += length;
        if total > MAX_CALENDAR_BYTES {
            let message = format!("{} is over {} MB", path.display(), MAX_CALENDAR_BYTES / 1_000_000);
            return Err(Error::action_required(SOURCE, message, "Export a shorter period."));
        }
        match buffer.get(..length) {
            Some(chunk) if !chunk.is_empty() => reader.push(chunk),
            _ => break,
        }
    }
    Ok(Fetched::Changed(finish(reader, &path.display().to_string())?, Some(validator)))
}
