//! What can go wrong with our own database, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

/// A failure of our own database.
#[derive(Debug, Error)]
pub enum Error {
    /// The file is damaged, or is no database.
    #[error("{path}: the database is damaged ({what})")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        what: String,
    },
    /// A newer Operator made it.
    #[error(
        "{path}: made by a newer Operator (layout {found}, this one knows {known}); update Operator, or move the file away"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest layout that this program knows.
        known: i64,
    },
    /// Nothing can be written there.
    #[error("{path}: cannot be written ({what}); make its folder writable, or set paths.state_dir to one that is")]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        what: String,
    },
    /// No room.
    #[error("{path}: the disk is full; nothing of this check was recorded, free some space")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else.
    #[error("{path}: {what}")]
    Other {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        what: String,
    },
}

impl Error {
    pub(super) fn new(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let what = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { path, what },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { path, what }
            }
            Some(ErrorCode::DiskFull) => Self::Full { path },
            _ => Self::Other { path, what },
        }
    }

    /// Whether the file should be set aside and a fresh one started.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }
}
