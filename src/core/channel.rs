//! The channels that deliver alerts, and the routing by priority.

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::alert::Priority;

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str, parse_err_ty = String, parse_err_fn = invalid_channel)]
pub enum Channel {
    /// The record of all decisions, written by the check itself.
    Journal,
    /// A desktop banner.
    Notification,
    Telegram,
    Webhook,
    Ntfy,
    Pushover,
    Email,
    Exec,
}

impl Channel {
    /// All channels but the journal, which is part of the database.
    pub const OUTSIDE: [Self; 7] =
        [Self::Notification, Self::Telegram, Self::Webhook, Self::Ntfy, Self::Pushover, Self::Email, Self::Exec];

    /// The word in the configuration, in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

fn invalid_channel(word: &str) -> String {
    let names: Vec<&str> = Channel::VARIANTS.iter().map(|channel| channel.as_str()).collect();
    format!("'{word}' is not a channel: use one of {}", names.join(", "))
}

/// The enabled channels besides the journal, each with its minimum priority.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing(pub Vec<(Channel, Priority)>);

impl Routing {
    /// The channels of an alert of this priority; the journal is first.
    pub fn channels(&self, priority: Priority) -> Vec<Channel> {
        let others = self.0.iter().filter(|(_, minimum)| priority >= *minimum).map(|(channel, _)| *channel);
        std::iter::once(Channel::Journal).chain(others).collect()
    }
}
