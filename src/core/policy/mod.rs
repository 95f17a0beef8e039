//! The policy: evaluations, incident state and the current time go in; decisions with reasons come out.
//!
//! Stages: `gate` decides about each alert alone, `digest` combines the alerts that passed, `resolve` ends incidents.

pub mod decision;
pub mod dedup;
mod digest;
mod gate;
pub mod incident_state;
pub mod quiet_hours;

use std::mem;

use jiff::{SignedDuration, Timestamp};

use super::alert::{Alert, AlertKey, Monitor};
use super::channel::{Channel, Routing};
use super::rules::Evaluation;
use decision::{Decision, PolicyDecision, Reason};
use incident_state::{Incident, IncidentState};

pub use digest::by_urgency;

/// The conditions of a check, besides the alerts and the incidents.
#[derive(Debug, Clone)]
pub struct PolicyContext<'a> {
    pub now: Timestamp,
    /// Whether quiet hours are in force.
    pub quiet: bool,
    /// Whether an event that holds alerts back is under way.
    pub in_event: bool,
    /// The lower limit of every dedup window (`deduplication.window_seconds`).
    pub min_window: SignedDuration,
    /// Alerts beyond this number become one digest.
    pub max_alerts: usize,
    /// Their open incidents are resolved, because no rule evaluates them any more.
    pub disabled_monitors: &'a [Monitor],
    pub routing: &'a Routing,
}

/// One decision per key, by priority, resolves last. The order of the evaluations and alerts does not matter.
pub fn decide(mut evaluations: Vec<Evaluation>, state: &IncidentState, context: &PolicyContext) -> Vec<PolicyDecision> {
    let fired = one_per_key(&mut evaluations);
    let resolved = resolved(&evaluations, &fired, state, context);
    let mut decisions: Vec<PolicyDecision> = fired.into_iter().map(|alert| gate::gate(alert, state, context)).collect();
    decisions.sort_by(|a, b| by_urgency(&a.alert, &b.alert));
    digest::coalesce(&mut decisions, state, context);
    decisions.extend(resolved);
    decisions
}

/// The fired alerts, sorted by key. If a source makes two rules share a key, the higher priority wins.
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

/// Open incidents whose rule ran and no longer fires, or whose monitor is disabled.
fn resolved(
    evaluations: &[Evaluation],
    fired: &[Alert],
    state: &IncidentState,
    context: &PolicyContext,
) -> Vec<PolicyDecision> {
    let fires = |key: &AlertKey| fired.binary_search_by(|alert| alert.key.cmp(key)).is_ok();
    let can_resolve = |key: &AlertKey| evaluations.iter().any(|evaluation| evaluation.can_resolve(key));
    let is_over = |(key, incident): &(&AlertKey, &Incident)| {
        let disabled = context.disabled_monitors.contains(&incident.alert.monitor);
        incident.open && !fires(key) && (can_resolve(key) || disabled)
    };
    state.incidents.iter().filter(is_over).map(|(_, incident)| resolve(incident, context.now)).collect()
}

/// A resolve goes to the channels of the notification that it ends.
fn resolve(incident: &Incident, now: Timestamp) -> PolicyDecision {
    let notified = incident.last_notified.as_ref().filter(|notified| notified.at >= incident.opened_at);
    let channels = notified.map_or_else(|| vec![Channel::Journal], |notified| notified.channels.clone());
    PolicyDecision {
        alert: Alert { at: now, ..incident.alert.clone() },
        decision: Decision::Resolve,
        reason: Reason::Resolved,
        channels,
    }
}
