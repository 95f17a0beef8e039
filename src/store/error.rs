//! Errors of the database, by what the user can do about them.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: the database is damaged ({message})")]
    Corrupt { path: PathBuf, message: String },
    #[error(
        "{path}: written by a newer Operator (schema {found}, this one knows {known}); update Operator, or move the file away"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{path}: cannot be written ({message}); make its folder writable, or set paths.state_dir to one that is")]
    ReadOnly { path: PathBuf, message: String },
    #[error("{path}: the disk is full; nothing of this check was recorded, free some space")]
    Full { path: PathBuf },
    #[error("{path}: {message}")]
    Other { path: PathBuf, message: String },
}

impl Error {
    pub(super) fn new(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let message = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { path, message },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { path, message }
            }
            Some(ErrorCode::DiskFull) => Self::Full { path },
            _ => Self::Other { path, message },
        }
    }

    /// A corrupt file is moved away and replaced by a fresh one.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }
}
