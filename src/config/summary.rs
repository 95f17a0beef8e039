//! The configuration in `--status --json`.

use serde_json::{Map, Value, json};

use super::schema::Config;
use crate::core::alert::Monitor;

impl Config {
    /// The field `config` of the status. Invariant: of a secret, only whether it is set.
    #[must_use]
    pub fn summary(&self) -> Value {
        let sources = self.sources.sections().map(|(name, section)| {
            let fields: Map<String, Value> = section.summary().collect();
            (name.to_owned(), fields.into())
        });
        let calendars = ("calendars".to_owned(), self.sources.calendars_summary());
        let sources: Map<String, Value> = sources.into_iter().chain([calendars]).collect();
        let journal = &self.alerters.journal;
        let mut alerters = json!({ "journal": { "enabled": journal.enabled, "min_priority": journal.min_priority } });
        for section in self.alerters.sections() {
            let channel = section.channel.as_str();
            alerters[channel] = section.summary();
        }
        json!({
            "intervals": {
                "check_interval": self.intervals.check_interval,
                "health_check": self.intervals.health_check,
                "task_check": self.intervals.task_check,
                "pattern_check": self.intervals.pattern_check,
            },
            "quiet_hours": {
                "enabled": self.quiet_hours.enabled,
                "start": self.quiet_hours.start.to_string(),
                "end": self.quiet_hours.end.to_string(),
                "timezone": self.quiet_hours.timezone.name,
                "quiet_during_events": self.quiet_hours.quiet_during_events,
            },
            "deduplication": {
                "window_seconds": self.deduplication.window_seconds,
                "max_alerts_per_run": self.deduplication.max_alerts_per_run,
            },
            "circuit_breaker": self.circuit_breaker,
            "enabled_monitors": self.enabled_monitors(),
            "programs": self.exec_plugins_summary(),
            "thresholds": { "health": self.monitors.health.thresholds },
            "sources": sources,
            "alerters": alerters,
            "http": {
                "enabled": self.http.enabled,
                "port": self.http.port,
                "heartbeat_url_set": self.http.heartbeat_url.is_some() || self.http.heartbeat_url_file.is_some(),
            },
            "paths": { "state_dir": self.paths.state_dir, "log_dir": self.paths.log_dir },
        })
    }

    #[must_use]
    pub fn enabled_monitors(&self) -> Vec<Monitor> {
        let monitors = &self.monitors;
        let switches = [
            (Monitor::Health, monitors.health.enabled),
            (Monitor::Tasks, monitors.tasks.enabled),
            (Monitor::Patterns, monitors.patterns.enabled),
        ];
        let enabled = switches.into_iter().filter(|(_, enabled)| *enabled).map(|(monitor, _)| monitor);
        enabled.chain(self.exec_plugins().map(|(name, _)| Monitor::Exec(name))).collect()
    }

    /// Arguments can hold secrets: only the program is shown.
    fn exec_plugins_summary(&self) -> Value {
        let named = self.monitors.exec.iter().filter_map(|plugin| Some((plugin.name?, plugin)));
        let fields = named.map(|(name, plugin)| {
            let summary = json!({
                "enabled": plugin.enabled,
                "program": plugin.command.first(),
                "interval_seconds": plugin.interval_seconds,
                "timeout_seconds": plugin.timeout_seconds,
            });
            (Monitor::Exec(name).to_string(), summary)
        });
        Value::Object(fields.collect())
    }
}
