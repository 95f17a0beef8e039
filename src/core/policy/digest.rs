//! The second stage: alerts beyond the limit, and alerts that were held, become one digest.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::PolicyContext;
use super::decision::{Decision, PolicyDecision, Reason};
use super::incident_state::IncidentState;
use crate::core::alert::{Alert, AlertKey, Priority};

/// The digest goes to the channels of its highest priority.
pub(super) fn coalesce(decisions: &mut [PolicyDecision], state: &IncidentState, context: &PolicyContext) {
    let delivered = decisions.iter().filter(|it| it.decision == Decision::Deliver).map(|it| &it.alert);
    let overflow = overflow(delivered, context.max_alerts);
    for decision in decisions.iter_mut().filter(|it| it.decision == Decision::Deliver) {
        let key = &decision.alert.key;
        let was_held = state.incidents.get(key).is_some_and(|incident| incident.held);
        let reason = if overflow.contains(key) {
            Reason::Storm
        } else if was_held && !context.quiet && !context.in_event {
            // In quiet hours and events only an alert that became critical reaches this stage; it must not wait for a digest.
            Reason::Digest
        } else {
            continue;
        };
        (decision.decision, decision.reason) = (Decision::Coalesce, reason);
    }
    let coalesced = || decisions.iter().filter(|it| it.decision == Decision::Coalesce);
    let Some(highest) = coalesced().map(|it| it.alert.priority).max() else { return };
    let channels = context.routing.channels(highest);
    for decision in decisions.iter_mut().filter(|it| it.decision == Decision::Coalesce) {
        decision.channels.clone_from(&channels);
    }
}

/// The keys beyond the first `limit` by urgency. Critical alerts are exempt and do not count.
fn overflow<'a>(alerts: impl Iterator<Item = &'a Alert>, limit: usize) -> BTreeSet<AlertKey> {
    let mut ranked: Vec<&Alert> = alerts.filter(|alert| alert.priority < Priority::Critical).collect();
    ranked.sort_by(|a, b| by_urgency(a, b));
    ranked.into_iter().skip(limit).map(|alert| alert.key.clone()).collect()
}

/// Highest priority first, then by key, so that the order of the input does not matter.
pub fn by_urgency(a: &Alert, b: &Alert) -> Ordering {
    b.priority.cmp(&a.priority).then_with(|| a.key.cmp(&b.key))
}
