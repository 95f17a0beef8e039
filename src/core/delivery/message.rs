//! One message on a channel: a single alert, or several together.

use jiff::ZonedDateTime;
use serde::{Deserialize, Serialize};

use crate::core::alert::{AlertKey, Priority};

/// A message as every alerter gets it; each renders it in its own way.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Unique to the message, and the same at every attempt and after a restart: a channel recognises a repetition by it, and a
    /// button returns it. Letters, digits and `-`, at most 40.
    pub id: String,
    pub kind: MessageKind,
    /// The priority of its most urgent open item.
    pub priority: Priority,
    /// Open ones first, the most urgent first. Never empty.
    pub items: Vec<MessageItem>,
    /// How many more alerts the message stands for.
    pub omitted: usize,
    /// The channel's id of the earlier message that this one replaces.
    pub replaces: Option<String>,
    /// The time of the send, in the user's zone.
    pub at: ZonedDateTime,
}

/// The purpose of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    New,
    /// Alerts of an earlier message resolved, or were acknowledged or snoozed: shown in place, without a sound.
    Update,
    /// The user tests the channel.
    Test,
}

/// One alert in a message.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageItem {
    pub key: AlertKey,
    pub priority: Priority,
    /// One line of at most 60 characters; untrusted plain text.
    pub title: String,
    /// The sentences; untrusted plain text of any length.
    pub message: String,
    /// The display name of the source of its facts: `Oura`.
    pub source: Option<String>,
    /// When the condition was last found, in the user's zone.
    pub at: ZonedDateTime,
    pub state: AlertState,
}

/// The state of an alert when its message is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertState {
    Open,
    Acknowledged,
    Snoozed { until: ZonedDateTime },
    Resolved,
}

impl Message {
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.items.len() + self.omitted > 1
    }

    /// Whether there is anything to acknowledge or snooze.
    #[must_use]
    pub fn can_be_answered(&self) -> bool {
        self.kind != MessageKind::Test && self.items.iter().any(|item| item.state == AlertState::Open)
    }
}
