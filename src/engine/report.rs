//! What a check came to, as `--once --json` prints it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::core::alert::{Facts, Monitor, Priority};
use crate::core::channel::Channel;
use crate::core::circuit::CircuitState;
use crate::core::policy::decision::{Decision, PolicyDecision, Reason};
use crate::core::status::{MonitorState, RunStatus};

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// When, RFC 3339 with the person's offset.
    pub at: String,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// How long it took.
    pub duration_ms: u64,
    /// The monitors that ran.
    pub monitors: BTreeMap<Monitor, MonitorReport>,
    /// What was decided, the most urgent first.
    pub alerts: Vec<AlertReport>,
    /// The circuits of the sources.
    pub circuits: BTreeMap<String, CircuitState>,
}

/// One monitor's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorReport {
    /// How it ended.
    pub status: RunStatus,
    /// Where its facts came from.
    pub source: Option<String>,
    /// What it found.
    pub alerts: usize,
    /// How long it took.
    pub duration_ms: u64,
    /// Why it was skipped or failed, or what was missing.
    pub reason: Option<String>,
}

/// One alert with its decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertReport {
    /// What it is known by.
    pub key: String,
    /// How urgent.
    pub priority: Priority,
    /// One line.
    pub title: String,
    /// The sentence.
    pub message: String,
    /// Who found it.
    pub monitor: Monitor,
    /// What happens with it.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
    /// Where it goes.
    pub channels: Vec<Channel>,
    /// The reminder slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
    /// What it rests on.
    pub facts: Facts,
}

impl From<&MonitorState> for MonitorReport {
    fn from(state: &MonitorState) -> Self {
        Self {
            status: state.status,
            source: state.source.clone(),
            alerts: state.alerts_generated,
            duration_ms: state.duration_ms,
            reason: state.reason.clone(),
        }
    }
}

impl From<PolicyDecision> for AlertReport {
    fn from(PolicyDecision { alert, decision, reason, channels }: PolicyDecision) -> Self {
        Self {
            key: alert.key.into(),
            priority: alert.priority,
            title: alert.title,
            message: alert.message,
            monitor: alert.monitor,
            decision,
            reason,
            channels,
            occasion: alert.occasion,
            facts: alert.facts,
        }
    }
}

impl CheckReport {
    /// How many alerts were told: delivered, or in a digest.
    #[must_use]
    pub fn told(&self) -> usize {
        self.alerts.iter().filter(|a| matches!(a.decision, Decision::Deliver | Decision::Coalesce)).count()
    }

    /// Take in a later part of the same check.
    pub fn join(&mut self, later: Self) {
        self.duration_ms = later.duration_ms;
        self.monitors.extend(later.monitors);
        // A key that both speak of was decided first in the earlier one.
        let known: BTreeSet<String> = self.alerts.iter().map(|alert| alert.key.clone()).collect();
        self.alerts.extend(later.alerts.into_iter().filter(|alert| !known.contains(&alert.key)));
        let rank = |alert: &AlertReport| (alert.decision == Decision::Resolve, Reverse(alert.priority));
        self.alerts.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.key.cmp(&b.key)));
        self.circuits = later.circuits;
    }
}
