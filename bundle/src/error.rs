//! Errors, each with its exit code.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Wrong arguments, or not possible on this system. No command was run.
    #[error("{0}")]
    Usage(String),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{subject}: {reason}")]
    Content { subject: String, reason: String },
    #[error("{command}\n  {reason}")]
    Command { command: String, reason: String },
}

impl Error {
    pub fn content(subject: impl Into<String>, reason: impl ToString) -> Self {
        Self::Content { subject: subject.into(), reason: reason.to_string() }
    }

    /// 64 for usage, else 1, as in the main program.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Self::Usage(_)) { 64 } else { 1 })
    }
}

/// Adds the path to an I/O error.
pub trait WithPath<T> {
    fn with_path(self, path: &Path) -> Result<T, Error>;
}

impl<T> WithPath<T> for io::Result<T> {
    fn with_path(self, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::File { path: path.to_owned(), source })
    }
}
