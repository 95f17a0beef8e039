//! `monitors.exec`: programs of the person's own that watch something.

use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema::Config;
use crate::core::alert::{Monitor, Priority};
use crate::core::name::Name;

/// A program that says what is wrong; `docs/exec-plugins.md` describes how.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct ExecMonitor {
    /// What the person calls it; the monitor is `exec:NAME`.
    #[garde(skip)]
    pub name: Option<Name>,
    /// The program and its arguments.
    #[garde(length(max = 1000))]
    pub command: Vec<String>,
    /// Whether it runs.
    #[garde(skip)]
    pub enabled: bool,
    /// How often it runs (seconds).
    #[garde(range(min = 10, max = 86_400))]
    pub interval_seconds: u32,
    /// The longest that it may run (seconds).
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
    /// How urgent a check plugin's WARNING is.
    #[garde(skip)]
    pub warning: Priority,
    /// How urgent its CRITICAL is.
    #[garde(skip)]
    pub critical: Priority,
}

impl Default for ExecMonitor {
    fn default() -> Self {
        Self {
            name: None,
            command: Vec::new(),
            enabled: true,
            interval_seconds: 300,
            timeout_seconds: 10,
            warning: Priority::Medium,
            critical: Priority::High,
        }
    }
}

impl ExecMonitor {
    /// The key that it cannot do without and that is not set.
    pub(super) fn lack(&self) -> Option<&'static str> {
        let has_program = self.command.first().is_some_and(|program| !program.is_empty());
        match (&self.name, has_program) {
            (None, _) => Some("name"),
            (_, false) => Some("command"),
            _ => None,
        }
    }
}

impl Config {
    /// The programs that run, with their monitors.
    pub fn programs(&self) -> impl Iterator<Item = (Name, &ExecMonitor)> {
        let on = self.monitors.exec.iter().filter(|program| program.enabled);
        on.filter_map(|program| Some((program.name?, program)))
    }

    /// What the status shows of them: not the arguments, for a secret may stand there.
    pub(super) fn programs_summary(&self) -> Value {
        let all = self.monitors.exec.iter().filter_map(|program| Some((program.name?, program)));
        let shown = all.map(|(name, program)| {
            let about = json!({
                "enabled": program.enabled,
                "program": program.command.first(),
                "interval_seconds": program.interval_seconds,
                "timeout_seconds": program.timeout_seconds,
            });
            (Monitor::Exec(name).to_string(), about)
        });
        Value::Object(shown.collect())
    }
}
