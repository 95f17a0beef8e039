//! The engine at work behind any front: its socket, its signals, its configuration's file.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::app::exit::Failure;
use crate::app::load::AppContext;
use crate::app::reload::configuration;
use crate::core::status::{HttpState, Status};
use crate::engine::clock::Clock;
use crate::engine::control::ControlSocket;
use crate::engine::{self, Engine, Request, footprint};
use crate::http::{self, Page};
use crate::sys::lock::InstanceLock;

/// An engine that is ready to run, with what it needs until it has stopped.
pub(crate) struct Service {
    engine: Engine,
    page: Option<Page>,
    /// Released when the engine has stopped.
    lock: Option<InstanceLock>,
    requests: mpsc::Sender<Request>,
    inbox: mpsc::Receiver<Request>,
    snapshots: watch::Sender<Option<Status>>,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
}

impl Service {
    /// Take the lock, open the database and put the engine together.
    ///
    /// # Errors
    /// When another instance runs, or the database cannot be opened.
    pub(crate) fn prepare(context: &AppContext, dry_run: bool) -> Result<Self, Failure> {
        Self::prepare_by(Clock::system(), context, dry_run)
    }

    /// The same, by another clock.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn prepare_by(clock: Clock, context: &AppContext, dry_run: bool) -> Result<Self, Failure> {
        footprint::share_one_heap();
        // A dry run decides on a copy in memory: it leaves no trace, and may run beside the real one.
        let (lock, (store, warnings)) = if dry_run {
            (None, (context.for_dry_run(true)?, Vec::new()))
        } else {
            (Some(context.lock()?), context.writable(clock.now())?)
        };
        let mut engine = context.engine(store, clock.clone(), dry_run, warnings)?;
        let (requests, inbox) = mpsc::channel(16);
        let (snapshots, _) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        // A dry run leaves no trace and may run beside the real one: it has no page.
        let page = context.config.http.enabled.then_some(lock.as_ref()).flatten().and_then(|_| {
            open_page(http::Parts {
                port: context.config.http.port,
                state_dir: context.state_dir.clone(),
                clock,
                requests: requests.clone(),
                snapshots: snapshots.subscribe(),
                metrics: engine.metrics(),
                stop: stopped.clone(),
            })
        });
        if let Some(page) = &page {
            engine.tell_of(page.state());
        }
        Ok(Self { engine, page, lock, requests, inbox, snapshots, stop, stopped })
    }

    /// Where commands go.
    pub(crate) fn requests(&self) -> mpsc::Sender<Request> {
        self.requests.clone()
    }

    /// What is published.
    pub(crate) fn snapshots(&self) -> watch::Receiver<Option<Status>> {
        self.snapshots.subscribe()
    }

    /// Tells the engine to stop.
    pub(crate) fn stopper(&self) -> watch::Sender<bool> {
        self.stop.clone()
    }

    /// Run until it is told to stop, by us or by SIGTERM or SIGINT; the check under way is finished first.
    ///
    /// # Errors
    /// When signals cannot be listened to.
    pub(crate) async fn run(self, context: &AppContext) -> Result<(), Failure> {
        let (tell, changes) = mpsc::channel(1);
        let watcher = context.blueprint().map(|blueprint| tokio::spawn(configuration(blueprint, tell)));
        let socket = self.lock.as_ref().and_then(|_| open_socket(context, self.requests.clone()));
        listen_for_signals(self.stop)?;
        engine::run(self.engine, self.inbox, changes, self.snapshots, self.stopped).await;
        if let Some(watcher) = watcher {
            watcher.abort();
        }
        if let Some(socket) = socket {
            socket.abort();
            // The file goes with the task.
            let _ = socket.await;
        }
        if let Some(page) = self.page {
            page.end();
        }
        Ok(())
    }

    /// How the page does; none where there is none.
    pub(crate) fn page(&self) -> Option<HttpState> {
        self.page.as_ref().map(|page| page.state().borrow().clone())
    }
}

fn open_page(parts: http::Parts) -> Option<Page> {
    let opened = http::open(parts);
    opened.inspect_err(|error| tracing::warn!("The dashboard cannot be served: {error}")).ok()
}

/// Once everything has ended, how long a file that never answers may keep the process.
pub(crate) const FAREWELL: Duration = Duration::from_millis(500);

/// Say once that it runs.
pub(crate) fn announce(context: &AppContext, front: &str) {
    tracing::info!(
        "Operator {} runs {front} (PID {}, state in {})",
        env!("CARGO_PKG_VERSION"),
        std::process::id(),
        context.state_dir.display()
    );
}

fn open_socket(context: &AppContext, requests: mpsc::Sender<Request>) -> Option<JoinHandle<()>> {
    match ControlSocket::bind(&context.state_dir) {
        Ok(socket) => Some(tokio::spawn(socket.serve(requests))),
        Err(error) => {
            tracing::warn!("Commands cannot reach this engine: {}: {error}", context.state_dir.display());
            None
        }
    }
}

fn listen_for_signals(stop: watch::Sender<bool>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Other(format!("cannot listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!("{name}: stopping");
        // The engine has stopped by itself if nobody listens.
        let _ = stop.send(true);
    });
    Ok(())
}
