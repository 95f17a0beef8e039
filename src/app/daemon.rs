//! The resident program: takes the lock, opens the database, builds the engine and runs it, headless or behind the tray.

use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::app::exit;
use crate::app::load::{AppContext, environment};
use crate::app::reload;
use crate::app::runtime::Runtime;
use crate::core::status::{HttpState, Status};
use crate::engine::clock::Clock;
use crate::engine::control::ControlSocket;
use crate::engine::{self, Engine, EngineHandle, Request};
use crate::http::{Server, ServerConfig};
use crate::sys::lock::InstanceLock;
use crate::tray::{self, TrayContext};

/// After the engine has stopped, a blocked file read may delay the end of the process this long.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

/// Run without a user interface until SIGTERM or SIGINT.
pub fn run_headless(context: &AppContext, dry_run: bool) -> Result<ExitCode, exit::Error> {
    let daemon = Daemon::prepare(context, Clock::system(), dry_run)?;
    log_start(context, "headless");
    daemon.run_to_end(context)
}

/// Run headless with another clock. `on_ready` gets the state of the HTTP server before the engine starts.
pub fn run_headless_at(
    context: &AppContext,
    clock: Clock,
    on_ready: impl FnOnce(&HttpState),
) -> Result<ExitCode, exit::Error> {
    let daemon = Daemon::prepare(context, clock, false)?;
    on_ready(&daemon.server_state());
    daemon.run_to_end(context)
}

/// Run behind the menu bar or tray item. Without a tray: headless, or an error if the tray is `required`.
pub fn run_in_tray(context: AppContext, dry_run: bool, required: bool) -> Result<ExitCode, exit::Error> {
    if !dry_run {
        // A running instance is the more useful error, so it comes before a missing tray.
        drop(context.acquire_lock()?);
    }
    match tray::check_tray_available(environment) {
        Ok(()) => {}
        Err(reason) if required => return Err(exit::Error::NoTray(format!("{reason}; run it with --headless"))),
        Err(reason) => {
            tracing::info!("{reason}: running headless");
            return run_headless(&context, dry_run);
        }
    }
    let context = Arc::new(context);
    let daemon = Daemon::prepare(&context, Clock::system(), dry_run)?;
    let tray_context = TrayContext {
        engine: daemon.handle(),
        config_path: context.config_path.clone(),
        named_config: context.named_config().map(Into::into),
        state_dir: context.state_dir.clone(),
        session_root: context.session_root(),
    };
    let mut engine = None;
    let start_engine = || {
        log_start(&context, "in the tray");
        engine = Some(daemon.spawn(Arc::clone(&context)));
    };
    tray::run(tray_context, start_engine).map_err(exit::Error::NoTray)?;
    let crashed = || exit::Error::Other("the engine stopped unexpectedly; please report this with the log".into());
    let thread = engine.ok_or_else(crashed)??;
    thread.join().map_err(|_| crashed())??;
    Ok(ExitCode::SUCCESS)
}

/// An engine that is ready to run, with everything it needs until it has stopped.
struct Daemon {
    engine: Engine,
    server: Option<Server>,
    /// Held until the engine has stopped. A dry run has none.
    lock: Option<InstanceLock>,
    handle: EngineHandle,
    requests: mpsc::Receiver<Request>,
    snapshots: watch::Sender<Option<Status>>,
    stop: watch::Receiver<bool>,
}

impl Daemon {
    fn prepare(context: &AppContext, clock: Clock, dry_run: bool) -> Result<Self, exit::Error> {
        // A dry run decides on a copy in memory: it leaves no trace and may run beside the real engine.
        let (lock, (store, warnings)) = if dry_run {
            (None, (context.open_dry_run_store(true)?, Vec::new()))
        } else {
            (Some(context.acquire_lock()?), context.open_store(clock.now())?)
        };
        let mut engine = context.build_engine(store, clock.clone(), dry_run, warnings)?;
        let (request_sender, requests) = mpsc::channel(16);
        let (snapshots, snapshot_receiver) = watch::channel(None);
        let (stop_sender, stop) = watch::channel(false);
        let handle = EngineHandle { requests: request_sender, snapshots: snapshot_receiver, stop: stop_sender };
        let server = if context.config.http.enabled && !dry_run {
            start_server(ServerConfig {
                port: context.config.http.port,
                state_dir: context.state_dir.clone(),
                clock,
                requests: handle.requests.clone(),
                snapshots: handle.snapshots.clone(),
                metrics: engine.metrics(),
                stop: stop.clone(),
            })
        } else {
            None
        };
        if let Some(server) = &server {
            engine.set_http_state(server.state());
        }
        Ok(Self { engine, server, lock, handle, requests, snapshots, stop })
    }

    fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    fn server_state(&self) -> HttpState {
        self.server.as_ref().map(|server| server.state().borrow().clone()).unwrap_or_default()
    }

    fn run_to_end(self, context: &AppContext) -> Result<ExitCode, exit::Error> {
        let runtime = Runtime::new()?;
        runtime.block_on(self.run(context))?;
        // The engine has already waited for a token refresh in flight.
        runtime.shutdown_within(RUNTIME_SHUTDOWN_TIMEOUT, RUNTIME_SHUTDOWN_TIMEOUT);
        Ok(ExitCode::SUCCESS)
    }

    /// Run on a thread of its own. The snapshot channel closes when the engine has stopped, even after a panic.
    fn spawn(self, context: Arc<AppContext>) -> Result<JoinHandle<Result<ExitCode, exit::Error>>, exit::Error> {
        let failed = |error| exit::Error::Other(format!("cannot start the engine thread: {error}"));
        thread::Builder::new().name("engine".into()).spawn(move || self.run_to_end(&context)).map_err(failed)
    }

    /// Run until a stop through the handle, SIGTERM or SIGINT. A check under way is finished first.
    async fn run(self, context: &AppContext) -> Result<(), exit::Error> {
        let (changes, config_updates) = mpsc::channel(1);
        let watcher = context.config_source().map(|source| tokio::spawn(reload::watch_config(source, changes)));
        let socket = self.lock.as_ref().and_then(|_| open_socket(context, self.handle.requests.clone()));
        stop_on_signals(self.handle.stop)?;
        engine::run(self.engine, self.requests, config_updates, self.snapshots, self.stop).await;
        if let Some(watcher) = watcher {
            watcher.abort();
        }
        if let Some(socket) = socket {
            // The task owns the socket file and removes it.
            socket.abort();
            let _ = socket.await;
        }
        if let Some(server) = self.server {
            server.join();
        }
        Ok(())
    }
}

fn start_server(config: ServerConfig) -> Option<Server> {
    Server::start(config).inspect_err(|error| tracing::warn!(%error, "HTTP server cannot start")).ok()
}

fn open_socket(context: &AppContext, requests: mpsc::Sender<Request>) -> Option<tokio::task::JoinHandle<()>> {
    match ControlSocket::bind(&context.state_dir) {
        Ok(socket) => Some(tokio::spawn(socket.serve(requests))),
        Err(error) => {
            tracing::warn!(state_dir = %context.state_dir.display(), %error, "control socket cannot be opened");
            None
        }
    }
}

fn log_start(context: &AppContext, mode: &str) {
    tracing::info!(
        "Operator {} runs {mode} (PID {}, state in {})",
        env!("CARGO_PKG_VERSION"),
        std::process::id(),
        context.state_dir.display()
    );
}

fn stop_on_signals(stop: watch::Sender<bool>) -> Result<(), exit::Error> {
    let failed = |error: std::io::Error| exit::Error::Other(format!("cannot listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!("{name}: stopping");
        // Fails only if the engine has already stopped.
        let _ = stop.send(true);
    });
    Ok(())
}
