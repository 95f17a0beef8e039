//! The ways an alert can reach a person, and which of them an urgency takes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::alert::Priority;

/// A way to reach the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The record of everything; written by the check itself.
    Journal,
    /// A banner on this machine.
    Notification,
    /// A Telegram chat.
    Telegram,
    /// A web address that takes alerts as JSON.
    Webhook,
    /// Phones, through an ntfy server.
    Ntfy,
    /// Phones, through Pushover.
    Pushover,
    /// A mailbox.
    Email,
    /// A program of the person's own.
    Exec,
}

impl Channel {
    /// Those that messages are sent on: all but the journal, which is the database itself.
    pub const OUTSIDE: [Self; 7] =
        [Self::Notification, Self::Telegram, Self::Webhook, Self::Ntfy, Self::Pushover, Self::Email, Self::Exec];

    /// The word used in configuration, JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Notification => "notification",
            Self::Telegram => "telegram",
            Self::Webhook => "webhook",
            Self::Ntfy => "ntfy",
            Self::Pushover => "pushover",
            Self::Email => "email",
            Self::Exec => "exec",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Channel {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = || std::iter::once(Self::Journal).chain(Self::OUTSIDE);
        known().find(|channel| channel.as_str() == word).ok_or_else(|| {
            let names: Vec<&str> = known().map(Self::as_str).collect();
            format!("'{word}' is not a channel: there are {}", names.join(", "))
        })
    }
}

/// The channels that are switched on besides the journal, each with the least urgency that it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing(pub Vec<(Channel, Priority)>);

impl Routing {
    /// Where an alert of this urgency goes: the journal first.
    #[must_use]
    pub fn channels(&self, priority: Priority) -> Vec<Channel> {
        let others = self.0.iter().filter(|(_, least)| priority >= *least).map(|(channel, _)| *channel);
        std::iter::once(Channel::Journal).chain(others).collect()
    }
}
