//! Opening the database: for writing, only for reading, or in memory; and setting a damaged one aside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::{Error, Result, Store, schema};

const IN_MEMORY: &str = ":memory:";

/// An open database, and where the damaged one went that was in its place.
#[derive(Debug)]
pub struct Opened {
    /// The database.
    pub store: Store,
    /// Set when the old file was damaged and a fresh one was started.
    pub quarantined: Option<PathBuf>,
}

impl Opened {
    /// What the person should know, if the old file was damaged.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let (path, kept) = (self.store.path.display(), self.quarantined.as_ref()?.display());
        Some(format!("{path}: the database was damaged; it was set aside as {kept} and a fresh one was started"))
    }
}

impl Store {
    /// Open for writing, making it if it is not there. A damaged one is set aside under a new name.
    ///
    /// # Errors
    /// When it cannot be written, the disk is full, or a newer Operator made it.
    pub fn open(path: &Path, now: Timestamp) -> Result<Opened> {
        match Self::open_as_is(path) {
            Ok(store) => Ok(Opened { store, quarantined: None }),
            Err(error) if error.is_corrupt() => {
                let set_aside = set_aside(path, now)?;
                Ok(Opened { store: Self::open_as_is(path)?, quarantined: Some(set_aside) })
            }
            Err(error) => Err(error),
        }
    }

    fn open_as_is(path: &Path) -> Result<Self> {
        let fail = |error| Error::new(path, error);
        make_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags).map_err(fail)?;
        check_layout(&db, path)?;
        prepare(&db).map_err(fail)?;
        schema::migrate(&mut db).map_err(fail)?;
        let store = Self { db, path: path.to_owned() };
        store.try_reading()?;
        Ok(store)
    }

    /// Damage in the small tables that an engine starts from shows here, where the file can still be set aside.
    fn try_reading(&self) -> Result<()> {
        self.circuits()?;
        self.monitors()?;
        self.pause().map(drop)
    }

    /// Open only for reading, making nothing; none if it is not there.
    ///
    /// # Errors
    /// When it is damaged or a newer Operator made it.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>> {
        // Reading as immutable makes no files beside the database; that is sound while there is no log, for whoever writes
        // makes one first, and the few reads that follow are over before it is folded back.
        let log = fs::metadata(with_suffix(path, "-wal")).map_or(0, |meta| meta.len());
        Self::open_to_read(path, if log == 0 { "immutable=1" } else { "mode=ro" })
    }

    /// Open only for reading, beside the engine that has it open and whose files beside it are there anyway. None if it is not there.
    ///
    /// # Errors
    /// As above.
    pub fn open_read_only_live(path: &Path) -> Result<Option<Self>> {
        Self::open_to_read(path, "mode=ro")
    }

    fn open_to_read(path: &Path, mode: &str) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let fail = |error| Error::new(path, error);
        let uri = format!("file:{}?{mode}", escape(path));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(uri, flags).map_err(fail)?;
        match check_layout(&db, path)? {
            0 => return Ok(None),
            schema::NEWEST => {}
            _ => {
                let what = "made by an older Operator; start this one once to bring it up to date".into();
                return Err(Error::Other { path: path.to_owned(), what });
            }
        }
        db.busy_timeout(Duration::from_secs(5)).map_err(fail)?;
        let store = Self { db, path: path.to_owned() };
        store.try_reading()?;
        Ok(Some(store))
    }

    /// A copy in memory, for a dry run that goes on: the original may change under it, and nothing comes back to it.
    ///
    /// # Errors
    /// When the original cannot be read.
    pub fn in_memory_copy(path: &Path) -> Result<Self> {
        let mut copy = Self::in_memory()?;
        if let Some(original) = Self::open_read_only(path)? {
            let copied = rusqlite::backup::Backup::new(&original.db, &mut copy.db)
                .and_then(|backup| backup.run_to_completion(1000, Duration::ZERO, None));
            copied.map_err(|error| Error::new(path, error))?;
        }
        Ok(copy)
    }

    /// Whether what is written here is gone with the process.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        self.path == Path::new(IN_MEMORY)
    }

    /// An empty one that is never written to a disk.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn in_memory() -> Result<Self> {
        let path = PathBuf::from(IN_MEMORY);
        let open = || -> rusqlite::Result<Connection> {
            let mut db = Connection::open_in_memory()?;
            schema::migrate(&mut db)?;
            Ok(db)
        };
        Ok(Self { db: open().map_err(|error| Error::new(&path, error))?, path })
    }

    /// Close it, move the file away and start a fresh one: for damage that shows only in use.
    ///
    /// # Errors
    /// When the file cannot be moved or a new one cannot be made.
    pub fn replace_corrupt(self, now: Timestamp) -> Result<Opened> {
        let path = self.path.clone();
        drop(self);
        let set_aside = set_aside(&path, now)?;
        Ok(Opened { store: Self::open_as_is(&path)?, quarantined: Some(set_aside) })
    }
}

fn prepare(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(Duration::from_secs(5))?;
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -256;")
}

fn check_layout(db: &Connection, path: &Path) -> Result<i64> {
    let found = schema::schema_version(db).map_err(|error| Error::new(path, error))?;
    if found > schema::NEWEST {
        return Err(Error::Newer { path: path.to_owned(), found, known: schema::NEWEST });
    }
    Ok(found)
}

/// SQLite gives its log files the mode of the database, so the database is made first, readable by nobody else.
fn make_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| match error.raw_os_error() {
        Some(28) => Error::Full { path: path.to_owned() }, // ENOSPC
        _ => Error::ReadOnly { path: path.to_owned(), what: error.to_string() },
    })
}

/// `operator.db` becomes `operator.db.damaged-20261123T091500Z`, its log files likewise.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf> {
    let mark = format!(".damaged-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    for log in ["-wal", "-shm"] {
        let from = with_suffix(path, log);
        if from.exists() {
            let _ = fs::rename(&from, with_suffix(&with_suffix(path, &mark), log));
        }
    }
    let to = with_suffix(path, &mark);
    match fs::rename(path, &to) {
        Ok(()) => Ok(to),
        Err(error) => Err(Error::ReadOnly { path: path.to_owned(), what: error.to_string() }),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A path inside a `file:` URI.
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
