//! The Pushover channel. `docs/channels.md` says how to set it up.
//!
//! A critical alert is an emergency: the phone rings repeatedly until the user acknowledges it there, which also counts here, or
//! until it is acknowledged or resolved here. Pushover cannot edit a message: a resolve sends a quiet second one.

mod api;
mod listen;
mod receipts;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use self::api::Api;
use self::receipts::OpenReceipts;
use super::text::{headline, truncate_chars};
use super::{Alerter, BoxFuture, Failure, Inbound, hash_of, plain_text};
use crate::config::schema::PushoverConfig;
use crate::core::alert::Priority;
use crate::core::channel::Channel;
use crate::core::delivery::message::{AlertState, Message, MessageKind};
use crate::net::HttpClient;
use crate::sys::secret_file::Secret;

/// The API's limits.
const MAX_BODY_CHARS: usize = 1_024;
const MAX_TITLE_CHARS: usize = 250;

/// An emergency rings this often …
const EMERGENCY_RETRY_SECONDS: u32 = 60;
/// … and for this long.
const EMERGENCY_EXPIRE_SECONDS: u32 = 3_600;

/// Shown without sound or vibration.
const PRIORITY_QUIET: i8 = -1;
const PRIORITY_EMERGENCY: i8 = 2;

#[derive(Debug)]
pub(super) struct Pushover {
    api: Api,
    device: Option<String>,
    open_receipts: watch::Sender<OpenReceipts>,
}

impl Alerter for Pushover {
    fn channel(&self) -> Channel {
        Channel::Pushover
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            match message.kind {
                MessageKind::Update => self.send_update(message).await,
                MessageKind::New | MessageKind::Test => self.send_new(message).await,
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            let devices = self.api.devices(&self.device_field()).await?;
            // The quota is an extra: its failure is no failure of the channel.
            let quota = self.api.quota().await.ok().flatten();
            let quota = quota.map(|(left, limit)| format!("; {left} of {limit} messages are left this month"));
            Ok(format!("Pushover reaches {}{}", devices.join(", "), quota.unwrap_or_default()))
        })
    }

    fn listen(self: Arc<Self>, cursor: Option<String>, engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        Box::pin(async move { listen::listen(&self.api, &self.open_receipts, cursor, &engine).await })
    }

    fn config_hash(&self) -> u64 {
        hash_of((&self.api.base_url, &self.api.token, &self.api.user, &self.device))
    }
}

impl Pushover {
    pub(super) fn new(config: &PushoverConfig, http: &Arc<HttpClient>) -> Self {
        let api = Api {
            http: Arc::clone(http),
            base_url: config.api_url.clone(),
            token: Secret::new(&config.token, &config.token_file),
            user: Secret::new(&config.user, &config.user_file),
        };
        Self { api, device: config.device.clone(), open_receipts: watch::Sender::default() }
    }

    /// Returns the receipt of an emergency.
    async fn send_new(&self, message: &Message) -> Result<Option<String>, Failure> {
        let priority = priority(message);
        let receipt = self.post(message, priority).await?.filter(|_| priority == PRIORITY_EMERGENCY);
        if let Some(receipt) = &receipt {
            self.open_receipts.send_modify(|open| drop(open.0.insert(receipt.clone(), message.id.clone())));
        }
        // The same alert again: one ringing emergency is enough.
        if let Some(earlier) = &message.replaces
            && let Err(failure) = self.cancel(earlier).await
        {
            tracing::debug!(channel = "pushover", %failure, "earlier emergency not cancelled");
        }
        Ok(receipt)
    }

    /// An acknowledgement or snooze only stops the ringing: the user knows about it. A resolve is also posted.
    async fn send_update(&self, message: &Message) -> Result<Option<String>, Failure> {
        if let Some(receipt) = message.replaces.as_ref().filter(|_| !has_open_critical(message)) {
            self.cancel(receipt).await?;
        }
        if message.items.iter().any(|item| item.state == AlertState::Resolved) {
            self.post(message, PRIORITY_QUIET).await?;
        }
        // The receipt of the first message stays the id.
        Ok(None)
    }

    async fn cancel(&self, receipt: &str) -> Result<(), Failure> {
        if !api::is_receipt(receipt) {
            return Ok(());
        }
        self.api.cancel(receipt).await?;
        self.open_receipts.send_modify(|open| drop(open.0.remove(receipt)));
        Ok(())
    }

    async fn post(&self, message: &Message, priority: i8) -> Result<Option<String>, Failure> {
        let mut fields = vec![
            ("title", truncate_chars(&headline(message), MAX_TITLE_CHARS)),
            ("message", plain_text::render(message, MAX_BODY_CHARS, |_| 1)),
            ("priority", priority.to_string()),
            ("timestamp", message.at.timestamp().as_second().to_string()),
        ];
        fields.extend(self.device_field());
        if priority == PRIORITY_EMERGENCY {
            fields.push(("retry", EMERGENCY_RETRY_SECONDS.to_string()));
            fields.push(("expire", EMERGENCY_EXPIRE_SECONDS.to_string()));
        }
        self.api.send(&fields).await
    }

    fn device_field(&self) -> Vec<(&'static str, String)> {
        self.device.iter().map(|device| ("device", device.clone())).collect()
    }
}

fn priority(message: &Message) -> i8 {
    match message.priority {
        Priority::Low => PRIORITY_QUIET,
        Priority::Medium => 0,
        Priority::High => 1,
        Priority::Critical if message.kind == MessageKind::New => PRIORITY_EMERGENCY,
        Priority::Critical => 1,
    }
}

/// Items are sorted by priority: no omitted item is more urgent.
fn has_open_critical(message: &Message) -> bool {
    message.items.iter().any(|item| item.priority == Priority::Critical && item.state == AlertState::Open)
}
