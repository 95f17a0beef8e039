//! The sources by name.

use std::fmt;

use crate::core::name::{CALENDAR_PREFIX, EXEC_PREFIX, Name};

/// A source with its own circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Oura's cache, then its API.
    Oura,
    /// A task source, by its name.
    Tasks(&'static str),
    FocusFile,
    Exec(Name),
    Calendar(Name),
}

impl Source {
    /// The kind of source, as in its errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oura => "oura",
            Self::Tasks(name) => name,
            Self::FocusFile => "focus_file",
            Self::Exec(_) => "exec",
            Self::Calendar(_) => "calendar",
        }
    }
}

impl fmt::Display for Source {
    /// The name of its circuit: `oura`, `exec:disk` (as its monitor), `calendar:work`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exec(name) => f.pad(&format!("{EXEC_PREFIX}{name}")),
            Self::Calendar(name) => f.pad(&format!("{CALENDAR_PREFIX}{name}")),
            other => f.pad(other.as_str()),
        }
    }
}
