//! What can go wrong, and the exit code that says so.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for cannot be had here: nothing was started.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{what}: {why}")]
    Content {
        /// What was read.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A command of the system could not be started, or failed.
    #[error("{command}\n  {why}")]
    Command {
        /// The command as one would type it.
        command: String,
        /// Its end, or why it could not begin.
        why: String,
    },
}

impl Failure {
    /// What was read and what is wrong with it.
    pub fn content(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Content { what: what.into(), why: why.to_string() }
    }

    /// 64 for usage, 1 for everything else: as the main program does.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Self::Usage(_)) { 64 } else { 1 })
    }
}

/// Says which file an error of the system is about.
pub trait About<T> {
    /// The same result, with the file's name in the error.
    ///
    /// # Errors
    /// Those of the result.
    fn about(self, path: &Path) -> Result<T, Failure>;
}

impl<T> About<T> for io::Result<T> {
    fn about(self, path: &Path) -> Result<T, Failure> {
        self.map_err(|source| Failure::File { path: path.to_owned(), source })
    }
}
