//! The states of monitors, sources, channels and the HTTP server in a status snapshot.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::circuit::CircuitState;

/// How a monitor's last run ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum RunStatus {
    Ok,
    /// Its facts were unavailable: no alert was raised or resolved.
    Skipped,
    Failed,
}

impl RunStatus {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorState {
    pub last_check: Timestamp,
    pub duration_ms: u64,
    pub alerts_generated: usize,
    pub status: RunStatus,
    /// The source of the facts.
    pub source: Option<String>,
    /// Why the run was skipped or failed, or which facts were missing.
    pub reason: Option<String>,
}

/// The outbox rows of a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDepth {
    pub pending: u64,
    /// Rejected for good.
    pub failed: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    pub state: ChannelHealth,
    /// The failure, with a hint.
    pub reason: Option<String>,
    pub next_try: Option<Timestamp>,
    pub last_delivered: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum ChannelHealth {
    /// Disabled.
    #[default]
    Off,
    Ok,
    /// The last delivery failed.
    Failing,
}

impl ChannelHealth {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    pub circuit: CircuitState,
    /// When the last data of this engine run was synced or read.
    pub as_of: Option<Timestamp>,
    /// The next attempt while the circuit is not closed.
    pub next_try: Option<Timestamp>,
    /// The last error, until the source works again.
    #[serde(rename = "trouble")]
    pub error: Option<String>,
}

/// How Operator reaches Oura's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OuraConnection {
    Off,
    /// By a token in the configuration.
    Token,
    /// By the connection that `operator connect oura` made.
    Connected,
    /// The connection exists, but Oura no longer accepts it.
    Revoked,
}

/// The HTTP server of the dashboard and its endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpState {
    /// For example `127.0.0.1:8765`; None while the server does not run.
    pub address: Option<String>,
    /// Why the server does not run although it is enabled.
    #[serde(rename = "trouble")]
    pub error: Option<String>,
}
