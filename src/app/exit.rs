//! How Operator ends: the exit codes of the contract, and what is said on stderr.

use std::io::Write;
use std::process::ExitCode;

use thiserror::Error;

use crate::config;
use crate::store;
use crate::sys::lock;

/// Why Operator could not do what was asked.
#[derive(Debug, Error)]
pub enum Failure {
    /// The configuration is wrong; nothing was started.
    #[error("{0}")]
    Config(#[from] config::Error),
    /// The tray was asked for and there is none.
    #[error("{0}")]
    NoTray(String),
    /// Another instance has the lock, or the lock cannot be had.
    #[error("{0}")]
    Lock(#[from] lock::Error),
    /// The database.
    #[error("{0}")]
    Store(#[from] store::Error),
    /// Anything else at run time.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// The code that the shell sees.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Config(_) => 64,
            Self::NoTray(_) => 2,
            Self::Lock(lock::Error::Held { .. }) => 75,
            Self::Lock(lock::Error::Io { .. }) | Self::Store(_) | Self::Other(_) => 1,
        }
    }

    /// Say it on stderr and give the code.
    #[must_use]
    pub fn end(&self) -> ExitCode {
        let _ = writeln!(std::io::stderr(), "operator: {self}");
        ExitCode::from(self.code())
    }
}
