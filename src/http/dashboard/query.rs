//! What the address asks for: how many days, and which part of the journal.

use std::fmt::{self, Write as _};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::core::alert::Priority;
use crate::core::policy::decision::Decision;
use crate::core::text::truncate;
use crate::store::journal::query::JournalFilter;

/// A text that is looked for is no longer (characters).
const LONGEST_TEXT: usize = 100;

/// The part of an address after the question mark. A value that means nothing counts as not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Days in the charts: 30 or 90.
    pub days: u32,
    /// Journal: this urgency alone.
    pub priority: Option<Priority>,
    /// Journal: what was decided.
    pub decision: Option<Decision>,
    /// Journal: a part of key or title.
    pub text: String,
    /// Journal: the last 1, 7 or 30 days; none for all of it.
    pub since_days: Option<u32>,
    /// Journal: older than the entry of this number.
    pub before: Option<i64>,
}

impl Default for Query {
    fn default() -> Self {
        Self { days: 30, priority: None, decision: None, text: String::new(), since_days: Some(7), before: None }
    }
}

impl Query {
    /// The query of these names and values. Of a name that comes twice the last one counts.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut query = Self::default();
        for (name, value) in pairs {
            query.take(name, value.trim());
        }
        query
    }

    fn take(&mut self, name: &str, value: &str) {
        match name {
            "days" => self.days = if value == "90" { 90 } else { 30 },
            "priority" => self.priority = value.parse().ok(),
            "decision" => self.decision = value.parse::<Decision>().ok(),
            "text" => self.text = truncate(value, LONGEST_TEXT),
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

    /// Which entries of the journal are meant.
    pub(crate) fn filter(&self, now: Timestamp) -> JournalFilter {
        let back = |days: u32| now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days)));
        JournalFilter {
            since: self.since_days.and_then(|days| back(days).ok()).unwrap_or(Timestamp::MIN),
            priority: self.priority,
            decision: self.decision,
            text: self.text.clone(),
            before: self.before,
        }
    }

    /// The address of the page that this asks for.
    pub(crate) fn address(&self) -> String {
        let usual = Self::default();
        let mut parts = Vec::new();
        if self.days != usual.days {
            parts.push(format!("days={}", self.days));
        }
        parts.extend(self.priority.map(|priority| format!("priority={priority}")));
        parts.extend(self.decision.map(|decision| format!("decision={}", decision.as_str())));
        if !self.text.is_empty() {
            parts.push(format!("text={}", escape(&self.text)));
        }
        if self.since_days != usual.since_days {
            parts.push(format!("since={}", self.since()));
        }
        parts.extend(self.before.map(|before| format!("before={before}")));
        if parts.is_empty() { "/".into() } else { format!("/?{}", parts.join("&")) }
    }
}

/// Text as it stands in an address.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(QueryVisitor)
    }
}

struct QueryVisitor;

impl<'de> Visitor<'de> for QueryVisitor {
    type Value = Query;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names with values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Query, A::Error> {
        let mut query = Query::default();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            query.take(&name, value.trim());
        }
        Ok(query)
    }
}
