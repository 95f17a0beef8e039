//! Phones, through Pushover. `docs/channels.md` says how it is set up.
//!
//! What is critical is an emergency there: it rings again and again until the person acknowledges it on the phone, which counts
//! here too, or until it is acknowledged or resolved here. A message cannot be changed: what resolves is told by a quiet one.

mod api;
mod listen;
mod ringing;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use self::api::Api;
use self::ringing::Ringing;
use super::body::body;
use super::words::{fit, headline};
use super::{Alerter, BoxFuture, Failure, Inbound};
use crate::config::schema::PushoverConfig;
use crate::core::alert::Priority;
use crate::core::channel::Channel;
use crate::core::delivery::message::{AlertState, Message, MessageKind};
use crate::net::HttpClient;
use crate::sys::secret_file::Secret;

/// A message takes no more characters.
const LONGEST: usize = 1_024;

/// A title takes no more.
const TITLE: usize = 250;

/// An emergency rings every so many seconds,
const RETRY: u32 = 60;

/// and for so many at most.
const EXPIRE: u32 = 3_600;

/// Shown, and neither heard nor felt.
const QUIET: i8 = -1;

/// Rings until it is acknowledged.
const EMERGENCY: i8 = 2;

/// The alerter, if it is switched on.
#[must_use]
pub(super) fn alerter(config: &PushoverConfig, web: &Arc<HttpClient>) -> Option<Arc<dyn Alerter>> {
    let pushover = || Pushover {
        api: Api {
            web: Arc::clone(web),
            api_url: config.api_url.clone(),
            token: Secret::new(&config.token, &config.token_file),
            user: Secret::new(&config.user, &config.user_file),
        },
        device: config.device.clone(),
        ringing: watch::Sender::default(),
    };
    config.enabled.then(|| Arc::new(pushover()) as Arc<dyn Alerter>)
}

#[derive(Debug)]
struct Pushover {
    api: Api,
    device: Option<String>,
    /// What the listener asks for.
    ringing: watch::Sender<Ringing>,
}

impl Alerter for Pushover {
    fn channel(&self) -> Channel {
        Channel::Pushover
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            match message.kind {
                MessageKind::Update => self.bring_up_to_date(message).await,
                MessageKind::New | MessageKind::Test => self.tell(message).await,
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            let devices = self.api.devices(&self.on_device()).await?;
            // How many messages are left is good to know, and no more.
            let left = self.api.left().await.ok().flatten();
            let left = left.map(|(left, all)| format!("; {left} of {all} messages are left this month"));
            Ok(format!("Pushover reaches {}{}", devices.join(", "), left.unwrap_or_default()))
        })
    }

    fn listen(self: Arc<Self>, bookmark: Option<String>, engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        Box::pin(async move { listen::listen(&self.api, &self.ringing, bookmark, &engine).await })
    }

    fn settings(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.api.api_url, &self.api.token, &self.api.user, &self.device).hash(&mut hasher);
        hasher.finish()
    }
}

impl Pushover {
    /// Gives the receipt, if it rings: by that it is silenced.
    async fn tell(&self, message: &Message) -> Result<Option<String>, Failure> {
        let loudness = loudness(message);
        let receipt = self.write(message, loudness).await?.filter(|_| loudness == EMERGENCY);
        if let Some(receipt) = &receipt {
            self.ringing.send_modify(|now| now.begin(receipt, &message.id));
        }
        // The same told anew: one of them is enough to ring.
        if let Some(earlier) = &message.replaces
            && let Err(failure) = self.silence(earlier).await
        {
            tracing::debug!("pushover: an earlier emergency rings on: {failure}");
        }
        Ok(receipt)
    }

    /// What was answered elsewhere needs no message: the person knows. It only rings no more.
    async fn bring_up_to_date(&self, message: &Message) -> Result<Option<String>, Failure> {
        if let Some(receipt) = message.replaces.as_ref().filter(|_| !still_rings(message)) {
            self.silence(receipt).await?;
        }
        if message.items.iter().any(|item| item.state == AlertState::Resolved) {
            self.write(message, QUIET).await?;
        }
        // The name of the first message stays.
        Ok(None)
    }

    async fn silence(&self, receipt: &str) -> Result<(), Failure> {
        if !api::is_receipt(receipt) {
            return Ok(());
        }
        self.api.cancel(receipt).await?;
        self.ringing.send_modify(|now| now.end(receipt));
        Ok(())
    }

    async fn write(&self, message: &Message, priority: i8) -> Result<Option<String>, Failure> {
        let one = |_| 1;
        let mut message = vec![
            ("title", fit(&headline(message), TITLE, one)),
            ("message", body(message, LONGEST, one)),
            ("priority", priority.to_string()),
            ("timestamp", message.at.timestamp().as_second().to_string()),
        ];
        message.extend(self.on_device());
        if priority == EMERGENCY {
            message.extend([("retry", RETRY.to_string()), ("expire", EXPIRE.to_string())]);
        }
        self.api.send(&message).await
    }

    fn on_device(&self) -> Vec<(&'static str, String)> {
        self.device.iter().map(|device| ("device", device.clone())).collect()
    }
}

fn loudness(message: &Message) -> i8 {
    match message.priority {
        Priority::Low => QUIET,
        Priority::Medium => 0,
        Priority::High => 1,
        Priority::Critical if message.kind == MessageKind::New => EMERGENCY,
        Priority::Critical => 1,
    }
}

/// Whether something critical of it is still open. The most urgent stands first: nothing that was left out is more so.
fn still_rings(message: &Message) -> bool {
    message.items.iter().any(|item| item.priority == Priority::Critical && item.state == AlertState::Open)
}
