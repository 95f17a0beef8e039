//! Sources with their circuits, monitors, and channels.

use super::text::{LocalClock, TimeLabel, group_thousands, short_message};
use crate::core::channel::Channel;
use crate::core::circuit::CircuitState;
use crate::core::status::{ChannelHealth, ChannelState, MonitorState, QueueDepth, RunStatus, SourceState, Status};
use crate::core::text::{capitalize, count, source_name};

pub(crate) struct SourcesView {
    pub(crate) sources: Vec<SourceRow>,
    pub(crate) monitors: Vec<MonitorRow>,
    pub(crate) channels: Vec<ChannelRow>,
    /// No source has data or an error.
    pub(crate) nothing_connected: bool,
}

pub(crate) struct SourceRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: &'static str,
    /// CSS class: `good`, `bad` or `off`.
    pub(crate) class: &'static str,
    /// `closed`, `open` or `half_open`.
    pub(crate) circuit: &'static str,
    pub(crate) data_of: Option<TimeLabel>,
    pub(crate) next_attempt: Option<TimeLabel>,
    pub(crate) error: String,
    pub(crate) can_be_reset: bool,
}

pub(crate) struct MonitorRow {
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) result: String,
    pub(crate) at: Option<TimeLabel>,
    pub(crate) reason: String,
}

pub(crate) struct ChannelRow {
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) state: &'static str,
    pub(crate) queue: String,
    pub(crate) last_delivery: Option<TimeLabel>,
    pub(crate) next_attempt: Option<TimeLabel>,
    pub(crate) reason: String,
}

impl SourcesView {
    pub(crate) fn new(status: &Status, clock: &LocalClock<'_>) -> Self {
        let is_connected = |state: &SourceState| {
            state.as_of.is_some() || state.error.is_some() || state.circuit != CircuitState::Closed
        };
        let checked = status.last_run.is_some();
        Self {
            nothing_connected: checked && !status.sources.is_empty() && !status.sources.values().any(is_connected),
            sources: status.sources.iter().map(|(name, state)| SourceRow::new(name, state, checked, clock)).collect(),
            monitors: monitors(status, clock),
            channels: Channel::OUTSIDE.iter().map(|channel| ChannelRow::new(*channel, status, clock)).collect(),
        }
    }
}

impl SourceRow {
    fn new(name: &str, source: &SourceState, checked: bool, clock: &LocalClock<'_>) -> Self {
        let (state, class) = match source.circuit {
            CircuitState::Closed if source.error.is_some() => ("Failed, retried at the next check", "bad"),
            CircuitState::Closed if source.as_of.is_some() => ("Available", "good"),
            CircuitState::Closed if checked => ("Not connected", "off"),
            CircuitState::Closed => ("Not checked yet", "off"),
            CircuitState::Open => ("Unavailable, not queried until the next attempt", "bad"),
            CircuitState::HalfOpen => ("Unavailable, retrying", "bad"),
        };
        Self {
            id: name.into(),
            name: source_name(name),
            state,
            class,
            circuit: source.circuit.as_str(),
            data_of: source.as_of.map(|at| clock.relative(at)),
            next_attempt: source.next_try.map(|at| clock.absolute(at)),
            error: short_message(source.error.as_deref().unwrap_or_default()),
            can_be_reset: source.circuit != CircuitState::Closed,
        }
    }
}

fn monitors(status: &Status, clock: &LocalClock<'_>) -> Vec<MonitorRow> {
    let run = status.monitor_states.iter();
    let run = run.map(|(monitor, state)| MonitorRow::new(&monitor.to_string(), state, clock));
    let not_run = status.enabled_monitors.iter().filter(|monitor| !status.monitor_states.contains_key(monitor));
    let not_run = not_run.map(|monitor| MonitorRow {
        name: source_name(&monitor.to_string()),
        class: "off",
        result: "not run yet".into(),
        at: None,
        reason: String::new(),
    });
    run.chain(not_run).collect()
}

impl MonitorRow {
    fn new(name: &str, state: &MonitorState, clock: &LocalClock<'_>) -> Self {
        let (class, result) = match state.status {
            RunStatus::Ok if state.alerts_generated == 0 => ("good", "no alerts".into()),
            RunStatus::Ok => ("good", count(state.alerts_generated, "alert")),
            RunStatus::Skipped => ("off", "skipped".into()),
            RunStatus::Failed => ("bad", "failed".into()),
        };
        let reason = match state.reason.as_deref() {
            Some("not_synced_yet") => "the ring has not synced today".into(),
            Some("rest_mode") => "rest mode: health data is not evaluated".into(),
            other => short_message(other.unwrap_or_default()),
        };
        Self { name: source_name(name), class, result, at: Some(clock.relative(state.last_check)), reason }
    }
}

impl ChannelRow {
    fn new(channel: Channel, status: &Status, clock: &LocalClock<'_>) -> Self {
        let state = status.channel_states.get(&channel).cloned().unwrap_or_default();
        let ChannelState { state: health, reason, next_try, last_delivered } = state;
        let (state, class) = match health {
            ChannelHealth::Off => ("Off", "off"),
            ChannelHealth::Ok => ("Working", "good"),
            ChannelHealth::Failing => ("Failing", "bad"),
        };
        Self {
            name: capitalize(channel.as_str()),
            class,
            state,
            queue: queue_text(status.outbox.get(&channel).copied().unwrap_or_default()),
            last_delivery: last_delivered.map(|at| clock.relative(at)),
            next_attempt: next_try.map(|at| clock.absolute(at)),
            reason: short_message(reason.as_deref().unwrap_or_default()),
        }
    }
}

/// `3 pending, 1 failed`.
fn queue_text(depth: QueueDepth) -> String {
    let parts = [(depth.pending, "pending"), (depth.failed, "failed")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    parts.map(|(number, state)| format!("{} {state}", group_thousands(number))).collect::<Vec<_>>().join(", ")
}
