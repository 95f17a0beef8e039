//! The snapshot of the engine that `--status`, the dashboard and the menu show.

mod components;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::alert::{AlertKey, Monitor, Priority};
use super::audit::Audit;
use super::channel::Channel;
use super::circuit::CircuitState;

pub use components::{
    ChannelHealth, ChannelState, HttpState, MonitorState, OuraConnection, QueueDepth, RunStatus, SourceState,
};

/// A snapshot lists at most this many open alerts and counts the others.
pub const MAX_OPEN_SHOWN: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAlert {
    pub key: AlertKey,
    pub priority: Priority,
    pub title: String,
    pub since: Timestamp,
    pub acknowledged: bool,
    pub snoozed_until: Option<Timestamp>,
}

impl OpenAlert {
    /// Neither acknowledged nor snoozed.
    pub const fn is_unanswered(&self) -> bool {
        !self.acknowledged && self.snoozed_until.is_none()
    }
}

/// The counters that survive a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub run_count: u64,
    /// Alerts delivered or coalesced.
    pub total_alerts: u64,
    /// The last check.
    pub last_run: Option<Timestamp>,
}

/// The engine's state at one moment; serialised, the object that `--status --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub running: bool,
    pub pid: Option<u32>,
    pub last_run: Option<Timestamp>,
    pub next_run: Option<Timestamp>,
    pub run_count: u64,
    pub total_alerts: u64,
    pub uptime_seconds: Option<u64>,
    pub uptime_start: Option<Timestamp>,
    pub dry_run: bool,
    pub paused: bool,
    /// None while paused without an end.
    pub paused_until: Option<Timestamp>,
    pub is_quiet_hours: bool,
    /// The end of the calendar event that holds alerts back.
    #[serde(default)]
    pub in_event_until: Option<Timestamp>,
    /// When quiet hours next begin or end.
    #[serde(default)]
    pub next_quiet_boundary: Option<Timestamp>,
    pub enabled_monitors: Vec<Monitor>,
    pub monitor_states: BTreeMap<Monitor, MonitorState>,
    pub circuit_states: BTreeMap<String, CircuitState>,
    #[serde(default)]
    pub sources: BTreeMap<String, SourceState>,
    /// None until the token store was first read.
    #[serde(default)]
    pub oura_connection: Option<OuraConnection>,
    pub open_alerts: usize,
    #[serde(default)]
    pub unanswered_alerts: usize,
    /// Unanswered alerts by priority, then the answered ones; at most `MAX_OPEN_SHOWN`.
    #[serde(default)]
    pub open: Vec<OpenAlert>,
    /// Keys that would be duplicates now.
    pub dedup_cache_size: usize,
    #[serde(default)]
    pub check_running: bool,
    /// The end of quiet hours on the next day, for "snooze until tomorrow".
    #[serde(default)]
    pub next_morning: Option<Timestamp>,
    pub outbox: BTreeMap<Channel, QueueDepth>,
    #[serde(default)]
    pub channel_states: BTreeMap<Channel, ChannelState>,
    #[serde(default)]
    pub http: HttpState,
    /// None before the first self-audit.
    #[serde(default)]
    pub audit: Option<Audit>,
    /// After this moment the event loop counts as stuck.
    #[serde(default)]
    pub check_overdue_at: Option<Timestamp>,
    #[serde(default)]
    pub database_error: Option<String>,
    /// The configuration in force, without secrets.
    pub config: Value,
    /// Sentences about Operator's own condition.
    pub warnings: Vec<String>,
    /// Why the configuration file as it stands now is not in force.
    #[serde(default)]
    pub config_error: Option<String>,
}

impl Status {
    /// Whether the database fails or alerts are unaccounted for.
    pub fn is_unsound(&self) -> bool {
        self.database_error.is_some() || self.audit.as_ref().is_some_and(|audit| !audit.is_consistent())
    }
}

/// The same moment in the format of `operator_state.json`, which other tools read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateFile {
    pub last_run: Option<Timestamp>,
    pub run_count: u64,
    pub total_alerts: u64,
    pub uptime_start: Option<Timestamp>,
    /// The last notification of each key.
    pub recent_dedup_keys: BTreeMap<AlertKey, Timestamp>,
    pub monitor_states: BTreeMap<Monitor, MonitorState>,
    pub circuit_states: BTreeMap<String, CircuitState>,
}
