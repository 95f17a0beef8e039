//! The report of a check, as `--once --json` prints it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::ZonedDateTime;
use serde::{Deserialize, Serialize};

use crate::core::alert::{Facts, Monitor, Priority};
use crate::core::channel::Channel;
use crate::core::circuit::CircuitState;
use crate::core::policy::decision::{Decision, PolicyDecision, Reason};
use crate::core::status::{MonitorState, RunStatus};

/// The result of one evaluation.
#[derive(Debug)]
pub(crate) struct Evaluated {
    pub(crate) decisions: Vec<PolicyDecision>,
    pub(crate) states: BTreeMap<Monitor, MonitorState>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// RFC 3339 with the user's offset.
    pub at: String,
    pub dry_run: bool,
    pub duration_ms: u64,
    pub monitors: BTreeMap<Monitor, MonitorReport>,
    pub alerts: Vec<AlertReport>,
    pub circuits: BTreeMap<String, CircuitState>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorReport {
    pub status: RunStatus,
    pub source: Option<String>,
    pub alerts: usize,
    pub duration_ms: u64,
    pub reason: Option<String>,
}

/// An alert with the decision on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertReport {
    pub key: String,
    pub priority: Priority,
    pub title: String,
    pub message: String,
    pub monitor: Monitor,
    pub decision: Decision,
    pub reason: Reason,
    pub channels: Vec<Channel>,
    /// The reminder slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
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
    /// The report of one part of a check that was made for `at` and has taken `duration` so far.
    pub(crate) fn new(
        at: &ZonedDateTime,
        duration: Duration,
        evaluated: Evaluated,
        circuits: BTreeMap<String, CircuitState>,
        dry_run: bool,
    ) -> Self {
        Self {
            at: at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            dry_run,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            monitors: evaluated.states.iter().map(|(monitor, state)| (*monitor, MonitorReport::from(state))).collect(),
            alerts: evaluated.decisions.into_iter().map(AlertReport::from).collect(),
            circuits,
        }
    }

    /// Add a later part of the same check.
    pub fn merge(&mut self, later: Self) {
        self.duration_ms = later.duration_ms;
        self.monitors.extend(later.monitors);
        // The decision on a key in both parts was made in the earlier one.
        let known: BTreeSet<String> = self.alerts.iter().map(|alert| alert.key.clone()).collect();
        self.alerts.extend(later.alerts.into_iter().filter(|alert| !known.contains(&alert.key)));
        let rank = |alert: &AlertReport| (alert.decision == Decision::Resolve, Reverse(alert.priority));
        self.alerts.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.key.cmp(&b.key)));
        self.circuits = later.circuits;
    }

    fn notified(&self) -> impl Iterator<Item = &AlertReport> {
        self.alerts.iter().filter(|alert| matches!(alert.decision, Decision::Deliver | Decision::Coalesce))
    }

    pub(crate) fn log(&self) {
        let seconds = Duration::from_millis(self.duration_ms).as_secs_f64();
        let sent = if self.dry_run { "would be sent (dry run)" } else { "sent" };
        tracing::info!("Check cycle complete: {} alerts {sent} ({seconds:.1}s)", self.notified().count());
    }

    /// Log what a dry run of the event loop would have sent.
    pub(crate) fn log_dry_run(&self) {
        for alert in self.notified().filter(|_| self.dry_run) {
            let (decision, reason) = (alert.decision.as_str(), alert.reason.as_str());
            tracing::info!("Dry run: would {decision} ({reason}), {}: {}", alert.priority, alert.title);
        }
    }
}
