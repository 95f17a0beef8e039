//! The head of the page: the state of Operator in words, and the controls.

use super::text::{LocalClock, TimeLabel, group_thousands, short_message};
use crate::core::audit::Audit;
use crate::core::channel::Channel;
use crate::core::circuit::CircuitState;
use crate::core::status::{ChannelHealth, Status};
use crate::core::text::{capitalize, source_name};

pub(crate) struct StateView {
    /// CSS class: `fine`, `alerts`, `down`, `paused` or `quiet`.
    pub(crate) class: &'static str,
    pub(crate) headline: String,
    pub(crate) notes: Vec<String>,
    pub(crate) last_check: Option<TimeLabel>,
    pub(crate) next_check: Option<TimeLabel>,
    pub(crate) check_running: bool,
    pub(crate) paused: bool,
    /// RFC 3339.
    pub(crate) next_morning: Option<String>,
    pub(crate) quiet_hours: Option<QuietHoursView>,
    pub(crate) audit: Option<AuditView>,
    pub(crate) warnings: Vec<String>,
}

pub(crate) struct QuietHoursView {
    pub(crate) active: bool,
    /// The end if active, otherwise the start.
    pub(crate) boundary: Option<TimeLabel>,
}

pub(crate) struct AuditView {
    pub(crate) at: TimeLabel,
    pub(crate) is_consistent: bool,
    pub(crate) sum: String,
    pub(crate) unaccounted: String,
}

impl StateView {
    pub(crate) fn new(status: &Status, clock: &LocalClock<'_>) -> Self {
        let unavailable = unavailable_sources(status);
        Self {
            class: class(status, !unavailable.is_empty()),
            headline: headline(status),
            notes: unavailable.into_iter().chain(silence(status, clock)).chain(dry_run(status)).collect(),
            last_check: status.last_run.map(|at| clock.relative(at)),
            next_check: status.next_run.map(|at| clock.absolute(at.max(clock.timestamp()))),
            check_running: status.check_running,
            paused: status.paused,
            next_morning: status.next_morning.map(|at| at.to_string()),
            quiet_hours: quiet_hours(status, clock),
            audit: status.audit.as_ref().map(|audit| AuditView::new(audit, clock)),
            warnings: warnings(status),
        }
    }
}

fn class(status: &Status, source_unavailable: bool) -> &'static str {
    match status.unanswered_alerts {
        _ if status.is_unsound() || source_unavailable => "down",
        1.. => "alerts",
        _ if status.paused => "paused",
        _ if status.is_quiet_hours || status.in_event_until.is_some() || status.last_run.is_none() => "quiet",
        _ => "fine",
    }
}

fn headline(status: &Status) -> String {
    match status.unanswered_alerts {
        0 if status.last_run.is_none() => "Not checked yet".into(),
        0 => "All is well".into(),
        1 => "1 unanswered alert".into(),
        count => format!("{} unanswered alerts", group_thousands(count as u64)),
    }
}

fn unavailable_sources(status: &Status) -> Vec<String> {
    let open = status.circuit_states.iter().filter(|(_, circuit)| **circuit != CircuitState::Closed);
    open.map(|(name, _)| format!("{} is unavailable", source_name(name))).collect()
}

fn silence(status: &Status, clock: &LocalClock<'_>) -> Option<String> {
    match (status.paused, status.paused_until) {
        (true, Some(until)) => Some(format!("Paused until {}", clock.absolute(until).text)),
        (true, None) => Some("Paused until you resume".into()),
        _ if status.is_quiet_hours => None,
        _ => status.in_event_until.map(|end| format!("Quiet until {} (in a meeting)", clock.absolute(end).text)),
    }
}

fn dry_run(status: &Status) -> Option<String> {
    status.dry_run.then(|| "Dry run: nothing is sent".into())
}

/// None if quiet hours are neither configured nor on.
fn quiet_hours(status: &Status, clock: &LocalClock<'_>) -> Option<QuietHoursView> {
    let configured = status.config.pointer("/quiet_hours/enabled").and_then(serde_json::Value::as_bool);
    (status.is_quiet_hours || configured == Some(true)).then(|| QuietHoursView {
        active: status.is_quiet_hours,
        boundary: status.next_quiet_boundary.map(|at| clock.absolute(at)),
    })
}

fn warnings(status: &Status) -> Vec<String> {
    let database = status.database_error.iter().map(|error| format!("The database fails: {error}"));
    let config = status.config_error.iter();
    let config =
        config.map(|error| format!("config.yaml is invalid, the previous configuration stays active: {error}"));
    let is_failing = |channel: &Channel| {
        status.channel_states.get(channel).is_some_and(|state| state.state == ChannelHealth::Failing)
    };
    let channels = Channel::OUTSIDE.into_iter().filter(is_failing);
    let channels = channels.map(|channel| format!("Delivery to {channel} fails: see Channels below"));
    let all = database.chain(config).chain(status.warnings.iter().cloned()).chain(channels);
    all.map(|warning| capitalize(&short_message(&warning))).collect()
}

impl AuditView {
    fn new(audit: &Audit, clock: &LocalClock<'_>) -> Self {
        let outcomes = [
            (audit.delivered, "notified"),
            (audit.coalesced, "in digests"),
            (audit.pending, "pending"),
            (audit.held, "held"),
            (audit.suppressed, "not notified"),
            (audit.failed, "failed"),
        ];
        let outcomes = outcomes.map(|(count, outcome)| format!("{} {outcome}", group_thousands(count)));
        Self {
            at: clock.absolute(audit.at),
            is_consistent: audit.is_consistent(),
            sum: format!("{} fired = {}", group_thousands(audit.fired), outcomes.join(" + ")),
            unaccounted: short_message(&audit.unaccounted_names()),
        }
    }
}
