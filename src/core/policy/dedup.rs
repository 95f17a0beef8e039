//! Whether an alert is news: windows by category, reminder slots, escalation.

use jiff::{SignedDuration, Timestamp};

use crate::core::alert::{Alert, Category, Priority};
use crate::core::policy::decision::Reason;
use crate::core::policy::incident_state::{Incident, NotificationRecord};

/// Why an alert is news (`first`, `repeat`, `escalated`) or is not (`duplicate`).
///
/// `least` is the shortest window of all (`deduplication.window_seconds`).
#[must_use]
pub fn news(alert: &Alert, incident: Option<&Incident>, least: SignedDuration, now: Timestamp) -> Reason {
    let Some((incident, told)) = incident.and_then(|i| Some((i, i.last_notified.as_ref()?))) else {
        return Reason::First;
    };
    let again = if incident.open && told.at >= incident.opened_at { Reason::Repeat } else { Reason::First };
    if snooze_ended(incident, told, now) {
        return again;
    }
    if !recent(alert, told, least, now) {
        return again;
    }
    if alert.priority > told.priority { Reason::Escalated } else { Reason::Duplicate }
}

/// Whether the same alert again would be a duplicate now.
#[must_use]
pub fn remembers(incident: &Incident, least: SignedDuration, now: Timestamp) -> bool {
    incident.last_notified.as_ref().is_some_and(|told| recent(&incident.alert, told, least, now))
}

/// Whoever snoozes wants to hear of it again when the time is up, whatever the window says.
fn snooze_ended(incident: &Incident, told: &NotificationRecord, now: Timestamp) -> bool {
    incident.open && incident.snoozed_until.is_some_and(|until| told.at < until && until <= now)
}

/// A reminder is told once a slot, and two slots that fall close together are one. Everything else has its window.
fn recent(alert: &Alert, told: &NotificationRecord, least: SignedDuration, now: Timestamp) -> bool {
    let window = match &alert.occasion {
        Some(_) if alert.occasion == told.occasion => return true,
        Some(_) => least,
        None => window(alert).max(least),
    };
    // By distance, so that a clock set back neither repeats what was just told nor silences it for years.
    now.duration_since(told.at).abs() < window
}

/// How long after being told an alert is no news.
fn window(alert: &Alert) -> SignedDuration {
    let hours = match (alert.priority, alert.key.category()) {
        (Priority::Critical, _) => 1,
        (_, Category::Health | Category::Exec) => 4,
        (_, Category::Task | Category::System) => 24,
        (_, Category::Pattern) => 24 * 7,
    };
    SignedDuration::from_hours(hours)
}
