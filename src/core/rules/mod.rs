//! Facts, thresholds and now go in; alerts come out. Every rule is pure and can be replayed on a past moment.

mod calendar;
mod draft;
pub mod exec;
pub mod health;
pub mod metric;
pub mod patterns;
mod phrases;
mod plausible;
pub mod system;
pub mod tasks;
pub mod thresholds;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::alert::{Alert, AlertKey};

/// Every rule of ours, as `"{category}:{type}"`: what keys begin with.
pub const NAMES: [&str; 20] = [
    "health:readiness_low",
    "health:sleep_short",
    "health:sleep_quality_low",
    "health:hrv_low",
    "health:stress_high",
    "task:deadline_overdue",
    "task:deadline_today",
    "task:deadline_tomorrow",
    "task:commitment_due",
    "task:commitment_violation",
    "task:pileup",
    "task:goal_behind",
    "pattern:procrastination",
    "pattern:recurring_worry",
    "pattern:energy_decline",
    "pattern:sleep_debt",
    "pattern:overcommitment",
    "pattern:context_switching",
    "pattern:stale_focus",
    "system:source_unavailable",
];

/// What a monitor's rules found, and what they were able to judge.
///
/// A rule that lacked its facts is not in `judged`: nothing of it may be resolved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// What fires, at most one alert a key.
    pub alerts: Vec<Alert>,
    /// The rules that had what they need, as `"{category}:{type}"`.
    pub judged: BTreeSet<Cow<'static, str>>,
    /// Entities that could not be judged though their rule was.
    pub except: BTreeSet<String>,
}

impl Evaluation {
    /// Whether an alert of this key would be in `alerts` if its condition still held.
    #[must_use]
    pub fn covers(&self, key: &AlertKey) -> bool {
        self.judged.contains(key.rule()) && key.entity().is_none_or(|entity| !self.except.contains(entity))
    }
}
