//! A policy decision about an alert, and its reason.

use serde::{Deserialize, Serialize};

use crate::core::alert::Alert;
use crate::core::channel::Channel;

/// Declared in the order in which a front end lists them.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Decision {
    /// Notify now.
    Deliver,
    /// Notify now, in a digest with others.
    Coalesce,
    /// Notify later, if the condition still holds then.
    Hold,
    /// Do not notify.
    Suppress,
    /// The condition is over: update the messages in place.
    Resolve,
}

impl Decision {
    /// The word in JSON and in the journal.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// A phrase for the user.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Suppress => "not notified",
            Self::Hold => "held back",
            Self::Coalesce => "notified in a digest",
            Self::Deliver => "notified",
            Self::Resolve => "resolved",
        }
    }
}

/// The reason for a decision.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Reason {
    Acknowledged,
    Snoozed,
    /// Notified within its window, or for the same occasion.
    Duplicate,
    Paused,
    QuietHours,
    /// An event in a calendar is under way.
    InEvent,
    /// More alerts than `max_alerts_per_run`.
    Storm,
    /// It was held, and the hold is over.
    Digest,
    First,
    /// Notified before, and its window has passed.
    Repeat,
    /// Of a higher priority than at the last notification.
    Escalated,
    /// The rule ran and no longer fires.
    Resolved,
}

impl Reason {
    /// The word in JSON and in the journal.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// A phrase for the user.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Acknowledged => "you acknowledged it",
            Self::Snoozed => "you snoozed it",
            Self::Duplicate => "already notified within its window or for this occasion",
            Self::Paused => "you paused all alerts",
            Self::QuietHours => "not critical, during quiet hours",
            Self::InEvent => "not critical, during a meeting",
            Self::Storm => "too many alerts at once",
            Self::Digest => "it was held, and the hold is over",
            Self::First => "new",
            Self::Repeat => "notified before, and its window has passed",
            Self::Escalated => "more urgent than at the last notification",
            Self::Resolved => "the condition is over",
        }
    }
}

/// An alert with its decision, reason and channels.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDecision {
    /// For a resolve, the alert as it last fired.
    pub alert: Alert,
    pub decision: Decision,
    pub reason: Reason,
    /// Where to notify now. The journal is always included; others only for deliver, coalesce and resolve.
    pub channels: Vec<Channel>,
}
