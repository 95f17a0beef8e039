//! The configuration as `--status --json` shows it: what a person asks about, and no secret.

use serde_json::{Value, json};

use super::schema::Config;
use super::{channels, sources};
use crate::core::alert::Monitor;

impl Config {
    /// What stands under `config` in the status. Of secrets it says only whether they are set.
    #[must_use]
    pub fn summary(&self) -> Value {
        json!({
            "intervals": {
                "check_interval": self.intervals.check_interval,
                "health_check": self.intervals.health_check,
                "task_check": self.intervals.task_check,
                "pattern_check": self.intervals.pattern_check,
            },
            "quiet_hours": {
                "enabled": self.quiet_hours.enabled,
                "start": self.quiet_hours.start,
                "end": self.quiet_hours.end,
                "timezone": self.quiet_hours.timezone.name,
                "quiet_during_events": self.quiet_hours.quiet_during_events,
            },
            "deduplication": {
                "window_seconds": self.deduplication.window_seconds,
                "max_alerts_per_run": self.deduplication.max_alerts_per_run,
            },
            "circuit_breaker": self.circuit_breaker,
            "enabled_monitors": self.enabled_monitors(),
            "programs": self.programs_summary(),
            "thresholds": { "health": self.monitors.health.thresholds },
            "sources": self.sources_summary(),
            "alerters": self.alerters_summary(),
            "http": {
                "enabled": self.http.enabled,
                "port": self.http.port,
                "heartbeat_url_set": self.http.heartbeat_url.is_some() || self.http.heartbeat_url_file.is_some(),
            },
            "paths": { "state_dir": self.paths.state_dir, "log_dir": self.paths.log_dir },
        })
    }

    /// The monitors that run.
    #[must_use]
    pub fn enabled_monitors(&self) -> Vec<Monitor> {
        let monitors = &self.monitors;
        let switches = [
            (Monitor::Health, monitors.health.enabled),
            (Monitor::Tasks, monitors.tasks.enabled),
            (Monitor::Patterns, monitors.patterns.enabled),
        ];
        let on = switches.into_iter().filter(|(_, enabled)| *enabled).map(|(monitor, _)| monitor);
        on.chain(self.programs().map(|(name, _)| Monitor::Exec(name))).collect()
    }

    fn sources_summary(&self) -> Value {
        let shown = self.sources.all().map(|section| (section.name().to_owned(), sources::summary(section)));
        let calendars = ("calendars".to_owned(), self.calendars_summary());
        Value::Object(shown.into_iter().chain([calendars]).collect())
    }

    fn alerters_summary(&self) -> Value {
        let journal = &self.alerters.journal;
        let mut shown = json!({ "journal": { "enabled": journal.enabled, "min_priority": journal.min_priority } });
        for section in self.alerters.all() {
            shown[section.channel().as_str()] = channels::summary(section);
        }
        shown
    }
}
