//! Where the facts come from and where alerts go: sources with their circuits, monitors, channels.

use super::words::{Clock, Moment, message, sentence, thousands};
use crate::core::channel::Channel;
use crate::core::circuit::CircuitState;
use crate::core::status::{ChannelHealth, ChannelState, MonitorState, QueueDepth, RunStatus, SourceState, Status};
use crate::core::text::{count, source_name};

/// All of it.
pub(crate) struct Sources {
    pub(crate) sources: Vec<Source>,
    pub(crate) monitors: Vec<Monitor>,
    pub(crate) channels: Vec<Outlet>,
    /// No source has told anything, and none has failed: nothing is set up.
    pub(crate) nothing_connected: bool,
}

/// A source.
pub(crate) struct Source {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) stands: &'static str,
    /// `good`, `bad` or `off`.
    pub(crate) class: &'static str,
    /// `closed`, `open` or `half_open`.
    pub(crate) circuit: &'static str,
    pub(crate) as_of: Option<Moment>,
    pub(crate) next_try: Option<Moment>,
    pub(crate) trouble: String,
    pub(crate) can_be_reset: bool,
}

/// A monitor's last run.
pub(crate) struct Monitor {
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) ended: String,
    pub(crate) at: Option<Moment>,
    pub(crate) reason: String,
}

/// A channel.
pub(crate) struct Outlet {
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) stands: &'static str,
    pub(crate) queue: String,
    pub(crate) delivered: Option<Moment>,
    pub(crate) next_try: Option<Moment>,
    pub(crate) reason: String,
}

impl Sources {
    pub(crate) fn of(status: &Status, clock: &Clock<'_>) -> Self {
        let connected = |state: &SourceState| state.as_of.is_some() || is_troubled(state);
        let checked = status.last_run.is_some();
        Self {
            nothing_connected: checked && !status.sources.is_empty() && !status.sources.values().any(connected),
            sources: status.sources.iter().map(|(name, state)| Source::of(name, state, checked, clock)).collect(),
            monitors: monitors(status, clock),
            channels: Channel::OUTSIDE.iter().map(|channel| Outlet::of(*channel, status, clock)).collect(),
        }
    }
}

fn is_troubled(state: &SourceState) -> bool {
    state.error.is_some() || state.circuit != CircuitState::Closed
}

impl Source {
    fn of(name: &str, state: &SourceState, checked: bool, clock: &Clock<'_>) -> Self {
        let (stands, class) = match state.circuit {
            CircuitState::Closed if state.error.is_some() => ("Failed just now, asked again at the next check", "bad"),
            CircuitState::Closed if state.as_of.is_some() => ("Answers", "good"),
            CircuitState::Closed if checked => ("Not connected", "off"),
            CircuitState::Closed => ("Not asked yet", "off"),
            CircuitState::Open => ("Does not answer, and is left alone for a while", "bad"),
            CircuitState::HalfOpen => ("Did not answer, and is being tried again", "bad"),
        };
        Self {
            id: name.into(),
            name: source_name(name),
            stands,
            class,
            circuit: state.circuit.as_str(),
            as_of: state.as_of.map(|at| clock.ago(at)),
            next_try: state.next_try.map(|at| clock.at(at)),
            trouble: message(state.error.as_deref().unwrap_or_default()),
            can_be_reset: state.circuit != CircuitState::Closed,
        }
    }
}

fn monitors(status: &Status, clock: &Clock<'_>) -> Vec<Monitor> {
    let known = status.monitor_states.iter().map(|(monitor, state)| Monitor::of(&monitor.to_string(), state, clock));
    let unseen = status.enabled_monitors.iter().filter(|monitor| !status.monitor_states.contains_key(monitor));
    let unseen = unseen.map(|monitor| Monitor {
        name: source_name(&monitor.to_string()),
        class: "off",
        ended: "not run yet".into(),
        at: None,
        reason: String::new(),
    });
    known.chain(unseen).collect()
}

impl Monitor {
    fn of(name: &str, state: &MonitorState, clock: &Clock<'_>) -> Self {
        let (class, ended) = match state.status {
            RunStatus::Ok if state.alerts_generated == 0 => ("good", "nothing found".into()),
            RunStatus::Ok => ("good", format!("{} found", count(state.alerts_generated, "alert"))),
            RunStatus::Skipped => ("off", "skipped".into()),
            RunStatus::Failed => ("bad", "failed".into()),
        };
        let reason = match state.reason.as_deref() {
            Some("not_synced_yet") => "the ring was not synced yet today".into(),
            Some("rest_mode") => "rest mode: nothing is judged".into(),
            other => message(other.unwrap_or_default()),
        };
        Self { name: source_name(name), class, ended, at: Some(clock.ago(state.last_check)), reason }
    }
}

impl Outlet {
    fn of(channel: Channel, status: &Status, clock: &Clock<'_>) -> Self {
        let state = status.channel_states.get(&channel).cloned().unwrap_or_default();
        let ChannelState { state: health, reason, next_try, last_delivered } = state;
        let (stands, class) = match health {
            ChannelHealth::Off => ("Switched off", "off"),
            ChannelHealth::Ok => ("Works", "good"),
            ChannelHealth::Failing => ("Nothing gets through", "bad"),
        };
        Self {
            name: sentence(channel.as_str()),
            class,
            stands,
            queue: queue(status.outbox.get(&channel).copied().unwrap_or_default()),
            delivered: last_delivered.map(|at| clock.ago(at)),
            next_try: next_try.map(|at| clock.at(at)),
            reason: message(reason.as_deref().unwrap_or_default()),
        }
    }
}

fn queue(depth: QueueDepth) -> String {
    let parts = [(depth.pending, "pending"), (depth.failed, "failed")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    parts.map(|(number, word)| format!("{} {word}", thousands(number))).collect::<Vec<_>>().join(", ")
}
