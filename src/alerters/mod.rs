//! Data out: one file a channel. A new one is its own file, a line in `enabled`, and its part of the configuration.
//!
//! An alerter draws a notice and hands it over; when, whether and how often is the engine's business.

mod body;
mod email;
mod exec;
mod failures;
mod http;
mod message;
pub mod notification;
mod ntfy;
mod pushover;
pub mod telegram;
pub mod webhook;
mod words;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::config::Env;
use crate::config::schema::AlertersConfig;
use crate::core::channel::Channel;
use crate::core::delivery::message::Message;

pub use crate::core::delivery::failure::{Failure, FailureKind};
use crate::net::HttpClient;

/// Something that is done later.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A way out of Operator.
pub trait Alerter: Debug + Send + Sync {
    /// Which.
    fn channel(&self) -> Channel;

    /// Hand over one message. Gives what the channel calls it, if it can be brought up to date later.
    ///
    /// Called with the same `message.id` again when an earlier try ended in doubt: a channel that takes a key shows it once.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>>;

    /// See whether it would work, without sending anything: says what answered.
    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>>;

    /// Listen to what the person answers, until the engine drops it. `bookmark` is where it stopped reading the last time.
    fn listen(self: Arc<Self>, _bookmark: Option<String>, _engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }

    /// Whether the channel is a part of this machine, so that looking at it costs nothing and asks nobody.
    fn is_local(&self) -> bool {
        false
    }

    /// The least time between two messages.
    fn pace(&self) -> Duration {
        Duration::ZERO
    }

    /// Changes when the person changes where or how it sends: what was refused before may be taken then.
    fn settings(&self) -> u64;
}

/// Every alerter that is switched on. `env` tells where this machine's desktop is.
#[must_use]
pub fn enabled(config: &AlertersConfig, web: &Arc<HttpClient>, env: &Env) -> Vec<Arc<dyn Alerter>> {
    let all = [
        notification::alerter(&config.notification, env),
        telegram::alerter(&config.telegram, web),
        webhook::alerter(&config.webhook, web),
        ntfy::alerter(&config.ntfy, web),
        pushover::alerter(&config.pushover, web),
        email::alerter(&config.email),
        exec::alerter(&config.exec),
    ];
    all.into_iter().flatten().collect()
}

/// What came in on a channel.
#[derive(Debug)]
pub struct Inbound {
    /// Where.
    pub channel: Channel,
    /// What was pressed, if it was for us.
    pub press: Option<UserAction>,
    /// To be remembered: where to go on reading after a restart.
    pub bookmark: Option<String>,
    /// Where the engine says what came of it, in a sentence for the person.
    pub reply: oneshot::Sender<String>,
}

/// A button that was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAction {
    /// The id of the notice that it stands under.
    pub message: String,
    /// Which.
    pub button: ActionButton,
}

/// The buttons that stand under what can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionButton {
    /// The person knows.
    Acknowledge,
    /// Not now.
    Snooze,
}

impl ActionButton {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Acknowledge, Self::Snooze];

    /// What a press on Snooze puts off by.
    pub const SNOOZE: SignedDuration = SignedDuration::from_hours(1);

    /// What stands on it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Acknowledge => "Acknowledge",
            Self::Snooze => "Snooze 1 h",
        }
    }

    /// `acknowledge` or `snooze`: what a channel calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Snooze => "snooze",
        }
    }

    /// The handle that a button carries on a channel that gives back a text of ours: `acknowledge:1f2e-17`.
    #[must_use]
    pub fn handle(self, message: &Message) -> String {
        format!("{}:{}", self.as_str(), message.id)
    }

    /// The press that a handle stands for.
    #[must_use]
    pub fn pressed(handle: &str) -> Option<UserAction> {
        let (name, message) = handle.split_once(':')?;
        let button = Self::ALL.into_iter().find(|button| button.as_str() == name)?;
        Some(UserAction { message: message.to_owned(), button })
    }
}
