//! What Operator says: an alert, its key, its priority.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name::Name;

/// The only scale of urgency, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Worth knowing; only the journal tells it by default.
    Low,
    /// A silent banner.
    Medium,
    /// A banner with sound, and Telegram.
    High,
    /// Passes quiet hours and storms.
    Critical,
}

impl Priority {
    /// The lower-case word used in configuration, JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The word at the beginning of a line.
    #[must_use]
    pub const fn capital(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Low, Self::Medium, Self::High, Self::Critical]
            .into_iter()
            .find(|p| p.as_str() == word)
            .ok_or_else(|| format!("'{word}' is not a priority: use low, medium, high or critical"))
    }
}

/// What an alert is about; the first part of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// The body: readiness, sleep, heart-rate variability, stress.
    Health,
    /// Tasks, promises and the day's goal.
    Task,
    /// Habits seen over days.
    Pattern,
    /// Operator itself and its sources.
    System,
    /// Whatever a program of the person's own watches.
    Exec,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Health, Self::Task, Self::Pattern, Self::System, Self::Exec];

    /// The word that keys begin with.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Task => "task",
            Self::Pattern => "pattern",
            Self::System => "system",
            Self::Exec => "exec",
        }
    }

    /// The category that goes by this word.
    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == word)
    }
}

/// What an alert is known by: `"{category}:{type}[:{entity}]"`, for example `task:deadline_overdue:123`.
///
/// The category is one of those above; neither it nor the type is empty; no part holds a control character.
/// The entity is whatever the source calls the thing and may itself contain colons.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AlertKey(String);

impl AlertKey {
    /// A key for a rule that speaks about one thing only.
    #[must_use]
    pub fn new(category: Category, kind: &str) -> Self {
        Self(format!("{}:{kind}", category.as_str()))
    }

    /// A key for a rule that speaks about many things; control characters in `entity` become `_`.
    #[must_use]
    pub fn of(category: Category, kind: &str, entity: &str) -> Self {
        let entity: String = entity.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
        Self(format!("{}:{kind}:{entity}", category.as_str()))
    }

    /// The whole key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its category.
    #[must_use]
    pub fn category(&self) -> Category {
        self.0.split(':').next().and_then(Category::named).unwrap_or(Category::System)
    }

    /// `"{category}:{type}"`: the rule that the alert came from.
    #[must_use]
    pub fn rule(&self) -> &str {
        match self.0.match_indices(':').nth(1) {
            Some((end, _)) => &self.0[..end],
            None => &self.0,
        }
    }

    /// The thing the alert is about, if its rule speaks about many.
    #[must_use]
    pub fn entity(&self) -> Option<&str> {
        self.0.splitn(3, ':').nth(2)
    }
}

impl FromStr for AlertKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let category = parts.next().unwrap_or_default();
        let kind = parts.next().unwrap_or_default();
        if Category::named(category).is_none() || kind.is_empty() || text.chars().any(char::is_control) {
            return Err(format!(
                "'{text}' is not an alert key: keys look like health:readiness_low or task:deadline_overdue:123"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for AlertKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<AlertKey> for String {
    fn from(key: AlertKey) -> Self {
        key.0
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The parts of Operator that look at data; each has its own interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Monitor {
    /// Today's body.
    Health,
    /// Deadlines, promises, the day's goal.
    Tasks,
    /// Habits over days.
    Patterns,
    /// A program of the person's own.
    Exec(Name),
    /// Operator's own sources; runs with every check.
    System,
}

impl Monitor {
    /// The three that everybody has; they have an interval and can be switched off.
    pub const SCHEDULED: [Self; 3] = [Self::Health, Self::Tasks, Self::Patterns];
}

impl fmt::Display for Monitor {
    /// The word used in configuration, JSON and the database: `health`, and `exec:disk` for a program that is called `disk`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Health => f.pad("health"),
            Self::Tasks => f.pad("tasks"),
            Self::Patterns => f.pad("patterns"),
            Self::System => f.pad("system"),
            Self::Exec(name) => f.pad(&format!("{EXEC}{name}")),
        }
    }
}

/// What stands before the name of a program, so that it is never taken for a monitor of ours.
pub(super) const EXEC: &str = "exec:";

impl FromStr for Monitor {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.strip_prefix(EXEC) {
            Some(name) => name.parse().map(Self::Exec),
            None => Self::SCHEDULED
                .into_iter()
                .chain([Self::System])
                .find(|monitor| monitor.to_string() == word)
                .ok_or_else(|| format!("'{word}' is not a monitor")),
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

/// What an alert rests on, by name: measured values, limits, `source`, and `as_of` (RFC 3339), the data's age.
///
/// Rules name them in words of their own, which many alerts share; only names that were read back are owned.
pub type Facts = BTreeMap<Cow<'static, str>, Value>;

/// One thing worth saying, as a rule found it. Whether, when and where it is said is policy's business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is known by.
    pub key: AlertKey,
    /// How urgent.
    pub priority: Priority,
    /// One line of at most 60 characters.
    pub title: String,
    /// Number, personal range, age of the data.
    pub message: String,
    /// What it rests on.
    pub facts: Facts,
    /// Who found it.
    pub monitor: Monitor,
    /// When it was found.
    pub at: Timestamp,
    /// The reminder slot, for example `2026-11-20T09`: the same key and occasion is told once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
}
