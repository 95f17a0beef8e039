//! Why the program ends, and its exit codes.

use std::io::Write;
use std::process::ExitCode;

use thiserror::Error;

use crate::sys::lock;
use crate::{config, store};

#[derive(Debug, Error)]
pub enum Error {
    /// The configuration is invalid; nothing was started.
    #[error("{0}")]
    Config(#[from] config::Error),
    /// The tray is required and there is none.
    #[error("{0}")]
    NoTray(String),
    /// Another instance holds the lock, or the lock file cannot be used.
    #[error("{0}")]
    Lock(#[from] lock::Error),
    #[error("{0}")]
    Store(#[from] store::Error),
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// The exit code of the process.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Config(_) => 64,
            Self::NoTray(_) => 2,
            Self::Lock(lock::Error::Held { .. }) => 75,
            Self::Lock(lock::Error::Io { .. }) | Self::Store(_) | Self::Other(_) => 1,
        }
    }

    /// Write the error to stderr and give the exit code.
    #[must_use]
    pub fn end(&self) -> ExitCode {
        let _ = writeln!(std::io::stderr(), "operator: {self}");
        ExitCode::from(self.code())
    }
}
