//! Without a screen: the engine on this thread until a signal ends it.

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::sync::watch as snapshot;
use tokio::task::JoinHandle;

use crate::app::exit::Failure;
use crate::app::house::{House, runtime};
use crate::app::watch;
use crate::engine::clock::Clock;
use crate::engine::control::ControlSocket;
use crate::engine::{self, Engine, Request};

/// Run until SIGTERM or SIGINT; the check under way is finished first.
///
/// # Errors
/// When another instance runs, or the database cannot be opened.
pub fn run(house: &House, dry_run: bool) -> Result<ExitCode, Failure> {
    let clock = Clock::system();
    // A dry run decides on a copy in memory: it leaves no trace, and may run beside the real one.
    let (_lock, (store, warnings)) = if dry_run {
        (None, (house.for_dry_run(true)?, Vec::new()))
    } else {
        (Some(house.lock()?), house.writable(clock.now())?)
    };
    let engine = house.engine(store, clock, dry_run, warnings)?;
    tracing::info!(
        "Operator {} runs headless (PID {}, state in {})",
        env!("CARGO_PKG_VERSION"),
        std::process::id(),
        house.state_dir.display()
    );
    let runtime = runtime()?;
    runtime.block_on(serve(engine, house, dry_run))?;
    runtime.shutdown_timeout(Duration::from_millis(500));
    Ok(ExitCode::SUCCESS)
}

async fn serve(engine: Engine, house: &House, dry_run: bool) -> Result<(), Failure> {
    let (requests, inbox) = mpsc::channel(16);
    let (tell, changes) = mpsc::channel(1);
    let watch = house.blueprint().map(|blueprint| tokio::spawn(watch::configuration(blueprint, tell)));
    let (snapshots, _) = snapshot::channel(None);
    let (stop, stopped) = snapshot::channel(false);
    let socket = if dry_run { None } else { open_socket(house, requests.clone()) };
    listen_for_signals(stop)?;
    engine::run(engine, inbox, changes, snapshots, stopped).await;
    if let Some(watch) = watch {
        watch.abort();
    }
    if let Some(socket) = socket {
        socket.abort();
        // The file goes with the task.
        let _ = socket.await;
    }
    Ok(())
}

fn open_socket(house: &House, requests: mpsc::Sender<Request>) -> Option<JoinHandle<()>> {
    match ControlSocket::bind(&house.state_dir) {
        Ok(socket) => Some(tokio::spawn(socket.serve(requests))),
        Err(error) => {
            tracing::warn!("Commands cannot reach this engine: {}: {error}", house.state_dir.display());
            None
        }
    }
}

fn listen_for_signals(stop: snapshot::Sender<bool>) -> Result<(), Failure> {
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
