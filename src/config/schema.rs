//! The shape of `config.yaml`: every key with its type, default and range. The file itself explains the keys.

use std::fmt;
use std::path::PathBuf;

use garde::Validate;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::core::alert::Priority;
use crate::core::circuit::CircuitSettings;
use crate::core::name::Name;
use crate::core::policy::quiet_hours::{QuietHours, WallTime};
use crate::core::rules::thresholds::{HealthThresholds, PatternThresholds, TaskThresholds};

use super::wall_time;

pub use super::channels::{
    AlertersConfig, EmailConfig, ExecAlerterConfig, JournalConfig, NotificationConfig, NtfyConfig, PushoverConfig,
    SmtpSecurity, TelegramConfig, WebhookConfig,
};
pub use super::sources::{
    CaldavConfig, CalendarConfig, FocusFileConfig, MarkdownConfig, OuraConfig, RemindersConfig, SourcesConfig,
    StateStoreConfig, TaskwarriorConfig, TodoistConfig, TokenStoreKind, WorkosConfig,
};

/// The whole configuration.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct Config {
    #[garde(dive)]
    pub intervals: IntervalsConfig,
    pub quiet_hours: QuietHoursConfig,
    #[garde(dive)]
    pub deduplication: DeduplicationConfig,
    #[garde(dive)]
    pub circuit_breaker: CircuitSettings,
    #[garde(dive)]
    pub monitors: MonitorsConfig,
    #[garde(dive)]
    pub sources: SourcesConfig,
    #[garde(dive)]
    pub alerters: AlertersConfig,
    #[garde(dive)]
    pub http: HttpConfig,
    #[garde(dive)]
    pub retention: RetentionConfig,
    pub logging: LoggingConfig,
    pub paths: PathsConfig,
}

/// Seconds between checks.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct IntervalsConfig {
    /// The longest sleep of the event loop. It wakes every 30 s at least, to notice that the machine slept.
    #[garde(range(min = 10, max = 86_400))]
    pub check_interval: u32,
    #[garde(range(min = 10, max = 86_400))]
    pub health_check: u32,
    #[garde(range(min = 10, max = 86_400))]
    pub task_check: u32,
    #[garde(range(min = 10, max = 86_400))]
    pub pattern_check: u32,
}

impl Default for IntervalsConfig {
    fn default() -> Self {
        Self { check_interval: 300, health_check: 900, task_check: 900, pattern_check: 1800 }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuietHoursConfig {
    pub enabled: bool,
    /// First quiet minute.
    #[serde(deserialize_with = "wall_time::deserialize")]
    pub start: WallTime,
    /// First minute after quiet hours.
    #[serde(deserialize_with = "wall_time::deserialize")]
    pub end: WallTime,
    pub timezone: TimeZoneSetting,
    /// Whether events of busy calendars are quiet too.
    pub quiet_during_events: bool,
}

impl Default for QuietHoursConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            start: WallTime::hour(22),
            end: WallTime::hour(7),
            timezone: TimeZoneSetting::default(),
            quiet_during_events: false,
        }
    }
}

impl QuietHoursConfig {
    #[must_use]
    pub fn resolve(&self) -> QuietHours {
        QuietHours { enabled: self.enabled, start: self.start, end: self.end }
    }
}

/// The user's time zone. Quiet hours, dates and deadlines follow it.
#[derive(Debug, Clone)]
pub struct TimeZoneSetting {
    /// An IANA name, or `system`.
    pub name: String,
    zone: TimeZone,
}

#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct DeduplicationConfig {
    /// Lower bound of every repeat window, in seconds.
    #[garde(range(min = 0, max = 31_536_000))]
    pub window_seconds: u32,
    /// Above this number of alerts in one check, the rest are sent as one digest.
    #[garde(range(min = 1, max = 10_000))]
    pub max_alerts_per_run: u32,
}

impl Default for DeduplicationConfig {
    fn default() -> Self {
        Self { window_seconds: 3600, max_alerts_per_run: 20 }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorsConfig {
    #[garde(dive)]
    pub health: MonitorConfig<HealthThresholds>,
    #[garde(dive)]
    pub tasks: MonitorConfig<TaskThresholds>,
    #[garde(dive)]
    pub patterns: MonitorConfig<PatternThresholds>,
    #[garde(length(max = 100), dive)]
    pub exec: Vec<ExecMonitorConfig>,
}

#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct MonitorConfig<T: Default + Validate<Context = ()>> {
    pub enabled: bool,
    #[garde(dive)]
    pub thresholds: T,
}

impl<T: Default + Validate<Context = ()>> Default for MonitorConfig<T> {
    fn default() -> Self {
        Self { enabled: true, thresholds: T::default() }
    }
}

/// An exec plugin that reports alerts; see `docs/exec-plugins.md`.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct ExecMonitorConfig {
    /// The monitor is `exec:NAME`.
    pub name: Option<Name>,
    /// The program and its arguments.
    #[garde(length(max = 1000))]
    pub command: Vec<String>,
    pub enabled: bool,
    #[garde(range(min = 10, max = 86_400))]
    pub interval_seconds: u32,
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
    /// Priority of a check plugin's WARNING.
    pub warning: Priority,
    /// Priority of a check plugin's CRITICAL.
    pub critical: Priority,
}

impl Default for ExecMonitorConfig {
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

impl ExecMonitorConfig {
    /// The unset key without which the plugin cannot run.
    pub(super) fn missing_key(&self) -> Option<&'static str> {
        let has_program = self.command.first().is_some_and(|program| !program.is_empty());
        match (&self.name, has_program) {
            (None, _) => Some("name"),
            (_, false) => Some("command"),
            _ => None,
        }
    }
}

/// The local HTTP server.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct HttpConfig {
    /// Serves on 127.0.0.1 only.
    pub enabled: bool,
    #[garde(range(min = 1))]
    pub port: u16,
    /// GET once a minute while Operator is healthy. A secret: such addresses hold a token.
    pub heartbeat_url: Option<SecretString>,
    pub heartbeat_url_file: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { enabled: true, port: 8765, heartbeat_url: None, heartbeat_url_file: None }
    }
}

#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    #[garde(range(min = 1, max = 36_500))]
    pub journal_days: u32,
    /// Health days and postponements.
    #[garde(range(min = 60, max = 36_500))]
    pub history_days: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { journal_days: 400, history_days: 3660 }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoggingConfig {
    pub level: LogLevel,
}

/// The least important level that is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    #[serde(alias = "warning")]
    Warn,
    #[default]
    Info,
    Debug,
}

/// Folders of our own files; unset: the system's usual place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PathsConfig {
    /// Database, lock, socket and `operator_state.json`.
    pub state_dir: Option<PathBuf>,
    pub log_dir: Option<PathBuf>,
}

impl Config {
    /// The enabled exec plugins by name.
    pub fn exec_plugins(&self) -> impl Iterator<Item = (Name, &ExecMonitorConfig)> {
        let enabled = self.monitors.exec.iter().filter(|plugin| plugin.enabled);
        enabled.filter_map(|plugin| Some((plugin.name?, plugin)))
    }
}

impl TimeZoneSetting {
    /// The current zone. `system` is read each time: the user may travel while the program runs.
    #[must_use]
    pub fn now(&self) -> TimeZone {
        if self.name == "system" { TimeZone::system() } else { self.zone.clone() }
    }
}

impl Default for TimeZoneSetting {
    fn default() -> Self {
        Self { name: "system".into(), zone: TimeZone::system() }
    }
}

impl<'de> Deserialize<'de> for TimeZoneSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TimeZoneVisitor)
    }
}

struct TimeZoneVisitor;

impl Visitor<'_> for TimeZoneVisitor {
    type Value = TimeZoneSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an IANA name such as Europe/Berlin, or system")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<TimeZoneSetting, E> {
        if name == "system" {
            return Ok(TimeZoneSetting::default());
        }
        match TimeZone::get(name) {
            Ok(zone) => Ok(TimeZoneSetting { name: name.into(), zone }),
            Err(_) => Err(E::custom(format!(
                "'{name}' is not a time zone: give an IANA name such as Europe/Berlin, or system"
            ))),
        }
    }
}

/// A base address. It may hold a password, so the error does not repeat it.
pub(super) fn http_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let address = String::deserialize(deserializer)?;
    let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let fits = host.is_some_and(|host| !host.starts_with(['/', '?', '#']) && !host.is_empty());
    if !fits || address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(de::Error::custom("this must be an address that begins with https:// or http:// and names a host"));
    }
    Ok(address.trim_end_matches('/').to_owned())
}
