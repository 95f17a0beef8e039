//! Our own SQLite database: the truth about what was found, decided, told and learned.
//!
//! One connection, owned by whoever holds the instance lock. WAL with `synchronous=FULL`: what is committed survives a crash.

pub mod alert_history;
mod audit;
mod check_commit;
mod error;
mod fire_counts;
mod history;
mod incidents;
pub mod journal;
mod open;
pub mod outbox;
mod retention;
mod schema;
mod settings;
mod task_aliases;
pub mod task_snapshots;
pub mod task_summary;

pub use crate::store::check_commit::CheckCommit;
pub use audit::DataVersion;
pub use error::Error;
pub use open::Opened;
pub use retention::RetentionPolicy;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

/// The file's name in the state directory.
pub const FILE_NAME: &str = "operator.db";

/// The database.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    path: PathBuf,
}

type Result<T> = std::result::Result<T, Error>;

impl Store {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Give back the memory that a check took: until the next one it is only in the way.
    pub fn release_memory(&self) {
        // It is a wish; nothing is wrong when it is not met.
        let _ = self.db.execute_batch("PRAGMA shrink_memory");
    }

    fn wrap(&self, error: rusqlite::Error) -> Error {
        Error::new(&self.path, error)
    }
}

/// Moments are kept as whole milliseconds since 1970, UTC.
fn millis(moment: Timestamp) -> i64 {
    moment.as_millisecond()
}

/// A number of milliseconds that is out of the calendar's range reads as the nearest end of it.
fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// No row is an answer, not a failure.
fn optional<T>(row: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match row {
        Ok(value) => Ok(Some(value)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(error),
    }
}
