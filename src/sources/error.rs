//! Why a source returned no data, by what the caller can do about it.

use std::path::Path;
use std::{fmt, io};

use jiff::SignedDuration;

use crate::sys::secret_file;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The user has not set this source up. Not a failure.
    NotConfigured,
    /// A later attempt may succeed.
    Transient,
    /// The user has to act first: a refused token, a wrong address, a file of another kind.
    ActionRequired,
}

/// Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// `oura_api`, `todoist`, `focus_file`, …; `program` for an exec plugin.
    pub source: &'static str,
    pub kind: ErrorKind,
    /// `connection refused (127.0.0.1:5432)`.
    pub message: String,
    /// What the user should do; empty when there is nothing to do but wait.
    pub advice: String,
    /// The delay that the server asked for.
    pub retry_after: Option<SignedDuration>,
}

impl Error {
    #[must_use]
    pub fn transient(source: &'static str, message: impl Into<String>) -> Self {
        Self::new(source, ErrorKind::Transient, message, "")
    }

    #[must_use]
    pub fn action_required(source: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(source, ErrorKind::ActionRequired, message, advice)
    }

    #[must_use]
    pub fn not_configured(source: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(source, ErrorKind::NotConfigured, message, advice)
    }

    fn new(source: &'static str, kind: ErrorKind, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { source, kind, message: message.into(), advice: advice.into(), retry_after: None }
    }

    pub(crate) fn from_secret_file(source: &'static str, error: secret_file::Error) -> Self {
        Self::action_required(source, error.message, error.hint)
    }

    /// A missing file is transient, because it may appear. A permission or a wrong path needs the user.
    pub(crate) fn from_io(source: &'static str, path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => Self::transient(source, format!("there is no file {path}")),
            io::ErrorKind::PermissionDenied => Self::action_required(
                source,
                format!("permission denied ({path})"),
                "Give Operator read access to the file and its folder.",
            ),
            io::ErrorKind::NotADirectory => {
                Self::action_required(source, format!("a part of {path} is not a folder"), "Check the path.")
            }
            _ => Self::transient(source, format!("cannot read {path}: {error}")),
        }
    }
}

impl fmt::Display for Error {
    /// `workos: connection refused (127.0.0.1:5432)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_file_is_transient() {
        let kind = |kind: io::ErrorKind| Error::from_io("x", Path::new("/f"), &kind.into()).kind;
        assert_eq!(kind(io::ErrorKind::NotFound), ErrorKind::Transient);
        assert_eq!(kind(io::ErrorKind::PermissionDenied), ErrorKind::ActionRequired);
        assert_eq!(kind(io::ErrorKind::NotADirectory), ErrorKind::ActionRequired);
    }
}
