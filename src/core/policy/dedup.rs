//! Deduplication: windows by category, reminder slots, escalation.

use jiff::{SignedDuration, Timestamp};

use super::decision::Reason;
use super::incident_state::{Incident, NotificationRecord};
use crate::core::alert::{Alert, Category, Priority};

/// `First`, `Repeat` or `Escalated` if the alert needs a notification, else `Duplicate`.
pub(super) fn classify_repeat(
    alert: &Alert,
    incident: Option<&Incident>,
    min_window: SignedDuration,
    now: Timestamp,
) -> Reason {
    let Some((incident, last)) = incident.and_then(|it| Some((it, it.last_notified.as_ref()?))) else {
        return Reason::First;
    };
    if snooze_ended(incident, last, now) || !is_recent(alert, last, min_window, now) {
        let same_incident = incident.open && last.at >= incident.opened_at;
        return if same_incident { Reason::Repeat } else { Reason::First };
    }
    if alert.priority > last.priority { Reason::Escalated } else { Reason::Duplicate }
}

/// Whether the incident's alert would be a duplicate now.
pub fn in_window(incident: &Incident, min_window: SignedDuration, now: Timestamp) -> bool {
    incident.last_notified.as_ref().is_some_and(|last| is_recent(&incident.alert, last, min_window, now))
}

/// The end of a snooze ends the window too.
fn snooze_ended(incident: &Incident, last: &NotificationRecord, now: Timestamp) -> bool {
    incident.open && incident.snoozed_until.is_some_and(|until| last.at < until && until <= now)
}

/// A reminder repeats with its next slot, but not within `min_window`. All other alerts have a window.
fn is_recent(alert: &Alert, last: &NotificationRecord, min_window: SignedDuration, now: Timestamp) -> bool {
    let window = match &alert.occasion {
        Some(_) if alert.occasion == last.occasion => return true,
        Some(_) => min_window,
        None => window(alert).max(min_window),
    };
    // Absolute, so that a clock that was set back neither repeats an alert at once nor silences it for years.
    now.duration_since(last.at).abs() < window
}

fn window(alert: &Alert) -> SignedDuration {
    let hours = match (alert.priority, alert.key.category()) {
        (Priority::Critical, _) => 1,
        (_, Category::Health | Category::Exec) => 4,
        (_, Category::Task | Category::System) => 24,
        (_, Category::Pattern) => 24 * 7,
    };
    SignedDuration::from_hours(hours)
}
