//! The snapshot of the whole engine: what `--status`, the menu and every other window paint.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::alert::{AlertKey, Monitor, Priority};
use super::audit::Audit;
use super::channel::Channel;
use super::circuit::CircuitState;

/// How a monitor's last run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Its rules ran.
    Ok,
    /// Its facts were not to be had: nothing was judged, nothing resolved.
    Skipped,
    /// It broke.
    Failed,
}

impl RunStatus {
    /// `ok`, `skipped` or `failed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// A monitor's last run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorState {
    /// When it ran.
    pub last_check: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// What it found.
    pub alerts_generated: usize,
    /// How it ended.
    pub status: RunStatus,
    /// Where its facts came from.
    pub source: Option<String>,
    /// Why it was skipped or failed, or what was missing.
    pub reason: Option<String>,
}

/// What waits in a channel's queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDepth {
    /// To be sent.
    pub pending: u64,
    /// Refused for good.
    pub failed: u64,
}

/// How a channel does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    /// In a word.
    pub state: ChannelHealth,
    /// What is wrong, and what to do about it.
    pub reason: Option<String>,
    /// When it is tried next.
    pub next_try: Option<Timestamp>,
    /// When something got through last.
    pub last_delivered: Option<Timestamp>,
}

/// How a channel does, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelHealth {
    /// Switched off.
    #[default]
    Off,
    /// Switched on, and nothing is known to be wrong.
    Ok,
    /// The last message did not get through.
    Failing,
}

impl ChannelHealth {
    /// `off`, `ok` or `failing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ok => "ok",
            Self::Failing => "failing",
        }
    }
}

/// An open alert, as a menu shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAlert {
    /// What it is known by.
    pub key: AlertKey,
    /// How urgent.
    pub priority: Priority,
    /// One line.
    pub title: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether the person said that they know.
    pub acknowledged: bool,
    /// Until when they do not want to hear of it.
    pub snoozed_until: Option<Timestamp>,
}

/// How a source does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Its circuit.
    pub circuit: CircuitState,
    /// The age of what it told last: when that was synced or read. Since this engine runs.
    pub as_of: Option<Timestamp>,
    /// When it is asked again, if its circuit is not closed.
    pub next_try: Option<Timestamp>,
    /// What it said when it last failed, for as long as it does.
    pub trouble: Option<String>,
}

/// How Oura's API is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OuraLink {
    /// Not at all.
    Off,
    /// By a token in the configuration.
    Token,
    /// By the connection that `operator connect oura` made.
    Connected,
    /// By one that Oura does not accept any more.
    Revoked,
}

/// Whether the dashboard and its endpoints are served.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageState {
    /// Where: `127.0.0.1:8765`; none while they are not.
    pub address: Option<String>,
    /// What keeps them from being served, though they are switched on.
    pub trouble: Option<String>,
}

/// The counters that outlive a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Checks made, ever.
    pub run_count: u64,
    /// Alerts told, ever: delivered and coalesced.
    pub total_alerts: u64,
    /// When the last check was made.
    pub last_run: Option<Timestamp>,
}

/// Everything worth showing, at one moment. Serialised it is the object that `--status --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Whether an engine runs.
    pub running: bool,
    /// Its process.
    pub pid: Option<u32>,
    /// When the last check was made.
    pub last_run: Option<Timestamp>,
    /// When the next one is due.
    pub next_run: Option<Timestamp>,
    /// Checks made, ever.
    pub run_count: u64,
    /// Alerts told, ever.
    pub total_alerts: u64,
    /// How long the engine has run.
    pub uptime_seconds: Option<u64>,
    /// Since when it runs.
    pub uptime_start: Option<Timestamp>,
    /// Whether it only decides and reports.
    pub dry_run: bool,
    /// Whether alerts wait because the person asked for it.
    pub paused: bool,
    /// Until when; none until resumed.
    pub paused_until: Option<Timestamp>,
    /// Whether quiet hours are in force.
    pub is_quiet_hours: bool,
    /// Until when alerts wait for the end of a meeting; none while there is none that keeps them back.
    #[serde(default)]
    pub in_event_until: Option<Timestamp>,
    /// When the clock next passes the beginning or the end of quiet hours.
    #[serde(default)]
    pub next_quiet_boundary: Option<Timestamp>,
    /// The monitors that are switched on.
    pub enabled_monitors: Vec<Monitor>,
    /// Their last runs.
    pub monitor_states: BTreeMap<Monitor, MonitorState>,
    /// The circuits of the sources.
    pub circuit_states: BTreeMap<String, CircuitState>,
    /// The sources behind them.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceState>,
    /// How Oura's API is reached; none before it was first looked at.
    #[serde(default)]
    pub oura_link: Option<OuraLink>,
    /// How many alerts are open.
    pub open_alerts: usize,
    /// How many of them wait to be seen: neither acknowledged nor snoozed.
    #[serde(default)]
    pub unanswered_alerts: usize,
    /// Those that wait, the most urgent first, then the others; at most `OPEN_SHOWN`.
    #[serde(default)]
    pub open: Vec<OpenAlert>,
    /// Keys that would be duplicates now.
    pub dedup_cache_size: usize,
    /// Whether a check is under way.
    #[serde(default)]
    pub checking: bool,
    /// What the person means by tomorrow: the end of the quiet hours, on the next day.
    #[serde(default)]
    pub tomorrow: Option<Timestamp>,
    /// What waits, by channel.
    pub outbox: BTreeMap<Channel, QueueDepth>,
    /// How each channel does.
    #[serde(default)]
    pub channel_states: BTreeMap<Channel, ChannelState>,
    /// The page on this machine.
    #[serde(default)]
    pub http: PageState,
    /// The last self-audit; none before the first.
    #[serde(default)]
    pub audit: Option<Audit>,
    /// When a check must have been made at the latest: later the loop counts as stuck.
    #[serde(default)]
    pub check_overdue_at: Option<Timestamp>,
    /// Why the database fails, for as long as it does.
    #[serde(default)]
    pub database_error: Option<String>,
    /// The configuration in force, without secrets.
    pub config: Value,
    /// What is wrong with Operator itself, in sentences.
    pub warnings: Vec<String>,
    /// Why the configuration as it now stands in its file is not in force.
    #[serde(default)]
    pub config_error: Option<String>,
}

impl Status {
    /// Whether Operator cannot rely on itself: its database fails, or alerts are unaccounted for.
    #[must_use]
    pub fn is_unsound(&self) -> bool {
        self.database_error.is_some() || self.audit.as_ref().is_some_and(|audit| !audit.is_consistent())
    }
}

impl OpenAlert {
    /// Whether the person has not answered it: neither acknowledged nor snoozed.
    #[must_use]
    pub const fn waits(&self) -> bool {
        !self.acknowledged && self.snoozed_until.is_none()
    }
}

/// A snapshot lists so many open alerts; the others are counted.
pub const OPEN_SHOWN: usize = 20;

/// The same moment in the shape of the file that other programs read: `operator_state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateFile {
    /// When the last check was made.
    pub last_run: Option<Timestamp>,
    /// Checks made, ever.
    pub run_count: u64,
    /// Alerts told, ever.
    pub total_alerts: u64,
    /// Since when the engine runs.
    pub uptime_start: Option<Timestamp>,
    /// When each key was last told.
    pub recent_dedup_keys: BTreeMap<AlertKey, Timestamp>,
    /// The monitors' last runs.
    pub monitor_states: BTreeMap<Monitor, MonitorState>,
    /// The circuits of the sources.
    pub circuit_states: BTreeMap<String, CircuitState>,
}
