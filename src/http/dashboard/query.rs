//! The query of the dashboard's address: the range of the charts and the filter of the journal.

use form_urlencoded::Serializer;
use jiff::{SignedDuration, Timestamp};

use crate::core::alert::Priority;
use crate::core::policy::decision::Decision;
use crate::core::text::truncate;
use crate::store::journal::query::JournalFilter;

const MAX_TEXT_CHARS: usize = 100;

/// An invalid value counts as missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DashboardQuery {
    /// Days in the charts: 30 or 90.
    pub days: u32,
    pub priority: Option<Priority>,
    pub decision: Option<Decision>,
    /// A part of the key or title.
    pub text: String,
    /// The last 1, 7 or 30 days of the journal; None for all of it.
    pub since_days: Option<u32>,
    /// Entries older than the one with this id.
    pub before: Option<i64>,
}

impl Default for DashboardQuery {
    fn default() -> Self {
        Self { days: 30, priority: None, decision: None, text: String::new(), since_days: Some(7), before: None }
    }
}

impl DashboardQuery {
    /// The last value of a repeated name counts.
    #[must_use]
    pub fn from_pairs(pairs: &[(String, String)]) -> Self {
        let mut query = Self::default();
        for (name, value) in pairs {
            query.set(name, value.trim());
        }
        query
    }

    fn set(&mut self, name: &str, value: &str) {
        match name {
            "days" => self.days = if value == "90" { 90 } else { 30 },
            "priority" => self.priority = value.parse().ok(),
            "decision" => self.decision = value.parse().ok(),
            "text" => self.text = truncate(value, MAX_TEXT_CHARS),
            "since" => {
                self.since_days = match value {
                    "1" => Some(1),
                    "30" => Some(30),
                    "all" => None,
                    _ => Some(7),
                }
            }
            "before" => self.before = value.parse().ok(),
            _ => {}
        }
    }

    /// `7`, `all`.
    pub(crate) fn since(&self) -> String {
        self.since_days.map_or_else(|| "all".into(), |days| days.to_string())
    }

    pub(crate) fn journal_filter(&self, now: Timestamp) -> JournalFilter {
        let days_before = |days: u32| now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days)));
        JournalFilter {
            since: self.since_days.and_then(|days| days_before(days).ok()).unwrap_or(Timestamp::MIN),
            priority: self.priority,
            decision: self.decision,
            text: self.text.clone(),
            before: self.before,
        }
    }

    /// The path and query of the page, without default values.
    pub(crate) fn address(&self) -> String {
        let default = Self::default();
        let mut query = Serializer::new(String::new());
        if self.days != default.days {
            query.append_pair("days", &self.days.to_string());
        }
        if let Some(priority) = self.priority {
            query.append_pair("priority", priority.as_str());
        }
        if let Some(decision) = self.decision {
            query.append_pair("decision", decision.as_str());
        }
        if !self.text.is_empty() {
            query.append_pair("text", &self.text);
        }
        if self.since_days != default.since_days {
            query.append_pair("since", &self.since());
        }
        if let Some(before) = self.before {
            query.append_pair("before", &before.to_string());
        }
        match query.finish() {
            query if query.is_empty() => "/".into(),
            query => format!("/?{query}"),
        }
    }
}
