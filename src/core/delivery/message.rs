//! One message on a channel: what is told of one alert, or of several together.

use jiff::ZonedDateTime;
use serde::{Deserialize, Serialize};

use crate::core::alert::{AlertKey, Priority};

/// A message as every channel gets it; each draws it in its own way.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The same at every try and after a restart, and never that of another message: what a channel can tell a repetition by,
    /// and what a button answers with. Letters, digits and `-`, at most 40.
    pub id: String,
    /// New, or bringing an earlier one up to date.
    pub kind: MessageKind,
    /// How loud: that of its most urgent open item.
    pub priority: Priority,
    /// What it speaks of: open ones first, the most urgent first. Never empty.
    pub items: Vec<MessageItem>,
    /// How many more there are.
    pub omitted: usize,
    /// The earlier message that this one takes the place of, as its channel called it.
    pub replaces: Option<String>,
    /// The moment of telling, in the person's zone.
    pub at: ZonedDateTime,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// News.
    New,
    /// What was told has resolved, or was acknowledged or snoozed: to be shown in place, and without a sound.
    Update,
    /// Somebody wants to see whether the channel works.
    Test,
}

/// One alert in a message.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageItem {
    /// What it is known by.
    pub key: AlertKey,
    /// How urgent.
    pub priority: Priority,
    /// One line of at most 60 characters; plain text from outside.
    pub title: String,
    /// The sentences; plain text from outside, of any length.
    pub message: String,
    /// Where its facts came from, as a person knows it: `Oura`.
    pub source: Option<String>,
    /// When it was last found, in the person's zone.
    pub at: ZonedDateTime,
    /// How it stands now.
    pub state: AlertState,
}

/// How an alert stands when its message is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertState {
    /// It holds.
    Open,
    /// It holds, and the person knows.
    Acknowledged,
    /// It holds, and the person wants to hear of it later.
    Snoozed {
        /// When.
        until: ZonedDateTime,
    },
    /// It holds no longer.
    Resolved,
}

impl Message {
    /// Whether it tells of more than one alert.
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
