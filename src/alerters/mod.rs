//! Alerters, one per channel: each renders a message and sends it. The engine decides when and how often.

mod email;
mod exec;
mod http;
pub mod notification;
mod ntfy;
mod payload;
mod plain_text;
mod poll_backoff;
mod pushover;
mod telegram;
mod text;
mod webhook;

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use strum::VariantArray;
use tokio::sync::{mpsc, oneshot};

use crate::config::Env;
use crate::config::schema::AlertersConfig;
use crate::core::channel::Channel;
use crate::core::delivery::message::Message;
use crate::net::HttpClient;

pub use crate::core::delivery::failure::{Failure, FailureKind};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub trait Alerter: Debug + Send + Sync {
    fn channel(&self) -> Channel;

    /// Sends one message. Returns the channel's id for it, if an update can replace it later.
    ///
    /// After an unconfirmed attempt the engine sends the same `message.id` again: a channel with an idempotency key shows it
    /// once.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>>;

    /// Checks credentials and reachability without sending a message. Returns a sentence for the user.
    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>>;

    /// Passes user actions to the engine until the future is dropped. `cursor` is the last value of `Inbound::cursor`.
    fn listen(self: Arc<Self>, _cursor: Option<String>, _engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }

    /// Whether the channel is on this machine: a probe then costs nothing and needs no network.
    fn is_local(&self) -> bool {
        false
    }

    /// The minimum time between two messages.
    fn min_interval(&self) -> Duration {
        Duration::ZERO
    }

    /// A hash of the destination and its credentials. After a change, refused messages are sent again.
    fn config_hash(&self) -> u64;
}

/// The enabled alerters. `env` locates the desktop session.
#[must_use]
pub fn enabled(config: &AlertersConfig, http: &Arc<HttpClient>, env: &Env) -> Vec<Arc<dyn Alerter>> {
    let mut alerters: Vec<Arc<dyn Alerter>> = Vec::new();
    if config.notification.enabled {
        alerters.push(notification::alerter(env));
    }
    if config.telegram.enabled {
        alerters.push(Arc::new(telegram::Telegram::new(&config.telegram, http)));
    }
    if config.webhook.enabled {
        alerters.push(Arc::new(webhook::Webhook::new(&config.webhook, http)));
    }
    if config.ntfy.enabled {
        alerters.push(Arc::new(ntfy::Ntfy::new(&config.ntfy, http)));
    }
    if config.pushover.enabled {
        alerters.push(Arc::new(pushover::Pushover::new(&config.pushover, http)));
    }
    if config.email.enabled {
        alerters.push(Arc::new(email::Email::new(&config.email)));
    }
    if config.exec.enabled {
        alerters.push(Arc::new(exec::Exec::new(&config.exec)));
    }
    alerters
}

fn hash_of(config: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    config.hash(&mut hasher);
    hasher.finish()
}

/// An event from a channel.
#[derive(Debug)]
pub struct Inbound {
    pub channel: Channel,
    /// `None` if the event only moves the cursor.
    pub action: Option<UserAction>,
    /// Stored by the engine: where `listen` continues after a restart.
    pub cursor: Option<String>,
    /// Receives the result of the action, in a sentence for the user; empty without an action.
    pub reply: oneshot::Sender<String>,
}

impl Inbound {
    /// Sends an event to the engine and waits for its reply.
    async fn deliver(
        engine: &mpsc::Sender<Self>,
        channel: Channel,
        action: Option<UserAction>,
        cursor: String,
    ) -> Result<String, EngineStopped> {
        let (reply, result) = oneshot::channel();
        let inbound = Self { channel, action, cursor: Some(cursor), reply };
        engine.send(inbound).await.map_err(|_| EngineStopped)?;
        result.await.map_err(|_| EngineStopped)
    }
}

/// The engine no longer receives events.
struct EngineStopped;

/// A pressed button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAction {
    /// `Message::id` of the message under which the button is.
    pub message_id: String,
    pub button: ActionButton,
}

/// The buttons under a message with an open alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum ActionButton {
    Acknowledge,
    Snooze,
}

impl ActionButton {
    /// In display order.
    pub const ALL: &[Self] = Self::VARIANTS;

    pub const SNOOZE_DURATION: SignedDuration = SignedDuration::from_hours(1);

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Acknowledge => "Acknowledge",
            Self::Snooze => "Snooze 1 h",
        }
    }

    /// The text that a button of this message carries: `acknowledge:1f2e-17`.
    fn callback_data(self, message: &Message) -> String {
        let name: &str = self.into();
        format!("{name}:{}", message.id)
    }

    fn parse_callback(data: &str) -> Option<UserAction> {
        let (name, message_id) = data.split_once(':')?;
        Some(UserAction { message_id: message_id.to_owned(), button: name.parse().ok()? })
    }
}
