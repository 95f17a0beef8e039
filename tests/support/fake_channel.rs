//! A channel that behaves as the test wants and records every attempt.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use operator::alerters::{Alerter, BoxFuture, Failure, FailureKind};
use operator::core::alert::Priority;
use operator::core::channel::Channel;
use operator::core::delivery::message::{AlertState, Message, MessageKind};
use tokio::time::{Instant, sleep};

/// The timeout of a real alerter.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behavior {
    Accept,
    /// Accept after this many seconds.
    Slow(u64),
    ConnectionRefused,
    /// An internal server error after the message was shown or not.
    Status500 {
        shown: bool,
    },
    /// No answer, after the message was shown or not.
    NoAnswer {
        shown: bool,
    },
    /// Too many requests; retry after this many seconds.
    Status429(i64),
    /// A permanent failure.
    Status400,
    Offline,
}

#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// Seconds since the channel was created.
    pub(crate) at: f64,
    pub(crate) id: String,
    pub(crate) kind: MessageKind,
    pub(crate) priority: Priority,
    /// The keys of the alerts with their states.
    pub(crate) items: BTreeMap<String, &'static str>,
    pub(crate) omitted: usize,
    pub(crate) replaces: Option<String>,
    /// Whether the user sees it.
    pub(crate) shown: bool,
}

/// Takes the place of the webhook.
#[derive(Debug)]
pub(crate) struct FakeChannel {
    created_at: Instant,
    behavior: Mutex<Behavior>,
    attempts: Mutex<Vec<Attempt>>,
    config_hash: u64,
}

impl FakeChannel {
    pub(crate) fn new(behavior: Behavior) -> Arc<Self> {
        Self::with_config_hash(behavior, 1)
    }

    pub(crate) fn with_config_hash(behavior: Behavior, config_hash: u64) -> Arc<Self> {
        let (created_at, behavior) = (Instant::now(), behavior.into());
        Arc::new(Self { created_at, behavior, attempts: Mutex::default(), config_hash })
    }

    /// The list of alerters that an engine takes.
    pub(crate) fn as_alerters(self: &Arc<Self>) -> Vec<Arc<dyn Alerter>> {
        vec![Arc::<Self>::clone(self)]
    }

    pub(crate) fn set_behavior(&self, behavior: Behavior) {
        *self.behavior.lock().unwrap() = behavior;
    }

    /// Seconds since the channel was created.
    pub(crate) fn now(&self) -> f64 {
        self.created_at.elapsed().as_secs_f64()
    }

    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    /// The messages that the user saw. A channel that takes a message id shows a repetition once.
    pub(crate) fn shown(&self) -> Vec<Attempt> {
        let mut shown: Vec<Attempt> = Vec::new();
        for next in self.attempts().into_iter().filter(|next| next.shown) {
            if !shown.iter().any(|known| known.id == next.id) {
                shown.push(next);
            }
        }
        shown
    }

    /// The shown messages that are no updates.
    pub(crate) fn new_messages(&self) -> Vec<Attempt> {
        self.shown().into_iter().filter(|shown| shown.kind == MessageKind::New).collect()
    }

    /// How often the user was notified of each key.
    pub(crate) fn send_counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for key in self.new_messages().into_iter().flat_map(|message| message.items.into_keys()) {
            *counts.entry(key).or_default() += 1;
        }
        counts
    }

    /// Record an attempt and give its index.
    fn record(&self, message: &Message, behavior: Behavior) -> usize {
        let state = |state: &AlertState| match state {
            AlertState::Open => "open",
            AlertState::Acknowledged => "acknowledged",
            AlertState::Snoozed { .. } => "snoozed",
            AlertState::Resolved => "resolved",
        };
        let shown = matches!(behavior, Behavior::Status500 { shown: true } | Behavior::NoAnswer { shown: true });
        let mut attempts = self.attempts.lock().unwrap();
        attempts.push(Attempt {
            at: self.now(),
            id: message.id.clone(),
            kind: message.kind,
            priority: message.priority,
            items: message.items.iter().map(|item| (item.key.to_string(), state(&item.state))).collect(),
            omitted: message.omitted,
            replaces: message.replaces.clone(),
            shown,
        });
        attempts.len() - 1
    }
}

impl Alerter for FakeChannel {
    fn channel(&self) -> Channel {
        Channel::Webhook
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            let behavior = *self.behavior.lock().unwrap();
            let index = self.record(message, behavior);
            let failure = match behavior {
                Behavior::Accept | Behavior::Slow(_) => {
                    if let Behavior::Slow(seconds) = behavior {
                        sleep(Duration::from_secs(seconds)).await;
                    }
                    self.attempts.lock().unwrap()[index].shown = true;
                    return Ok(Some(message.id.clone()));
                }
                Behavior::ConnectionRefused => Failure::retryable("connection refused"),
                Behavior::Status500 { .. } => Failure::new(FailureKind::Unconfirmed, "answered 500"),
                Behavior::NoAnswer { .. } => {
                    sleep(SEND_TIMEOUT).await;
                    Failure::new(FailureKind::Unconfirmed, "no answer")
                }
                Behavior::Status429(seconds) => {
                    let retry_after = Some(SignedDuration::from_secs(seconds));
                    Failure::new(FailureKind::Retryable { retry_after }, "answered 429")
                }
                Behavior::Status400 => Failure::permanent("answered 400", "see the server's log"),
                Behavior::Offline => Failure::new(FailureKind::Offline, "no network"),
            };
            Err(failure)
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async { Ok(String::new()) })
    }

    fn config_hash(&self) -> u64 {
        self.config_hash
    }
}
