//! The rules: facts, thresholds and the current time go in; alerts come out. Pure, so a rule can be replayed for any moment.

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

/// Every built-in rule as `"{category}:{type}"`, the beginning of its keys.
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

/// The result of a monitor's rules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// At most one alert per key.
    pub alerts: Vec<Alert>,
    /// The rules that had all their facts, as `"{category}:{type}"`. Alerts of other rules must not be resolved.
    pub evaluated: BTreeSet<Cow<'static, str>>,
    /// Entities without facts although their rule was evaluated. Alerts about them must not be resolved.
    pub unknown_entities: BTreeSet<String>,
}

impl Evaluation {
    /// Whether the absence of this key from `alerts` means that its condition is over.
    pub fn can_resolve(&self, key: &AlertKey) -> bool {
        self.evaluated.contains(key.rule()) && key.entity().is_none_or(|entity| !self.unknown_entities.contains(entity))
    }
}
