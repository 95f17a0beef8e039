//! The state that decisions depend on: one incident per key, and the user's pause.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decision::{Decision, PolicyDecision, Reason};
use crate::core::alert::{Alert, AlertKey, Priority};
use crate::core::channel::Channel;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct IncidentState {
    /// Open incidents, and closed ones with a recent notification.
    pub incidents: BTreeMap<AlertKey, Incident>,
    pub pause: Option<Pause>,
}

/// A pause of all notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    Until(Timestamp),
    UntilResumed,
}

impl Pause {
    pub fn in_force(self, now: Timestamp) -> bool {
        match self {
            Self::Until(end) => now < end,
            Self::UntilResumed => true,
        }
    }
}

/// A condition over time: from the first time its rule fires until the rule runs and does not fire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// The alert as it last fired.
    pub alert: Alert,
    /// Whether the condition held at the last evaluation.
    pub open: bool,
    pub opened_at: Timestamp,
    /// In this incident or in an earlier one of the same key.
    #[serde(rename = "announced")]
    pub last_notified: Option<NotificationRecord>,
    /// Held, and not notified since.
    pub held: bool,
    /// Ends with the incident.
    pub acknowledged: bool,
    pub snoozed_until: Option<Timestamp>,
}

/// The last notification of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRecord {
    pub at: Timestamp,
    /// The priority at that time.
    pub priority: Priority,
    pub occasion: Option<String>,
    /// The resolve goes to these channels too.
    pub channels: Vec<Channel>,
}

impl IncidentState {
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.pause.is_some_and(|pause| pause.in_force(now))
    }

    /// The incident of a decision's key after that decision. Only a delivery counts as a notification: a held or suppressed alert
    /// stays new.
    pub fn incident_after(&self, decision: &PolicyDecision, now: Timestamp) -> Incident {
        let alert = decision.alert.clone();
        let mut incident = match self.incidents.get(&alert.key) {
            Some(known) if known.open => Incident { alert, ..known.clone() },
            Some(known) => {
                Incident { alert, open: true, opened_at: now, held: false, acknowledged: false, ..known.clone() }
            }
            None => Incident::opened(alert, now),
        };
        match decision.decision {
            Decision::Deliver | Decision::Coalesce => incident.record_notification(decision, now),
            Decision::Hold => incident.held = true,
            // The user has just answered it, so the digest after the hold must not repeat it.
            Decision::Suppress if decision.reason != Reason::Duplicate => incident.held = false,
            Decision::Suppress => {}
            Decision::Resolve => {
                incident.open = false;
                incident.held = false;
                incident.acknowledged = false;
            }
        }
        incident
    }
}

impl Incident {
    pub const fn opened(alert: Alert, now: Timestamp) -> Self {
        Self {
            alert,
            open: true,
            opened_at: now,
            last_notified: None,
            held: false,
            acknowledged: false,
            snoozed_until: None,
        }
    }

    fn record_notification(&mut self, decision: &PolicyDecision, now: Timestamp) {
        self.held = false;
        self.last_notified = Some(NotificationRecord {
            at: now,
            priority: decision.alert.priority,
            occasion: decision.alert.occasion.clone(),
            channels: decision.channels.clone(),
        });
    }
}
