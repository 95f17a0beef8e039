//! A channel whose weather the test makes: it answers as servers and networks do, on the test's own time, and keeps what it saw.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use operator::alerters::{Alerter, BoxFuture, Failure, FailureKind};
use operator::core::alert::Priority;
use operator::core::channel::Channel;
use operator::core::delivery::message::{AlertState, Message, MessageKind};
use tokio::time::{Instant, sleep};

/// The patience of a real alerter.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the channel answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// It takes what comes.
    Fine,
    /// It takes what comes, after so many seconds.
    Slow(u64),
    /// Nobody listens there.
    ConnectionRefused,
    /// It breaks while it has the message, which was shown or not.
    Status500 { shown: bool },
    /// No answer comes; the message was shown or not.
    Mute { shown: bool },
    /// It wants to be left alone for so many seconds.
    Status429(i64),
    /// It will never take this.
    Status400,
    /// This machine has no network.
    Offline,
}

/// One try.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    /// Seconds since the channel was made.
    pub(crate) at: f64,
    pub(crate) id: String,
    pub(crate) kind: MessageKind,
    pub(crate) priority: Priority,
    /// What it speaks of, with a word on how that stands.
    pub(crate) items: BTreeMap<String, &'static str>,
    pub(crate) omitted: usize,
    /// What it takes the place of.
    pub(crate) replaces: Option<String>,
    /// Whether the person sees it.
    pub(crate) shown: bool,
}

/// The webhook's place is taken by this one.
#[derive(Debug)]
pub(crate) struct Scripted {
    began: Instant,
    weather: Mutex<Weather>,
    tries: Mutex<Vec<Try>>,
    config_hash: u64,
}

impl Scripted {
    pub(crate) fn new(weather: Weather) -> Arc<Self> {
        Self::with_config_hash(weather, 1)
    }

    pub(crate) fn with_config_hash(weather: Weather, config_hash: u64) -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), weather: weather.into(), tries: Mutex::default(), config_hash })
    }

    /// As an engine wants it.
    pub(crate) fn alone(self: &Arc<Self>) -> Vec<Arc<dyn Alerter>> {
        vec![Arc::<Self>::clone(self)]
    }

    pub(crate) fn turn(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    /// Seconds since the channel was made.
    pub(crate) fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Every try so far.
    pub(crate) fn tries(&self) -> Vec<Try> {
        self.tries.lock().unwrap().clone()
    }

    /// What the person saw, each message once: a channel that takes a key shows a repetition of it once.
    pub(crate) fn shown(&self) -> Vec<Try> {
        let mut shown: Vec<Try> = Vec::new();
        for next in self.tries().into_iter().filter(|next| next.shown) {
            if !shown.iter().any(|known| known.id == next.id) {
                shown.push(next);
            }
        }
        shown
    }

    /// The news of it.
    pub(crate) fn news(&self) -> Vec<Try> {
        self.shown().into_iter().filter(|shown| shown.kind == MessageKind::New).collect()
    }

    /// How often the person was told of each key.
    pub(crate) fn told(&self) -> BTreeMap<String, usize> {
        let mut told = BTreeMap::new();
        for key in self.news().into_iter().flat_map(|news| news.items.into_keys()) {
            *told.entry(key).or_default() += 1;
        }
        told
    }

    fn note(&self, message: &Message, weather: Weather) -> usize {
        let standing = |standing: &AlertState| match standing {
            AlertState::Open => "open",
            AlertState::Acknowledged => "acknowledged",
            AlertState::Snoozed { .. } => "snoozed",
            AlertState::Resolved => "resolved",
        };
        let shown = matches!(weather, Weather::Status500 { shown: true } | Weather::Mute { shown: true });
        let mut tries = self.tries.lock().unwrap();
        tries.push(Try {
            at: self.now(),
            id: message.id.clone(),
            kind: message.kind,
            priority: message.priority,
            items: message.items.iter().map(|item| (item.key.to_string(), standing(&item.state))).collect(),
            omitted: message.omitted,
            replaces: message.replaces.clone(),
            shown,
        });
        tries.len() - 1
    }
}

impl Alerter for Scripted {
    fn channel(&self) -> Channel {
        Channel::Webhook
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            let weather = *self.weather.lock().unwrap();
            let place = self.note(message, weather);
            let failure = match weather {
                Weather::Fine | Weather::Slow(_) => {
                    if let Weather::Slow(seconds) = weather {
                        sleep(Duration::from_secs(seconds)).await;
                    }
                    self.tries.lock().unwrap()[place].shown = true;
                    return Ok(Some(message.id.clone()));
                }
                Weather::ConnectionRefused => Failure::retryable("connection refused"),
                Weather::Status500 { .. } => Failure::new(FailureKind::Unconfirmed, "answered 500"),
                Weather::Mute { .. } => {
                    sleep(PATIENCE).await;
                    Failure::new(FailureKind::Unconfirmed, "no answer")
                }
                Weather::Status429(seconds) => {
                    let retry_after = Some(SignedDuration::from_secs(seconds));
                    Failure::new(FailureKind::Retryable { retry_after }, "answered 429")
                }
                Weather::Status400 => Failure::permanent("answered 400", "see the server's log"),
                Weather::Offline => Failure::new(FailureKind::Offline, "no network"),
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
