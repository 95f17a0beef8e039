//! What the person said about an alert: acknowledged, or snoozed.

use jiff::Timestamp;

use crate::core::policy::decision::Reason;
use crate::core::policy::incident_state::Incident;

/// Why the person does not want to hear of it now, if they said so.
///
/// An acknowledgement ends with its incident: a condition that came back is a new one.
#[must_use]
pub fn silenced(incident: Option<&Incident>, now: Timestamp) -> Option<Reason> {
    let incident = incident?;
    if incident.open && incident.acknowledged {
        return Some(Reason::Acknowledged);
    }
    incident.snoozed_until.filter(|until| now < *until).map(|_| Reason::Snoozed)
}
