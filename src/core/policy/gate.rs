//! The first stage: silences, dedup and holds, for one alert at a time.

use jiff::Timestamp;

use super::PolicyContext;
use super::decision::{Decision, PolicyDecision, Reason};
use super::dedup::classify_repeat;
use super::incident_state::{Incident, IncidentState};
use crate::core::alert::{Alert, Priority};
use crate::core::channel::Channel;

/// The first check that applies decides; an alert that passes all of them is delivered.
pub(super) fn gate(alert: Alert, state: &IncidentState, context: &PolicyContext) -> PolicyDecision {
    let incident = state.incidents.get(&alert.key);
    let repeat = classify_repeat(&alert, incident, context.min_window, context.now);
    let critical = alert.priority == Priority::Critical;
    let (decision, reason) = if let Some(reason) = silence(incident, context.now) {
        (Decision::Suppress, reason)
    } else if repeat == Reason::Duplicate {
        (Decision::Suppress, repeat)
    } else if state.is_paused(context.now) {
        (Decision::Hold, Reason::Paused)
    } else if context.quiet && !critical {
        (Decision::Hold, Reason::QuietHours)
    } else if context.in_event && !critical {
        (Decision::Hold, Reason::InEvent)
    } else {
        (Decision::Deliver, repeat)
    };
    let channels = match decision {
        Decision::Deliver => context.routing.channels(alert.priority),
        _ => vec![Channel::Journal],
    };
    PolicyDecision { alert, decision, reason, channels }
}

/// Whether the user silenced this alert. An acknowledgement ends with its incident: a condition that returns is a new one.
fn silence(incident: Option<&Incident>, now: Timestamp) -> Option<Reason> {
    let incident = incident?;
    if incident.open && incident.acknowledged {
        return Some(Reason::Acknowledged);
    }
    incident.snoozed_until.filter(|until| now < *until).map(|_| Reason::Snoozed)
}
