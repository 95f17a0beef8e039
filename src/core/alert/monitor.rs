//! The monitors by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::name::{EXEC_PREFIX, Name};

/// A group of rules with its own interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Monitor {
    Health,
    Tasks,
    Patterns,
    Exec(Name),
    /// Operator's own sources; evaluated with every check.
    System,
}

impl Monitor {
    /// The built-in monitors with an interval and an `enabled` key.
    pub const SCHEDULED: [Self; 3] = [Self::Health, Self::Tasks, Self::Patterns];
}

impl fmt::Display for Monitor {
    /// The word in the configuration, in JSON and in the database: `health`, `exec:disk`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Health => f.pad("health"),
            Self::Tasks => f.pad("tasks"),
            Self::Patterns => f.pad("patterns"),
            Self::System => f.pad("system"),
            Self::Exec(name) => f.pad(&format!("{EXEC_PREFIX}{name}")),
        }
    }
}

impl FromStr for Monitor {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "health" => Ok(Self::Health),
            "tasks" => Ok(Self::Tasks),
            "patterns" => Ok(Self::Patterns),
            "system" => Ok(Self::System),
            other => match other.strip_prefix(EXEC_PREFIX) {
                Some(name) => name.parse().map(Self::Exec),
                None => Err(format!("'{word}' is not a monitor")),
            },
        }
    }
}

impl TryFrom<String> for Monitor {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        word.parse()
    }
}

impl From<Monitor> for String {
    fn from(monitor: Monitor) -> Self {
        monitor.to_string()
    }
}
