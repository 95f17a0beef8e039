//! The configuration in force and what came with it.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::components::Components;
use super::heartbeat::Heartbeat;
use crate::alerters::Alerter;
use crate::config::schema::Config;
use crate::core::alert::Monitor;
use crate::core::policy::quiet_hours::QuietHours;
use crate::core::schedule::Intervals;
use crate::monitors::sources::Sources;

#[derive(Debug)]
pub(crate) struct ConfigState {
    pub(crate) config: Arc<Config>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) heartbeat: Option<Arc<Heartbeat>>,
    /// The configuration without its secrets.
    pub(crate) shown: Value,
    pub(crate) warnings: Vec<String>,
    /// Why the file as it is now is not in force.
    pub(crate) error: Option<String>,
}

impl ConfigState {
    /// Take the components apart. The dispatcher owns the alerters.
    pub(crate) fn new(components: Components) -> (Self, Vec<Arc<dyn Alerter>>) {
        let Components { config, sources, alerters, heartbeat, shown_config: shown, warnings } = components;
        (Self { config, sources: Arc::new(sources), heartbeat, shown, warnings, error: None }, alerters)
    }

    /// The enabled monitors with their intervals.
    pub(crate) fn intervals(&self) -> Intervals {
        let (intervals, enabled) = (&self.config.intervals, self.config.enabled_monitors());
        let built_in = [
            (Monitor::Health, intervals.health_check),
            (Monitor::Tasks, intervals.task_check),
            (Monitor::Patterns, intervals.pattern_check),
        ];
        let built_in = built_in.into_iter().filter(|(monitor, _)| enabled.contains(monitor));
        let plugins = self.config.exec_plugins().map(|(name, plugin)| (Monitor::Exec(name), plugin.interval_seconds));
        let seconds = |seconds: u32| SignedDuration::from_secs(seconds.into());
        built_in.chain(plugins).map(|(monitor, interval)| (monitor, seconds(interval))).collect()
    }

    pub(crate) fn quiet_hours(&self) -> QuietHours {
        self.config.quiet_hours.resolve()
    }

    pub(crate) fn time_zone(&self) -> TimeZone {
        self.config.quiet_hours.timezone.now()
    }

    pub(crate) fn dedup_window(&self) -> SignedDuration {
        SignedDuration::from_secs(self.config.deduplication.window_seconds.into())
    }
}
