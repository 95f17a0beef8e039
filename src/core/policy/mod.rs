//! Alerts, memory and now go in; decisions with reasons come out.
//!
//! The stages run in the order of their files below, and the first that has something to say decides.

pub mod decision;
pub mod dedup;
pub mod incident_state;
pub mod quiet_hours;
pub mod silence;
pub mod storm;

use std::mem;

use jiff::{SignedDuration, Timestamp};

use super::alert::{Alert, AlertKey, Monitor, Priority};
use super::channel::{Channel, Routing};
use super::rules::Evaluation;
use crate::core::policy::decision::{Decision, PolicyDecision, Reason};
use crate::core::policy::incident_state::{Incident, IncidentState};

/// What holds at the moment of deciding.
#[derive(Debug, Clone)]
pub struct PolicyContext<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Whether quiet hours are in force.
    pub quiet: bool,
    /// Whether a meeting is under way during which alerts wait.
    pub in_event: bool,
    /// No window is shorter.
    pub least_window: SignedDuration,
    /// More are told as one digest.
    pub max_alerts: usize,
    /// Monitors that are switched off: nobody will find what they left open again.
    pub off: &'a [Monitor],
    /// Where an urgency goes.
    pub routing: &'a Routing,
}

/// Decide about everything that the rules found, and about what they no longer find.
///
/// One verdict a key, the most urgent first, resolves last. The order in which evaluations and alerts come in changes nothing.
#[must_use]
pub fn decide(mut evaluations: Vec<Evaluation>, memory: &IncidentState, at: &PolicyContext) -> Vec<PolicyDecision> {
    let fired = one_per_key(&mut evaluations);
    let resolved = resolved(&evaluations, &fired, memory, at);
    let mut verdicts: Vec<PolicyDecision> = fired.into_iter().map(|alert| first_stages(alert, memory, at)).collect();
    verdicts.sort_by(|a, b| storm::by_urgency(&a.alert, &b.alert));
    coalesce(&mut verdicts, memory, at);
    verdicts.extend(resolved);
    verdicts
}

/// What fired, by key. Two rules never share a key; should a source make them, the more urgent one speaks.
fn one_per_key(evaluations: &mut [Evaluation]) -> Vec<Alert> {
    let mut fired = Vec::new();
    for evaluation in evaluations {
        fired.extend(mem::take(&mut evaluation.alerts));
    }
    fired.sort_by(|a: &Alert, b| {
        a.key.cmp(&b.key).then_with(|| (b.priority, &b.title, &b.message).cmp(&(a.priority, &a.title, &a.message)))
    });
    fired.dedup_by(|other, first| other.key == first.key);
    fired
}

/// Silence, dedup, hold; what passes them is delivered unless it is coalesced.
fn first_stages(alert: Alert, memory: &IncidentState, at: &PolicyContext) -> PolicyDecision {
    let incident = memory.incidents.get(&alert.key);
    let news = dedup::news(&alert, incident, at.least_window, at.now);
    let (decision, reason) = if let Some(reason) = silence::silenced(incident, at.now) {
        (Decision::Suppress, reason)
    } else if news == Reason::Duplicate {
        (Decision::Suppress, news)
    } else if memory.paused(at.now) {
        (Decision::Hold, Reason::Paused)
    } else if at.quiet && alert.priority < Priority::Critical {
        (Decision::Hold, Reason::QuietHours)
    } else if at.in_event && alert.priority < Priority::Critical {
        (Decision::Hold, Reason::InEvent)
    } else {
        (Decision::Deliver, news)
    };
    let channels = match decision {
        Decision::Deliver => at.routing.channels(alert.priority),
        _ => vec![Channel::Journal],
    };
    PolicyDecision { alert, decision, reason, channels }
}

/// What is too much, and what waited, is told in one digest, where its most urgent member would go.
fn coalesce(verdicts: &mut [PolicyDecision], memory: &IncidentState, at: &PolicyContext) {
    let delivered = verdicts.iter().filter(|v| v.decision == Decision::Deliver).map(|v| &v.alert);
    let storm = storm::beyond(delivered, at.max_alerts);
    for verdict in verdicts.iter_mut().filter(|v| v.decision == Decision::Deliver) {
        let key = &verdict.alert.key;
        let reason = if storm.contains(key) {
            Reason::Storm
        } else if !at.quiet && !at.in_event && memory.incidents.get(key).is_some_and(|incident| incident.held) {
            // In quiet hours and meetings only what has become critical comes this far, and that does not wait for a digest.
            Reason::Digest
        } else {
            continue;
        };
        (verdict.decision, verdict.reason) = (Decision::Coalesce, reason);
    }
    let members = || verdicts.iter().filter(|v| v.decision == Decision::Coalesce);
    let Some(most_urgent) = members().map(|v| v.alert.priority).max() else { return };
    let channels = at.routing.channels(most_urgent);
    for verdict in verdicts.iter_mut().filter(|v| v.decision == Decision::Coalesce) {
        verdict.channels.clone_from(&channels);
    }
}

/// Open incidents whose rule ran and did not find them again, or whose monitor was switched off.
fn resolved(
    evaluations: &[Evaluation],
    fired: &[Alert],
    memory: &IncidentState,
    at: &PolicyContext,
) -> Vec<PolicyDecision> {
    let fires = |key: &AlertKey| fired.binary_search_by(|alert| alert.key.cmp(key)).is_ok();
    let judged = |key: &AlertKey| evaluations.iter().any(|evaluation| evaluation.covers(key));
    let over = |(key, incident): &(&AlertKey, &Incident)| {
        incident.open && !fires(key) && (judged(key) || at.off.contains(&incident.alert.monitor))
    };
    memory.incidents.iter().filter(over).map(|(_, incident)| resolve(incident, at.now)).collect()
}

fn resolve(incident: &Incident, now: Timestamp) -> PolicyDecision {
    let told = incident.last_notified.as_ref().filter(|told| told.at >= incident.opened_at);
    let channels = told.map_or_else(|| vec![Channel::Journal], |told| told.channels.clone());
    PolicyDecision {
        alert: Alert { at: now, ..incident.alert.clone() },
        decision: Decision::Resolve,
        reason: Reason::Resolved,
        channels,
    }
}
