//! An alert: its key, its priority, the monitor that raised it and the facts behind it.

mod key;
mod monitor;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use key::{AlertKey, Category};
pub use monitor::Monitor;

/// The only scale of urgency, from least to most.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str, parse_err_ty = String, parse_err_fn = invalid_priority)]
pub enum Priority {
    /// Journal only, by default.
    Low,
    Medium,
    High,
    /// Passes quiet hours, meetings and the limit of alerts per check.
    Critical,
}

impl Priority {
    /// The word in the configuration, in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

fn invalid_priority(word: &str) -> String {
    format!("'{word}' is not a priority: use low, medium, high or critical")
}

/// The values behind an alert, by name: measurements, limits, `source`, and `as_of` (RFC 3339). The names are public: webhooks and
/// `--status --json` show them.
pub type Facts = BTreeMap<Cow<'static, str>, Value>;

/// A condition that a rule found. Policy decides whether, when and where to notify.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub key: AlertKey,
    pub priority: Priority,
    /// One line of at most 60 characters.
    pub title: String,
    /// The measured value, the usual range and the age of the data.
    pub message: String,
    pub facts: Facts,
    pub monitor: Monitor,
    /// When the rule fired.
    pub at: Timestamp,
    /// The reminder slot, for example `2026-11-20T09`. Policy notifies once per key and occasion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
}
