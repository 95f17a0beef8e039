//! What policy remembers: one incident a key, and whether the person asked for a pause.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::alert::{Alert, AlertKey, Priority};
use crate::core::channel::Channel;
use crate::core::policy::decision::{Decision, PolicyDecision, Reason};

/// Everything that decisions rest on besides the alerts themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IncidentState {
    /// By key: what is open, and what was last_notified of late.
    pub incidents: BTreeMap<AlertKey, Incident>,
    /// Whether alerts wait.
    pub pause: Option<Pause>,
}

/// The person asked for silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// Until this moment.
    Until(Timestamp),
    /// Until they say otherwise.
    UntilResumed,
}

impl Pause {
    /// Whether it still holds at `now`.
    #[must_use]
    pub fn in_force(self, now: Timestamp) -> bool {
        match self {
            Self::Until(end) => now < end,
            Self::UntilResumed => true,
        }
    }
}

/// A condition over time: from when it first fired until its rule ran and it no longer did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// The alert as it last fired.
    pub alert: Alert,
    /// Whether the condition held when it was last judged.
    pub open: bool,
    /// When this stretch began.
    pub opened_at: Timestamp,
    /// The last time it was told, in this stretch or an earlier one.
    #[serde(rename = "announced")]
    pub last_notified: Option<NotificationRecord>,
    /// TaskIdentities to wait, and not told since.
    pub held: bool,
    /// The person knows; ends when the incident does.
    pub acknowledged: bool,
    /// The person wants to hear of it again after this moment.
    pub snoozed_until: Option<Timestamp>,
}

/// One time that a key was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRecord {
    /// When.
    pub at: Timestamp,
    /// How urgent it was then.
    pub priority: Priority,
    /// The reminder slot, if it was one.
    pub occasion: Option<String>,
    /// Where; its resolve goes there too.
    pub channels: Vec<Channel>,
}

impl IncidentState {
    /// Whether alerts wait at `now`.
    #[must_use]
    pub fn paused(&self, now: Timestamp) -> bool {
        self.pause.is_some_and(|pause| pause.in_force(now))
    }

    /// The incident of a verdict's key after that verdict. Only what was delivered counts as last_notified: a held or
    /// suppressed alert is still news later.
    #[must_use]
    pub fn after(&self, verdict: &PolicyDecision, now: Timestamp) -> Incident {
        let known = self.incidents.get(&verdict.alert.key);
        let mut incident = match known {
            Some(known) if known.open => Incident { alert: verdict.alert.clone(), ..known.clone() },
            Some(known) => Incident {
                alert: verdict.alert.clone(),
                open: true,
                opened_at: now,
                held: false,
                acknowledged: false,
                ..known.clone()
            },
            None => Incident::opened(verdict.alert.clone(), now),
        };
        match verdict.decision {
            Decision::Deliver | Decision::Coalesce => incident.announce(verdict, now),
            Decision::Hold => incident.held = true,
            // The person has just spoken about it: what waited from the night is no news to them.
            Decision::Suppress if verdict.reason != Reason::Duplicate => incident.held = false,
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
    /// A condition seen for the first time.
    #[must_use]
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

    fn announce(&mut self, verdict: &PolicyDecision, now: Timestamp) {
        self.held = false;
        self.last_notified = Some(NotificationRecord {
            at: now,
            priority: verdict.alert.priority,
            occasion: verdict.alert.occasion.clone(),
            channels: verdict.channels.clone(),
        });
    }
}
