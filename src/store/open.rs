//! Opening the database: for writing, for reading only, or in memory; and replacing a corrupt one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::{Error, Result, Store, schema};

const IN_MEMORY: &str = ":memory:";
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open database.
#[derive(Debug)]
pub struct Opened {
    pub store: Store,
    /// Where the old file went, when it was corrupt and a fresh one replaced it.
    pub quarantined: Option<PathBuf>,
}

impl Opened {
    /// A sentence for the user when the old file was corrupt.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let (path, old) = (self.store.path.display(), self.quarantined.as_ref()?.display());
        Some(format!("{path}: the database was damaged; it was set aside as {old} and a fresh one was started"))
    }
}

impl Store {
    /// Opens for writing and creates a missing file. A corrupt file is renamed and replaced.
    pub fn open(path: &Path, now: Timestamp) -> Result<Opened> {
        match Self::open_as_is(path) {
            Ok(store) => Ok(Opened { store, quarantined: None }),
            Err(error) if error.is_corrupt() => replace(path, now),
            Err(error) => Err(error),
        }
    }

    fn open_as_is(path: &Path) -> Result<Self> {
        let wrap = |error| Error::new(path, error);
        make_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags).map_err(wrap)?;
        check_version(&db, path)?;
        prepare(&db).map_err(wrap)?;
        schema::migrate(&mut db).map_err(wrap)?;
        let store = Self { db, path: path.to_owned() };
        store.probe()?;
        Ok(store)
    }

    /// Finds damage in the small tables that an engine starts from while the file can still be replaced.
    fn probe(&self) -> Result<()> {
        self.circuits()?;
        self.monitors()?;
        self.pause().map(drop)
    }

    /// Opens for reading and creates no file. `None` if the file does not exist.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>> {
        // An immutable file needs no files beside it. That is safe while there is no log: a writer creates the log first, and
        // the few reads end before the log is folded back.
        let log = fs::metadata(with_suffix(path, "-wal")).map_or(0, |meta| meta.len());
        Self::open_to_read(path, if log == 0 { "immutable=1" } else { "mode=ro" })
    }

    /// Opens for reading while an engine has the database open. `None` if the file does not exist.
    pub fn open_read_only_live(path: &Path) -> Result<Option<Self>> {
        Self::open_to_read(path, "mode=ro")
    }

    fn open_to_read(path: &Path, mode: &str) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let wrap = |error| Error::new(path, error);
        let uri = format!("file:{}?{mode}", escape(path));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(uri, flags).map_err(wrap)?;
        match check_version(&db, path)? {
            0 => return Ok(None),
            schema::NEWEST => {}
            _ => {
                let message = "written by an older Operator; start this one once to bring it up to date".into();
                return Err(Error::Other { path: path.to_owned(), message });
            }
        }
        db.busy_timeout(BUSY_TIMEOUT).map_err(wrap)?;
        let store = Self { db, path: path.to_owned() };
        store.probe()?;
        Ok(Some(store))
    }

    /// A copy for a dry run that keeps going: later changes of the original do not show, and nothing is written back.
    pub fn in_memory_copy(path: &Path) -> Result<Self> {
        let mut copy = Self::in_memory()?;
        if let Some(original) = Self::open_read_only(path)? {
            let copied = rusqlite::backup::Backup::new(&original.db, &mut copy.db)
                .and_then(|backup| backup.run_to_completion(1000, Duration::ZERO, None));
            copied.map_err(|error| Error::new(path, error))?;
        }
        Ok(copy)
    }

    /// Whether the data ends with the process.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        self.path == Path::new(IN_MEMORY)
    }

    pub fn in_memory() -> Result<Self> {
        let path = PathBuf::from(IN_MEMORY);
        let open = || -> rusqlite::Result<Connection> {
            let mut db = Connection::open_in_memory()?;
            schema::migrate(&mut db)?;
            Ok(db)
        };
        Ok(Self { db: open().map_err(|error| Error::new(&path, error))?, path })
    }

    /// Closes the database, renames its file and starts a fresh one: for damage that shows only in use.
    pub fn replace_corrupt(self, now: Timestamp) -> Result<Opened> {
        let path = self.path.clone();
        drop(self);
        replace(&path, now)
    }
}

fn prepare(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -256;")
}

fn check_version(db: &Connection, path: &Path) -> Result<i64> {
    let found = schema::schema_version(db).map_err(|error| Error::new(path, error))?;
    if found > schema::NEWEST {
        return Err(Error::Newer { path: path.to_owned(), found, known: schema::NEWEST });
    }
    Ok(found)
}

/// Creates the file with mode 0600 first, because SQLite gives its log files the mode of the database.
fn make_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let created = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    created.map(drop).map_err(|error| match error.kind() {
        std::io::ErrorKind::StorageFull => Error::Full { path: path.to_owned() },
        _ => Error::ReadOnly { path: path.to_owned(), message: error.to_string() },
    })
}

fn replace(path: &Path, now: Timestamp) -> Result<Opened> {
    let old = with_suffix(path, &format!(".damaged-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    for log in ["-wal", "-shm"] {
        let from = with_suffix(path, log);
        if from.exists() {
            let _ = fs::rename(&from, with_suffix(&old, log));
        }
    }
    fs::rename(path, &old).map_err(|error| Error::ReadOnly { path: path.to_owned(), message: error.to_string() })?;
    Ok(Opened { store: Store::open_as_is(path)?, quarantined: Some(old) })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Percent-encodes a path for a `file:` URI.
fn escape(path: &Path) -> String {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;
    let mut escaped = String::new();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            escaped.push(char::from(*byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
