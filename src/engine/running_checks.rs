//! The checks under way, the monitors requested besides their intervals, and the requests that wait for a report.

use std::time::Duration;

use tokio::sync::oneshot;

use super::calendar_cache::CalendarCache;
use super::check::Check;
use super::report::CheckReport;
use super::source_states::SourceStates;
use crate::core::alert::Monitor;

/// How long a finished monitor waits so that the whole check commits together.
const READY_GRACE: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(crate) struct RunningChecks {
    checks: Vec<Check>,
    /// Monitors to run although their interval has not passed.
    requested: Vec<Monitor>,
    /// Wait for the next check to start.
    waiters: Vec<oneshot::Sender<CheckReport>>,
}

impl RunningChecks {
    pub(crate) const fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    pub(crate) fn is_running(&self, monitor: Monitor) -> bool {
        self.checks.iter().any(|check| check.monitors().any(|running| running == monitor))
    }

    pub(crate) fn request(&mut self, monitors: impl IntoIterator<Item = Monitor>) {
        self.requested.extend(monitors);
    }

    /// Whether a requested monitor can start now.
    pub(crate) fn has_startable(&self) -> bool {
        self.requested.iter().any(|monitor| !self.is_running(*monitor))
    }

    /// The monitors to start: those due and those requested. A running monitor is not started twice; a requested one follows
    /// when it has ended.
    pub(crate) fn take_startable(&mut self, due: Vec<Monitor>) -> Vec<Monitor> {
        let requested = std::mem::take(&mut self.requested);
        let (running, idle): (Vec<_>, Vec<_>) = requested.into_iter().partition(|monitor| self.is_running(*monitor));
        self.requested = running;
        let mut startable = due;
        startable.retain(|monitor| !self.is_running(*monitor));
        startable.extend(idle);
        startable.sort();
        startable.dedup();
        startable
    }

    pub(crate) fn add(&mut self, mut check: Check) {
        check.waiters.append(&mut self.waiters);
        self.checks.push(check);
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Check> {
        self.checks.iter_mut().find(|check| check.id == id)
    }

    /// Take out a check that can be evaluated: a complete one, or one with a monitor whose grace has passed.
    pub(crate) fn take_ready(&mut self) -> Option<Check> {
        let can_evaluate = |check: &Check| {
            check.ready_since().is_some_and(|since| check.is_complete() || since.elapsed() >= READY_GRACE)
        };
        let index = self.checks.iter().rposition(can_evaluate)?;
        Some(self.checks.swap_remove(index))
    }

    /// How long until `take_ready` finds a check without a further reading.
    pub(crate) fn next_ready(&self) -> Option<Duration> {
        let since = self.checks.iter().filter_map(Check::ready_since).min()?;
        Some(READY_GRACE.saturating_sub(since.elapsed()))
    }

    /// Put a check back that waits for more readings.
    pub(crate) fn put_back(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// Cancel all checks. Requests that wait for a report get that of the next check.
    pub(crate) fn cancel_all(&mut self, states: &mut SourceStates, calendars: &mut CalendarCache) {
        for check in std::mem::take(&mut self.checks) {
            self.waiters.extend(check.cancel(states, calendars));
        }
    }

    /// Wait for the report of every check under way.
    pub(crate) fn add_waiters(&mut self) -> Vec<oneshot::Receiver<CheckReport>> {
        self.checks.iter_mut().map(Check::add_waiter).collect()
    }

    pub(crate) fn all_complete(&self) -> bool {
        self.checks.iter().all(Check::is_complete)
    }

    /// Take the checks with ready monitors, for the last time.
    pub(crate) fn take_rest(&mut self) -> Vec<Check> {
        let mut checks = std::mem::take(&mut self.checks);
        checks.retain(|check| check.ready_since().is_some());
        checks
    }
}
