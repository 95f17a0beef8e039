//! The shape of `config.yaml`: every key, its type, its default and its range. Prose about the keys stands in the file itself.

use std::fmt;
use std::path::PathBuf;

use garde::Validate;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::core::alert::Priority;
use crate::core::circuit::BreakerSettings;
use crate::core::policy::quiet_hours::{QuietHours, WallTime};
use crate::core::rules::thresholds::{HealthThresholds, PatternThresholds, TaskThresholds};

pub use super::calendars::{CaldavConfig, CalendarConfig};
pub use super::channels::{
    EmailConfig, ExecConfig, NotificationConfig, NtfyConfig, PushoverConfig, Security, TelegramConfig, WebhookConfig,
};
pub use super::programs::ExecMonitor;
pub use super::sources::{
    FocusFileConfig, MarkdownConfig, OuraConfig, RemindersConfig, StateStoreConfig, TaskwarriorConfig, TodoistConfig,
    TokenStoreKind, WorkosConfig,
};

/// The whole configuration.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often things are looked at.
    #[garde(dive)]
    pub intervals: Intervals,
    /// When only critical alerts are told; its zone is the person's zone for everything.
    #[garde(dive)]
    pub quiet_hours: QuietHoursConfig,
    /// How often the same thing is told.
    #[garde(dive)]
    pub deduplication: Deduplication,
    /// When a failing source is left alone.
    #[garde(dive)]
    pub circuit_breaker: BreakerSettings,
    /// What is judged.
    #[garde(dive)]
    pub monitors: Monitors,
    /// Where the facts come from.
    #[garde(dive)]
    pub sources: Sources,
    /// Where alerts go.
    #[garde(dive)]
    pub alerters: Alerters,
    /// The local page and endpoints.
    #[garde(dive)]
    pub http: Http,
    /// What is kept, and how long.
    #[garde(dive)]
    pub retention: Retention,
    /// What is logged.
    #[garde(skip)]
    pub logging: Logging,
    /// Where our own files live.
    #[garde(skip)]
    pub paths: Paths,
}

/// Seconds between checks.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Intervals {
    /// The longest the loop sleeps before it looks whether something is due; it looks every 30 s at least, to notice that
    /// the machine slept.
    #[garde(range(min = 10, max = 86_400))]
    pub check_interval: u32,
    /// The health monitor's interval.
    #[garde(range(min = 10, max = 86_400))]
    pub health_check: u32,
    /// The tasks monitor's interval.
    #[garde(range(min = 10, max = 86_400))]
    pub task_check: u32,
    /// The patterns monitor's interval.
    #[garde(range(min = 10, max = 86_400))]
    pub pattern_check: u32,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { check_interval: 300, health_check: 900, task_check: 900, pattern_check: 1800 }
    }
}

/// Quiet hours as written; `resolve` makes them what policy asks.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct QuietHoursConfig {
    /// Whether there are any.
    #[garde(skip)]
    pub enabled: bool,
    /// First quiet minute.
    #[garde(skip)]
    pub start: WallTime,
    /// First minute after them.
    #[garde(skip)]
    pub end: WallTime,
    /// An IANA name, or `system`.
    #[garde(skip)]
    pub timezone: Zone,
    /// Whether it is quiet too while an event of a calendar takes the person's time.
    #[garde(skip)]
    pub quiet_during_events: bool,
}

impl Default for QuietHoursConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            start: WallTime::hour(22),
            end: WallTime::hour(7),
            timezone: Zone::default(),
            quiet_during_events: false,
        }
    }
}

impl QuietHoursConfig {
    /// What policy asks.
    #[must_use]
    pub fn resolve(&self) -> QuietHours {
        QuietHours { enabled: self.enabled, start: self.start, end: self.end }
    }
}

/// The person's time zone: quiet hours, dates and deadlines follow it.
#[derive(Debug, Clone)]
pub struct Zone {
    /// As written: an IANA name, or `system`.
    pub name: String,
    /// What it stood for when it was read.
    zone: TimeZone,
}

/// How often the same thing is told.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Deduplication {
    /// No window is shorter (seconds).
    #[garde(range(min = 0, max = 31_536_000))]
    pub window_seconds: u32,
    /// More in one check are told as one digest.
    #[garde(range(min = 1, max = 10_000))]
    pub max_alerts_per_run: u32,
}

impl Default for Deduplication {
    fn default() -> Self {
        Self { window_seconds: 3600, max_alerts_per_run: 20 }
    }
}

/// What is judged.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Monitors {
    /// Today's body.
    #[garde(dive)]
    pub health: MonitorConfig<HealthThresholds>,
    /// Deadlines, promises, goals.
    #[garde(dive)]
    pub tasks: MonitorConfig<TaskThresholds>,
    /// Habits over days.
    #[garde(dive)]
    pub patterns: MonitorConfig<PatternThresholds>,
    /// Programs of the person's own.
    #[garde(length(max = 100), dive)]
    pub exec: Vec<ExecMonitor>,
}

/// One monitor.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorConfig<T: Default + Validate<Context = ()>> {
    /// Whether it runs.
    #[garde(skip)]
    pub enabled: bool,
    /// Its rules' limits.
    #[garde(dive)]
    pub thresholds: T,
}

impl<T: Default + Validate<Context = ()>> Default for MonitorConfig<T> {
    fn default() -> Self {
        Self { enabled: true, thresholds: T::default() }
    }
}

/// Where the facts come from.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Sources {
    /// Oura: the cache file, then the API.
    #[garde(dive)]
    pub oura: OuraConfig,
    /// WorkOS: a Postgres database.
    #[garde(dive)]
    pub workos: WorkosConfig,
    /// The state store: an SQLite file with due dates and promises.
    #[garde(skip)]
    pub state_store: StateStoreConfig,
    /// Todoist.
    #[garde(dive)]
    pub todoist: TodoistConfig,
    /// Taskwarrior.
    #[garde(dive)]
    pub taskwarrior: TaskwarriorConfig,
    /// A folder of notes.
    #[garde(skip)]
    pub markdown: MarkdownConfig,
    /// Apple Reminders.
    #[garde(skip)]
    pub reminders: RemindersConfig,
    /// A file whose age tells whether the focus is still looked at.
    #[garde(skip)]
    pub focus_file: FocusFileConfig,
    /// Calendars.
    #[garde(length(max = 50), dive)]
    pub calendars: Vec<CalendarConfig>,
}

/// Where alerts go.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Alerters {
    /// The record of everything; always on.
    #[garde(skip)]
    pub journal: JournalConfig,
    /// Banners.
    #[garde(skip)]
    pub notification: NotificationConfig,
    /// A Telegram chat.
    #[garde(dive)]
    pub telegram: TelegramConfig,
    /// A web address.
    #[garde(dive)]
    pub webhook: WebhookConfig,
    /// Phones, through an ntfy server.
    #[garde(skip)]
    pub ntfy: NtfyConfig,
    /// Phones, through Pushover.
    #[garde(skip)]
    pub pushover: PushoverConfig,
    /// A mailbox.
    #[garde(dive)]
    pub email: EmailConfig,
    /// A program of the person's own.
    #[garde(dive)]
    pub exec: ExecConfig,
}

/// The journal takes every alert; the keys are there so that all channels read alike.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// Must stay true: the journal is what `why` answers from.
    pub enabled: bool,
    /// Must stay low.
    pub min_priority: Priority,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { enabled: true, min_priority: Priority::Low }
    }
}

/// The local page and endpoints.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Whether they are served, on 127.0.0.1 only.
    #[garde(skip)]
    pub enabled: bool,
    /// The port.
    #[garde(range(min = 1))]
    pub port: u16,
    /// What is asked for once a minute while all is well. Such addresses are secrets by themselves.
    #[garde(skip)]
    pub heartbeat_url: Option<SecretString>,
    /// A file that holds the address.
    #[garde(skip)]
    pub heartbeat_url_file: Option<PathBuf>,
}

impl Default for Http {
    fn default() -> Self {
        Self { enabled: true, port: 8765, heartbeat_url: None, heartbeat_url_file: None }
    }
}

/// How long things are kept (days).
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Journal entries.
    #[garde(range(min = 1, max = 36_500))]
    pub journal_days: u32,
    /// Health days and postponements.
    #[garde(range(min = 60, max = 36_500))]
    pub history_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { journal_days: 400, history_days: 3660 }
    }
}

/// What is logged.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// The least important level that is written.
    pub level: Level,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Failures only.
    Error,
    /// And what needs attention.
    #[serde(alias = "warning")]
    Warn,
    /// And what was done.
    #[default]
    Info,
    /// And how.
    Debug,
}

/// Where our own files live; none: the system's usual place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paths {
    /// Database, lock, socket and `operator_state.json`.
    pub state_dir: Option<PathBuf>,
    /// Log files.
    pub log_dir: Option<PathBuf>,
}

impl Zone {
    /// The zone now: the system's may change while the program runs, when its owner travels.
    #[must_use]
    pub fn now(&self) -> TimeZone {
        if self.name == "system" { TimeZone::system() } else { self.zone.clone() }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "system".into(), zone: TimeZone::system() }
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ZoneVisitor)
    }
}

struct ZoneVisitor;

impl Visitor<'_> for ZoneVisitor {
    type Value = Zone;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an IANA name such as Europe/Berlin, or system")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Zone, E> {
        if name == "system" {
            return Ok(Zone::default());
        }
        match TimeZone::get(name) {
            Ok(zone) => Ok(Zone { name: name.into(), zone }),
            Err(_) => Err(E::custom(format!(
                "'{name}' is not a time zone: give an IANA name such as Europe/Berlin, or system"
            ))),
        }
    }
}

/// An address that paths are put behind. It may hold a password, so a refusal does not repeat it.
pub(super) fn http_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let address = String::deserialize(deserializer)?;
    let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let fits = host.is_some_and(|host| !host.starts_with(['/', '?', '#']) && !host.is_empty());
    if !fits || address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(de::Error::custom("this must be an address that begins with https:// or http:// and names a host"));
    }
    Ok(address.trim_end_matches('/').to_owned())
}
