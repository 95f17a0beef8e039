//! A foreign SQLite file, read and never touched: nothing is written to it and nothing is created beside it.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};

use super::error::SourceError;

/// How long another program's lock is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a file that changes while it is read is read again.
const ROUNDS: u32 = 3;

/// The files that are being read. One reader a file: closing a file drops this process's other locks on it (POSIX), so a
/// second reader of the same file would go on without one. One that hangs on a dead disk keeps nobody from the others.
static READING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The right to read one file, for as long as this value lives.
struct Turn(PathBuf);

impl Turn {
    fn take(path: &Path) -> Option<Self> {
        let mut reading = READING.lock().unwrap_or_else(PoisonError::into_inner);
        reading.insert(path.to_owned()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        READING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Why a reading stopped.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// The source itself said so.
    Source(SourceError),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// Lets `work` read the file in one read transaction. Blocking; `work` may run more than once.
///
/// # Errors
/// `Outage` if the file is missing, empty, damaged, half-written or locked for more than two seconds; `NeedsUser` if
/// it is a folder, not SQLite, or may not be read. Whatever `work` itself reports is passed on.
pub(crate) fn read<T>(
    source: &'static str,
    path: &Path,
    work: impl Fn(&Connection) -> Result<T, Trouble>,
) -> Result<T, SourceError> {
    let Some(_turn) = Turn::take(path) else {
        let what = format!("an earlier reading of it has not come back ({}); is its disk still there?", path.display());
        return Err(SourceError::outage(source, what));
    };
    for _ in 0..ROUNDS {
        let real = fs::canonicalize(path).map_err(|e| SourceError::unreadable(source, path, &e))?;
        let log = if is_wal(source, &real)? { Log::of(&real) } else { Log::None };
        let reading = match log {
            Log::None => Some(attempt(&real, false, &work)),
            Log::Idle => undisturbed(&real, || attempt(&real, true, &work)).filter(|_| !has_entries(&real)),
            Log::Live => match attempt(&real, false, &work) {
                // The index beside the log cannot be opened: other rights, or a folder that we may not write to.
                Err(Trouble::Sqlite(e)) if e.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
                    undisturbed(&real, || from_copy(source, &real, &work))
                }
                reading => Some(reading),
            },
            Log::Orphan => undisturbed(&real, || from_copy(source, &real, &work)),
        };
        if let Some(reading) = reading {
            return reading.map_err(|trouble| explain(source, path, trouble));
        }
    }
    Err(SourceError::outage(source, format!("the file kept changing while it was read ({})", path.display())))
}

/// The write-ahead log of a database: what stands beside the file decides how it can be read without adding to it.
enum Log {
    /// The database keeps none.
    None,
    /// Nothing in it: opening normally would create `-wal` and `-shm`, so the file is read as immutable.
    Idle,
    /// Entries, and the index that its writer made.
    Live,
    /// Entries without an index, as in a copied folder: opening in place would create the index.
    Orphan,
}

impl Log {
    fn of(path: &Path) -> Self {
        if !has_entries(path) {
            Self::Idle
        } else if beside(path, "-shm").exists() {
            Self::Live
        } else {
            Self::Orphan
        }
    }
}

fn has_entries(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|meta| meta.len() > 0)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether the header says WAL (bytes 18 and 19, <https://sqlite.org/fileformat2.html>); refuses what is no database.
fn is_wal(source: &'static str, path: &Path) -> Result<bool, SourceError> {
    let meta = fs::metadata(path).map_err(|e| SourceError::unreadable(source, path, &e))?;
    if !meta.is_file() {
        return Err(not_a_database(source, path, if meta.is_dir() { "is a folder" } else { "is not a regular file" }));
    }
    let mut header = Vec::with_capacity(100);
    let file = File::open(path).map_err(|e| SourceError::unreadable(source, path, &e))?;
    file.take(100).read_to_end(&mut header).map_err(|e| SourceError::unreadable(source, path, &e))?;
    if header.is_empty() {
        return Err(SourceError::outage(source, format!("the file is empty ({})", path.display())));
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(not_a_database(source, path, "is not an SQLite database"));
    }
    Ok(header.get(18..20) == Some(&[2, 2]))
}

/// A reading that holds only if nobody wrote to the file in the meantime; none if somebody did.
fn undisturbed<T>(path: &Path, read: impl FnOnce() -> T) -> Option<T> {
    let before = stamp(path)?;
    let reading = read();
    (stamp(path) == Some(before)).then_some(reading)
}

fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let meta: Metadata = fs::metadata(path).ok()?;
    Some((meta.len(), meta.modified().ok()?))
}

fn attempt<T>(path: &Path, immutable: bool, work: impl Fn(&Connection) -> Result<T, Trouble>) -> Result<T, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri(path, immutable), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-128; PRAGMA trusted_schema=OFF;")?;
    let snapshot = connection.unchecked_transaction()?;
    work(&snapshot)
}

/// Reads a private copy of the file and its log, where reading in place would add to the folder.
fn from_copy<T>(
    source: &'static str,
    path: &Path,
    work: impl Fn(&Connection) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let copy = Copy::of(path).map_err(|e| SourceError::unreadable(source, path, &e))?;
    attempt(&copy.file, false, work)
}

fn uri(path: &Path, immutable: bool) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str(if immutable { "?mode=ro&immutable=1" } else { "?mode=ro" });
    uri
}

/// A private copy of a database and its log, removed when done with.
struct Copy {
    folder: PathBuf,
    file: PathBuf,
}

impl Copy {
    fn of(path: &Path) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("operator-{}-{count}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let copy = Self { file: folder.join("copy.db"), folder };
        fs::copy(path, &copy.file)?;
        fs::copy(beside(path, "-wal"), beside(&copy.file, "-wal"))?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The names of a table's columns, in lower case; empty if there is no such table.
pub(crate) fn columns(connection: &Connection, table: &str) -> rusqlite::Result<HashSet<String>> {
    let mut statement = connection.prepare("SELECT lower(name) FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// The columns of a table that must be there with all of `needed`.
///
/// # Errors
/// `NeedsUser`, naming what is missing.
pub(crate) fn require(
    source: &'static str,
    path: &Path,
    connection: &Connection,
    table: &str,
    needed: &[&str],
) -> Result<HashSet<String>, Trouble> {
    let found = columns(connection, table)?;
    let missing: Vec<&str> = needed.iter().copied().filter(|name| !found.contains(*name)).collect();
    if missing.is_empty() {
        return Ok(found);
    }
    let what = if found.is_empty() {
        format!("there is no table {table} in {}", path.display())
    } else {
        format!("table {table} has no column {} in {}", missing.join(", "), path.display())
    };
    Err(SourceError::needs_user(source, what, "Check that the path names the right file.").into())
}

/// A column as text, whatever is stored in it; bytes that are not UTF-8 become `�`.
pub(crate) fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    })
}

fn not_a_database(source: &'static str, path: &Path, what: &str) -> SourceError {
    SourceError::needs_user(
        source,
        format!("{} {what}", path.display()),
        "Check that the path names the database file.",
    )
}

fn explain(source: &'static str, path: &Path, trouble: Trouble) -> SourceError {
    let error = match trouble {
        Trouble::Source(error) => return error,
        Trouble::Sqlite(error) => error,
    };
    let place = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => not_a_database(source, path, "is not an SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => SourceError {
            advice: "If it stays so, let the program that writes it make a new one.".into(),
            ..SourceError::outage(source, format!("the database is damaged or half-written ({place})"))
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SourceError::outage(
            source,
            format!("locked by another program for more than {} s ({place})", BUSY_TIMEOUT.as_secs()),
        ),
        Some(ErrorCode::ReadOnly) => SourceError::outage(
            source,
            format!("an interrupted write has yet to be rolled back by the program that made it ({place})"),
        ),
        Some(ErrorCode::CannotOpen) => match File::open(path) {
            Err(reason) => SourceError::unreadable(source, path, &reason),
            Ok(_) => SourceError::outage(source, format!("cannot open {place}: {error}")),
        },
        _ => SourceError::outage(source, format!("cannot read {place}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_encoded_so_that_nothing_in_it_is_taken_for_a_parameter() {
        let odd = Path::new("/tmp/a b?mode=rwc&x#y%41ü.db");
        assert_eq!(uri(odd, false), "file:/tmp/a%20b%3Fmode%3Drwc%26x%23y%2541%C3%BC.db?mode=ro");
    }
}
