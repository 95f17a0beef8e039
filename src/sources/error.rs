//! Why a source gave nothing, sorted by what can be done about it.

use std::path::Path;
use std::{fmt, io};

use jiff::SignedDuration;

use crate::sys::secret_file;

/// What kind of failure it was: what the caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is configured and nothing is at the default place: not a failure at all.
    NotSetUp,
    /// It may work again by itself: try later.
    Outage,
    /// It will not work until a person changes something: a refused token, a bad address, a wrong file.
    NeedsUser,
}

/// A source's failure, in words that hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// The word of a source, such as `oura_api`, `todoist` or `focus_file`; `program` for one of the person's own.
    pub source: &'static str,
    /// What can be done about it.
    pub fault: Fault,
    /// What happened and where: `connection refused (127.0.0.1:5432)`.
    pub what: String,
    /// What the person should do; empty when waiting is all there is to do.
    pub advice: String,
    /// How long the server asked us to wait.
    pub retry_after: Option<SignedDuration>,
}

impl SourceError {
    /// An outage: try again later.
    #[must_use]
    pub fn outage(source: &'static str, what: impl Into<String>) -> Self {
        Self { source, fault: Fault::Outage, what: what.into(), advice: String::new(), retry_after: None }
    }

    /// Something a person has to mend.
    #[must_use]
    pub fn needs_user(source: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { source, fault: Fault::NeedsUser, what: what.into(), advice: advice.into(), retry_after: None }
    }

    /// Nothing is configured.
    #[must_use]
    pub fn not_set_up(source: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { source, fault: Fault::NotSetUp, what: what.into(), advice: advice.into(), retry_after: None }
    }

    pub(crate) fn from_secret_file(source: &'static str, error: secret_file::Error) -> Self {
        Self::needs_user(source, error.message, error.hint)
    }

    /// A file that could not be reached: missing is an outage, since it may appear; most else needs the person.
    pub(crate) fn unreadable(source: &'static str, path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => Self::outage(source, format!("there is no file {path}")),
            io::ErrorKind::PermissionDenied => Self::needs_user(
                source,
                format!("permission denied ({path})"),
                "Give Operator read access to the file and its folder.",
            ),
            io::ErrorKind::NotADirectory => {
                Self::needs_user(source, format!("a part of {path} is not a folder"), "Check the path.")
            }
            _ => Self::outage(source, format!("cannot read {path}: {error}")),
        }
    }
}

impl fmt::Display for SourceError {
    /// `workos: connection refused (127.0.0.1:5432)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.what)
    }
}

impl std::error::Error for SourceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_file_may_appear_by_itself() {
        let fault = |kind: io::ErrorKind| SourceError::unreadable("x", Path::new("/f"), &kind.into()).fault;
        assert_eq!(fault(io::ErrorKind::NotFound), Fault::Outage);
        assert_eq!(fault(io::ErrorKind::PermissionDenied), Fault::NeedsUser);
        assert_eq!(fault(io::ErrorKind::NotADirectory), Fault::NeedsUser);
    }
}
