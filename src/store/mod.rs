//! Operator's own SQLite database: what was found, decided, sent and learned.
//!
//! One connection, owned by the holder of the instance lock. WAL with `synchronous=FULL`: what is committed survives a crash.

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
mod task_summary;
mod types;

pub use crate::core::retention::RetentionPolicy;
pub use audit::DataVersion;
pub use check_commit::CheckCommit;
pub use error::Error;
pub use open::Opened;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use serde::Serialize;

/// The name of the file in the state directory.
pub const FILE_NAME: &str = "operator.db";

#[derive(Debug)]
pub struct Store {
    db: Connection,
    path: PathBuf,
}

type Result<T> = std::result::Result<T, Error>;

impl Store {
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Frees the page cache until the next check.
    pub fn release_memory(&self) {
        // A failure costs memory only.
        let _ = self.db.execute_batch("PRAGMA shrink_memory");
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        query(&self.db).map_err(|error| Error::new(&self.path, error))
    }

    /// One transaction: all of `change` or nothing.
    fn write<T>(&mut self, change: impl FnOnce(&Transaction) -> rusqlite::Result<T>) -> Result<T> {
        let commit = |db: &mut Connection| -> rusqlite::Result<T> {
            let transaction = db.transaction()?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        commit(&mut self.db).map_err(|error| Error::new(&self.path, error))
    }
}

/// The database stores times as whole milliseconds since 1970, UTC.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// Clamps to the range of `Timestamp`.
fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// Our own values always serialise. An empty body counts as missing when it is read.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn count(number: i64) -> u64 {
    number.max(0).unsigned_abs()
}
