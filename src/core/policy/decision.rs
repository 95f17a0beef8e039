//! What was decided of an alert, and why.

use serde::{Deserialize, Serialize};

use crate::core::alert::Alert;
use crate::core::channel::Channel;

/// What happens with an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Not told.
    Suppress,
    /// TaskIdentities later, if it still holds then.
    Hold,
    /// TaskIdentities in a digest with others.
    Coalesce,
    /// TaskIdentities now.
    Deliver,
    /// Over: what was told is updated in place.
    Resolve,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The person said that they know.
    Acknowledged,
    /// The person wants to hear of it later.
    Snoozed,
    /// TaskIdentities within its window, or for the same occasion.
    Duplicate,
    /// The person asked for a pause.
    Paused,
    /// It is night, and this can wait.
    QuietHours,
    /// The person is in a meeting, and this can wait.
    InEvent,
    /// More at once than a person can take.
    Storm,
    /// It waited, and the wait is over.
    Digest,
    /// News.
    First,
    /// TaskIdentities before, and its window has passed.
    Repeat,
    /// More urgent than when it was last told.
    Escalated,
    /// The rule ran and no longer fires.
    Resolved,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Deliver, Self::Coalesce, Self::Hold, Self::Suppress, Self::Resolve];

    /// The word used in JSON, the journal and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suppress => "suppress",
            Self::Hold => "hold",
            Self::Coalesce => "coalesce",
            Self::Deliver => "deliver",
            Self::Resolve => "resolve",
        }
    }

    /// The decision that goes by this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == word)
    }

    /// What happened with the alert, as a person says it.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Suppress => "not told",
            Self::Hold => "held back",
            Self::Coalesce => "told in a digest",
            Self::Deliver => "told",
            Self::Resolve => "over",
        }
    }
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Acknowledged,
        Self::Snoozed,
        Self::Duplicate,
        Self::Paused,
        Self::QuietHours,
        Self::InEvent,
        Self::Storm,
        Self::Digest,
        Self::First,
        Self::Repeat,
        Self::Escalated,
        Self::Resolved,
    ];

    /// The reason that goes by this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The same as a person says it.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Acknowledged => "you said that you know",
            Self::Snoozed => "you wanted to hear of it later",
            Self::Duplicate => "told within its window, or for this occasion",
            Self::Paused => "you paused all alerts",
            Self::QuietHours => "it is not critical, and it was quiet hours",
            Self::InEvent => "it is not critical, and you were in a meeting",
            Self::Storm => "more came at once than are told one by one",
            Self::Digest => "it had waited, and the wait was over",
            Self::First => "news",
            Self::Repeat => "told before, and its window has passed",
            Self::Escalated => "more urgent than when it was last told",
            Self::Resolved => "its rule ran and found it no more",
        }
    }

    /// The word used in JSON, the journal and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Snoozed => "snoozed",
            Self::Duplicate => "duplicate",
            Self::Paused => "paused",
            Self::QuietHours => "quiet_hours",
            Self::InEvent => "in_event",
            Self::Storm => "storm",
            Self::Digest => "digest",
            Self::First => "first",
            Self::Repeat => "repeat",
            Self::Escalated => "escalated",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert with its decision, its reason and where it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDecision {
    /// The alert; for a resolve, as it last fired.
    pub alert: Alert,
    /// What happens with it.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
    /// Where it is told now: the journal always, the others when it is delivered, coalesced or resolved there.
    pub channels: Vec<Channel>,
}
