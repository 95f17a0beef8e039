//! The head of the page: how Operator does, in words, and what can be asked of it.

use super::words::{Clock, Moment, message, sentence, thousands};
use crate::core::audit::Audit;
use crate::core::channel::Channel;
use crate::core::circuit::CircuitState;
use crate::core::status::{ChannelHealth, Status};
use crate::core::text::source_name;

/// How Operator does.
pub(crate) struct State {
    /// `fine`, `alerts`, `down`, `paused` or `quiet`: the shape and colour beside the words.
    pub(crate) mood: &'static str,
    pub(crate) headline: String,
    pub(crate) more: Vec<String>,
    pub(crate) last: Option<Moment>,
    pub(crate) next: Option<Moment>,
    pub(crate) checking: bool,
    pub(crate) paused: bool,
    /// RFC 3339; none where the calendar ends.
    pub(crate) tomorrow: Option<String>,
    pub(crate) quiet: Option<Quiet>,
    pub(crate) audit: Option<AuditLine>,
    pub(crate) warnings: Vec<String>,
}

/// Quiet hours: in force or not, and when that changes.
pub(crate) struct Quiet {
    pub(crate) now: bool,
    pub(crate) until: Option<Moment>,
}

/// The self-audit in a line.
pub(crate) struct AuditLine {
    pub(crate) at: Moment,
    pub(crate) is_consistent: bool,
    pub(crate) sum: String,
    pub(crate) unaccounted: String,
}

impl State {
    pub(crate) fn of(status: &Status, clock: &Clock<'_>) -> Self {
        let down = down(status);
        Self {
            mood: mood(status, !down.is_empty()),
            headline: headline(status),
            more: down.into_iter().chain(silence(status, clock)).chain(dry_run(status)).collect(),
            last: status.last_run.map(|at| clock.ago(at)),
            next: status.next_run.map(|at| clock.at(at.max(clock.timestamp()))),
            checking: status.check_running,
            paused: status.paused,
            tomorrow: status.next_morning.map(|at| at.to_string()),
            quiet: quiet(status, clock),
            audit: status.audit.as_ref().map(|audit| AuditLine::of(audit, clock)),
            warnings: warnings(status),
        }
    }
}

fn mood(status: &Status, down: bool) -> &'static str {
    match status.unanswered_alerts {
        _ if status.is_unsound() || down => "down",
        1.. => "alerts",
        _ if status.paused => "paused",
        _ if status.is_quiet_hours || status.in_event_until.is_some() || status.last_run.is_none() => "quiet",
        _ => "fine",
    }
}

fn headline(status: &Status) -> String {
    match status.unanswered_alerts {
        0 if status.last_run.is_none() => "Nothing was checked yet".into(),
        0 => "All is well".into(),
        1 => "1 alert waits for you".into(),
        waiting => format!("{} alerts wait for you", thousands(waiting as u64)),
    }
}

fn down(status: &Status) -> Vec<String> {
    let open = status.circuit_states.iter().filter(|(_, circuit)| **circuit != CircuitState::Closed);
    open.map(|(name, _)| format!("{} does not answer", source_name(name))).collect()
}

fn silence(status: &Status, clock: &Clock<'_>) -> Option<String> {
    match (status.paused, status.paused_until) {
        (true, Some(until)) => Some(format!("Paused until {}", clock.at(until).words)),
        (true, None) => Some("Paused until you resume".into()),
        _ if status.is_quiet_hours => None,
        _ => status.in_event_until.map(|end| format!("Quiet until {} (in a meeting)", clock.at(end).words)),
    }
}

fn dry_run(status: &Status) -> Option<String> {
    status.dry_run.then(|| "Dry run: decided and shown, nothing is sent".into())
}

/// None where the configuration has none and nobody asked for them.
fn quiet(status: &Status, clock: &Clock<'_>) -> Option<Quiet> {
    let configured = status.config.pointer("/quiet_hours/enabled").and_then(serde_json::Value::as_bool);
    (status.is_quiet_hours || configured == Some(true))
        .then(|| Quiet { now: status.is_quiet_hours, until: status.next_quiet_boundary.map(|at| clock.at(at)) })
}

fn warnings(status: &Status) -> Vec<String> {
    let database = status.database_error.iter().map(|error| format!("The database fails: {error}"));
    let config = status.config_error.iter();
    let config = config.map(|error| format!("config.yaml has a mistake, the old one stays in force: {error}"));
    let failing = |channel: &Channel| {
        status.channel_states.get(channel).is_some_and(|state| state.state == ChannelHealth::Failing)
    };
    let channels = Channel::OUTSIDE.into_iter().filter(failing);
    let channels = channels.map(|channel| format!("Nothing gets through to {channel}: see Channels below"));
    let all = database.chain(config).chain(status.warnings.iter().cloned()).chain(channels);
    all.map(|warning| sentence(&message(&warning))).collect()
}

impl AuditLine {
    fn of(audit: &Audit, clock: &Clock<'_>) -> Self {
        let parts = [
            (audit.delivered, "told"),
            (audit.coalesced, "in digests"),
            (audit.pending, "under way"),
            (audit.held, "held"),
            (audit.suppressed, "not told"),
            (audit.failed, "failed"),
        ];
        let parts: Vec<String> = parts.map(|(number, word)| format!("{} {word}", thousands(number))).into();
        Self {
            at: clock.at(audit.at),
            is_consistent: audit.is_consistent(),
            sum: format!("{} fired = {}", thousands(audit.fired), parts.join(" + ")),
            unaccounted: message(&audit.unaccounted_names()),
        }
    }
}
