//! When each monitor last ran, and why its last run was incomplete.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::core::alert::Monitor;
use crate::core::schedule::{self, Intervals, LastRuns};
use crate::core::status::MonitorState;
use crate::monitors::MonitorOutcome;

/// A check that could not be saved is repeated after this time.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug)]
pub(crate) struct MonitorRuns {
    started_at: LastRuns,
    /// Why the last run was skipped, failed or missed a source; none if it was complete.
    reasons: BTreeMap<Monitor, Option<String>>,
}

impl MonitorRuns {
    /// Every monitor is due at a start. The reasons are restored, so that a known one is not logged again.
    pub(crate) fn restore(states: &BTreeMap<Monitor, MonitorState>) -> Self {
        let reasons = states.iter().map(|(monitor, state)| (*monitor, state.reason.clone())).collect();
        Self { started_at: LastRuns::new(), reasons }
    }

    pub(crate) fn on_started(&mut self, monitors: &[Monitor], now: Timestamp) {
        self.started_at.extend(monitors.iter().map(|monitor| (*monitor, now)));
    }

    pub(crate) fn due(&self, intervals: &Intervals, now: Timestamp) -> Vec<Monitor> {
        schedule::due(intervals, &self.started_at, now)
    }

    pub(crate) fn next_due(&self, intervals: &Intervals, now: Timestamp) -> Option<Timestamp> {
        schedule::next_due(intervals, &self.started_at, now)
    }

    /// Make these monitors due soon, not only after their interval.
    pub(crate) fn retry_soon(&mut self, monitors: &[Monitor], intervals: &Intervals, now: Timestamp) {
        for (monitor, interval) in intervals.iter().filter(|(monitor, _)| monitors.contains(monitor)) {
            let started = now.saturating_sub((*interval - RETRY_AFTER).max(SignedDuration::ZERO));
            self.started_at.insert(*monitor, started.unwrap_or(now));
        }
    }

    /// Log the reason of an incomplete run when it changes, not with every check.
    pub(crate) fn log_change(&mut self, monitor: Monitor, outcome: &MonitorOutcome) {
        let reason = match outcome {
            MonitorOutcome::Evaluated { note, .. } => note.clone(),
            MonitorOutcome::Skipped { reason } | MonitorOutcome::Failed { reason } => Some(reason.clone()),
        };
        let before = self.reasons.insert(monitor, reason.clone()).flatten();
        match (reason, outcome) {
            (reason, _) if before == reason => {}
            (None, _) => tracing::info!(%monitor, "all sources available again"),
            (Some(reason), MonitorOutcome::Evaluated { .. }) => tracing::warn!(%monitor, %reason, "source missing"),
            (Some(reason), MonitorOutcome::Skipped { .. }) => tracing::warn!(%monitor, %reason, "monitor skipped"),
            (Some(reason), MonitorOutcome::Failed { .. }) => tracing::error!(%monitor, %reason, "monitor failed"),
        }
    }
}
