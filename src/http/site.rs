//! What every handler works with.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use tokio::sync::{mpsc, oneshot, watch};

use super::keys::Keys;
use super::origin::Origin;
use super::refusal::Refusals;
use crate::core::status::Status;
use crate::engine::clock::Clock;
use crate::engine::commands::{Command, Reply};
use crate::engine::{self, Request};
use crate::store::{self, Store};
use crate::telemetry::metrics::Metrics;

/// The longest that a client waits for the engine: as long as a check may take that waits for every source.
const LONGEST_WAIT: Duration = Duration::from_secs(330);

/// What a page needs of the context it shows.
#[derive(Debug)]
pub struct Parts {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// Where the database and the token are.
    pub state_dir: PathBuf,
    /// The engine's clock.
    pub clock: Clock,
    /// Where commands go.
    pub requests: mpsc::Sender<Request>,
    /// What is published.
    pub snapshots: watch::Receiver<Option<Status>>,
    /// What the engine counts.
    pub metrics: Arc<Metrics>,
    /// Tells when to end.
    pub stop: watch::Receiver<bool>,
}

/// The context as the handlers see it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) origin: Origin,
    pub(super) refusals: Refusals,
    pub(super) snapshots: watch::Receiver<Option<Status>>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) metrics: Arc<Metrics>,
    keys: Mutex<Keys>,
    database: PathBuf,
    clock: Clock,
    requests: mpsc::Sender<Request>,
}

impl Site {
    pub(super) fn new(parts: Parts, keys: Keys) -> Arc<Self> {
        Arc::new(Self {
            origin: Origin::new(parts.port),
            refusals: Refusals::default(),
            snapshots: parts.snapshots,
            stop: parts.stop,
            metrics: parts.metrics,
            keys: Mutex::new(keys),
            database: parts.state_dir.join(store::FILE_NAME),
            clock: parts.clock,
            requests: parts.requests,
        })
    }

    /// The keys, with the moment at which they are tried: doors go by the wall, whatever the engine's clock says.
    pub(super) fn with_keys<T>(&self, ask: impl FnOnce(&mut Keys, Timestamp) -> T) -> T {
        ask(&mut self.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner), Timestamp::now())
    }

    /// Use up a ticket.
    pub(super) fn redeem(&self, ticket: &str) -> bool {
        self.with_keys(|keys, now| keys.redeem(ticket, now))
    }

    /// The last snapshot.
    pub(super) fn status(&self) -> Option<Status> {
        self.snapshots.borrow().clone()
    }

    /// Whether the engine's loop is there.
    pub(super) fn engine_runs(&self) -> bool {
        self.snapshots.has_changed().is_ok()
    }

    /// The moment, in the person's zone.
    pub(super) fn now(&self) -> ZonedDateTime {
        let zone = self.snapshots.borrow().as_ref().map_or_else(TimeZone::system, engine::user_time_zone);
        self.clock.now().to_zoned_datetime(zone)
    }

    /// The database as it stands, for reading alone; an empty one where there is none yet.
    pub(super) fn store(&self) -> Result<Store, store::Error> {
        Store::open_read_only_live(&self.database)?.map_or_else(Store::in_memory, Ok)
    }

    /// Ask the engine for as long as it may take.
    pub(super) async fn ask(&self, command: Command) -> Reply {
        self.ask_for(LONGEST_WAIT, command).await
    }

    /// Ask the engine, and go away when it does not answer in this time.
    pub(super) async fn ask_for(&self, patience: Duration, command: Command) -> Reply {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.requests.send(Request { command, reply }).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(Some(reply)) => reply,
            Ok(None) => Reply::refused("The engine is stopping."),
            Err(_) => Reply::refused("The engine does not answer."),
        }
    }
}
