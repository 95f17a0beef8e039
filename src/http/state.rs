//! The state that all request handlers share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use tokio::sync::{mpsc, oneshot, watch};

use super::auth::credentials::Credentials;
use super::auth::rejection::RejectionLog;
use crate::core::status::Status;
use crate::engine::clock::Clock;
use crate::engine::commands::{Command, Reply};
use crate::engine::{self, Request};
use crate::store::{self, Store};
use crate::telemetry::metrics::Metrics;

/// As long as a check may take that waits for every source.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(330);

/// The engine responds at once; if it takes longer, it is blocked.
const STATUS_TIMEOUT: Duration = Duration::from_secs(3);

/// Whether a request of this connection was authorized. Such a connection is never closed to make room for another.
#[derive(Debug, Clone, Default)]
pub(super) struct Authorized(Arc<AtomicBool>);

impl Authorized {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub struct ServerConfig {
    /// On 127.0.0.1.
    pub port: u16,
    /// The folder of the database and the token.
    pub state_dir: PathBuf,
    pub clock: Clock,
    /// Commands for the engine.
    pub requests: mpsc::Sender<Request>,
    pub snapshots: watch::Receiver<Option<Status>>,
    pub metrics: Arc<Metrics>,
    /// The server stops when this is true or its sender is dropped.
    pub stop: watch::Receiver<bool>,
}

#[derive(Debug)]
pub(super) struct AppState {
    pub(super) config: ServerConfig,
    pub(super) rejections: RejectionLog,
    credentials: Mutex<Credentials>,
}

impl AppState {
    pub(super) fn new(config: ServerConfig, credentials: Credentials) -> Arc<Self> {
        Arc::new(Self { config, rejections: RejectionLog::default(), credentials: Mutex::new(credentials) })
    }

    /// The credentials and the system time: they expire by the system clock, even if the engine's clock is simulated.
    pub(super) fn with_credentials<T>(&self, run: impl FnOnce(&mut Credentials, Timestamp) -> T) -> T {
        run(&mut self.credentials.lock().unwrap_or_else(PoisonError::into_inner), Timestamp::now())
    }

    /// The last published snapshot.
    pub(super) fn status(&self) -> Option<Status> {
        self.config.snapshots.borrow().clone()
    }

    /// False after the engine's loop has ended.
    pub(super) fn engine_runs(&self) -> bool {
        self.config.snapshots.has_changed().is_ok()
    }

    /// By the engine's clock, in the user's time zone.
    pub(super) fn now(&self) -> ZonedDateTime {
        let zone = self.config.snapshots.borrow().as_ref().map_or_else(TimeZone::system, engine::user_time_zone);
        self.config.clock.now().to_zoned_datetime(zone)
    }

    /// The database for reading; an empty one in memory if the file does not exist yet.
    pub(super) fn open_store(&self) -> Result<Store, store::Error> {
        Store::open_read_only_live(&self.config.state_dir.join(store::FILE_NAME))?.map_or_else(Store::in_memory, Ok)
    }

    pub(super) async fn send_command(&self, command: Command) -> Reply {
        self.send_within(COMMAND_TIMEOUT, command).await
    }

    /// The engine's current status; the last snapshot if the engine does not respond.
    pub(super) async fn current_status(&self) -> Option<Status> {
        let reply = self.send_within(STATUS_TIMEOUT, Command::Status).await;
        serde_json::from_value(reply.body).ok().or_else(|| self.status())
    }

    async fn send_within(&self, timeout: Duration, command: Command) -> Reply {
        let (reply, response) = oneshot::channel();
        let exchange = async {
            self.config.requests.send(Request { command, reply }).await.ok()?;
            response.await.ok()
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(Some(reply)) => reply,
            Ok(None) => Reply::refused("The engine is stopping."),
            Err(_) => Reply::refused("The engine does not respond."),
        }
    }
}
