//! Reads SQLite files of other programs, without writing to them and without creating a file beside them.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use tempfile::TempDir;

use crate::sources;

/// Everything but unreserved characters and slashes.
const URI_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A file that changes during a read is read again, up to this often.
const MAX_ATTEMPTS: u32 = 3;

/// The files that are being read.
static OPEN_FILES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Permits one reader per file. Closing a file drops this process's other locks on it (POSIX), and a second reader would go on
/// without one. A reader that hangs on a dead disk blocks no other file.
struct ReadGuard(PathBuf);

impl ReadGuard {
    fn acquire(path: &Path) -> Option<Self> {
        let mut open = OPEN_FILES.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(path.to_owned()).then(|| Self(path.to_owned()))
    }
}

impl Drop for ReadGuard {
    fn drop(&mut self) {
        OPEN_FILES.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Source(#[from] sources::Error),
}

/// Run `query` in one read transaction. Blocking. `query` may run several times.
///
/// A missing, empty, damaged, half-written or locked file is a transient error; a folder, another kind of file or missing
/// permission needs the user.
pub(crate) fn with_snapshot<T>(
    source: &'static str,
    path: &Path,
    query: impl Fn(&Connection) -> Result<T, Error>,
) -> Result<T, sources::Error> {
    let Some(_guard) = ReadGuard::acquire(path) else {
        let message = format!("an earlier read of it still hangs ({}); check its disk", path.display());
        return Err(sources::Error::transient(source, message));
    };
    for _ in 0..MAX_ATTEMPTS {
        let real = fs::canonicalize(path).map_err(|e| sources::Error::from_io(source, path, &e))?;
        let state = if is_wal(source, &real)? { WalState::detect(&real) } else { WalState::NotWal };
        let result = match state {
            WalState::NotWal => Some(try_read(&real, false, &query)),
            WalState::Empty => read_stable(&real, || try_read(&real, true, &query)).filter(|_| !has_wal_frames(&real)),
            WalState::Live => match try_read(&real, false, &query) {
                // The index cannot be opened: other permissions, or a folder that is not writable.
                Err(Error::Sqlite(e)) if e.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
                    read_stable(&real, || read_copy(source, &real, &query))
                }
                result => Some(result),
            },
            WalState::NoIndex => read_stable(&real, || read_copy(source, &real, &query)),
        };
        if let Some(result) = result {
            return result.map_err(|error| explain(source, path, error));
        }
    }
    Err(sources::Error::transient(source, format!("the file kept changing while it was read ({})", path.display())))
}

/// How a database can be read without creating a file beside it.
enum WalState {
    NotWal,
    /// The log is empty. A normal open would create `-wal` and `-shm`; the file is opened as immutable.
    Empty,
    /// The log has frames, and its writer has made the index.
    Live,
    /// The log has frames and no index, as in a copied folder. A normal open would create the index; a copy is read.
    NoIndex,
}

impl WalState {
    fn detect(path: &Path) -> Self {
        if !has_wal_frames(path) {
            Self::Empty
        } else if sidecar_path(path, "-shm").exists() {
            Self::Live
        } else {
            Self::NoIndex
        }
    }
}

fn has_wal_frames(path: &Path) -> bool {
    fs::metadata(sidecar_path(path, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
}

fn sidecar_path(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether the header says WAL (bytes 18 and 19, <https://sqlite.org/fileformat2.html>). Error if this is no database.
fn is_wal(source: &'static str, path: &Path) -> Result<bool, sources::Error> {
    let from_io = |error| sources::Error::from_io(source, path, &error);
    let metadata = fs::metadata(path).map_err(from_io)?;
    if !metadata.is_file() {
        let problem = if metadata.is_dir() { "is a folder" } else { "is not a regular file" };
        return Err(not_a_database(source, path, problem));
    }
    let mut header = Vec::with_capacity(100);
    File::open(path).and_then(|file| file.take(100).read_to_end(&mut header)).map_err(from_io)?;
    if header.is_empty() {
        return Err(sources::Error::transient(source, format!("the file is empty ({})", path.display())));
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(not_a_database(source, path, "is not an SQLite database"));
    }
    Ok(header.get(18..20) == Some(&[2, 2]))
}

/// The result of `read`, or `None` if the file changed meanwhile.
fn read_stable<T>(path: &Path, read: impl FnOnce() -> T) -> Option<T> {
    let before = size_and_mtime(path)?;
    let result = read();
    (size_and_mtime(path) == Some(before)).then_some(result)
}

fn size_and_mtime(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

fn try_read<T>(path: &Path, immutable: bool, query: impl Fn(&Connection) -> Result<T, Error>) -> Result<T, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri(path, immutable), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-128; PRAGMA trusted_schema=OFF;")?;
    let transaction = connection.unchecked_transaction()?;
    query(&transaction)
}

/// Reads a private copy of the file and its log.
fn read_copy<T>(
    source: &'static str,
    path: &Path,
    query: impl Fn(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let (_folder, copy) = copy_with_wal(path).map_err(|e| sources::Error::from_io(source, path, &e))?;
    try_read(&copy, false, query)
}

/// The copy is removed when the `TempDir` is dropped.
fn copy_with_wal(path: &Path) -> io::Result<(TempDir, PathBuf)> {
    let folder = tempfile::Builder::new().prefix("operator-").permissions(Permissions::from_mode(0o700)).tempdir()?;
    let copy = folder.path().join("copy.db");
    fs::copy(path, &copy)?;
    fs::copy(sidecar_path(path, "-wal"), sidecar_path(&copy, "-wal"))?;
    Ok((folder, copy))
}

fn uri(path: &Path, immutable: bool) -> String {
    let path = percent_encode(path.as_os_str().as_bytes(), URI_ESCAPES);
    format!("file:{path}?mode=ro{}", if immutable { "&immutable=1" } else { "" })
}

/// The column names of a table in lower case; empty if there is no such table.
pub(crate) fn columns(connection: &Connection, table: &str) -> rusqlite::Result<HashSet<String>> {
    let mut statement = connection.prepare("SELECT lower(name) FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// The columns of a table. Error if one of `required` is missing.
pub(crate) fn require_columns(
    source: &'static str,
    path: &Path,
    connection: &Connection,
    table: &str,
    required: &[&str],
) -> Result<HashSet<String>, Error> {
    let found = columns(connection, table)?;
    let missing: Vec<&str> = required.iter().copied().filter(|name| !found.contains(*name)).collect();
    if missing.is_empty() {
        return Ok(found);
    }
    let message = if found.is_empty() {
        format!("there is no table {table} in {}", path.display())
    } else {
        format!("table {table} has no column {} in {}", missing.join(", "), path.display())
    };
    Err(sources::Error::action_required(source, message, "Check that the path names the right file.").into())
}

/// A value of any type as text. Invalid UTF-8 becomes `�`.
pub(crate) fn column_text(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    })
}

fn not_a_database(source: &'static str, path: &Path, problem: &str) -> sources::Error {
    let advice = "Check that the path names the database file.";
    sources::Error::action_required(source, format!("{} {problem}", path.display()), advice)
}

fn explain(source: &'static str, path: &Path, error: Error) -> sources::Error {
    let error = match error {
        Error::Source(error) => return error,
        Error::Sqlite(error) => error,
    };
    let transient = |message| sources::Error::transient(source, message);
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => not_a_database(source, path, "is not an SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => sources::Error {
            advice: "If this persists, let the program that writes it create a new one.".into(),
            ..transient(format!("the database is damaged or half-written ({shown})"))
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            transient(format!("locked by another program for more than {} s ({shown})", BUSY_TIMEOUT.as_secs()))
        }
        Some(ErrorCode::ReadOnly) => {
            transient(format!("the program that writes it has to roll back an interrupted write first ({shown})"))
        }
        Some(ErrorCode::CannotOpen) => match File::open(path) {
            Err(reason) => sources::Error::from_io(source, path, &reason),
            Ok(_) => transient(format!("cannot open {shown}: {error}")),
        },
        _ => transient(format!("cannot read {shown}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_encodes_special_characters() {
        let odd = Path::new("/tmp/a b?mode=rwc&x#y%41ü.db");
        assert_eq!(uri(odd, false), "file:/tmp/a%20b%3Fmode%3Drwc%26x%23y%2541%C3%BC.db?mode=ro");
    }
}
