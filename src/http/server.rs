//! The server thread: it binds the port, loads the token, and serves until it is stopped.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::auth::credentials::Credentials;
use super::auth::token;
use super::connections;
use super::state::{AppState, ServerConfig};
use crate::core::status::HttpState;

/// Between two attempts to bind the port.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A running server thread.
#[derive(Debug)]
pub struct Server {
    thread: JoinHandle<()>,
    state: watch::Receiver<HttpState>,
}

impl Server {
    /// Start the thread. While the port or the token is unavailable, `state` says why and the thread retries.
    pub fn start(config: ServerConfig) -> io::Result<Self> {
        let bound = bind(&config);
        let (publish, state) = watch::channel(http_state(config.port, &bound));
        let run = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(serve(config, bound, &publish)),
            Err(error) => {
                let error = Some(format!("cannot create an event loop: {error}"));
                publish.send_replace(HttpState { address: None, error });
            }
        };
        Ok(Self { thread: thread::Builder::new().name("http".into()).spawn(run)?, state })
    }

    #[must_use]
    pub fn state(&self) -> watch::Receiver<HttpState> {
        self.state.clone()
    }

    /// Wait until the thread has ended after `ServerConfig::stop`.
    pub fn join(self) {
        // After a panic it has ended too; the panic is in the log.
        let _ = self.thread.join();
    }
}

type Bound = (TcpListener, Credentials);

fn bind(config: &ServerConfig) -> Result<Bound, String> {
    let port = config.port;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} is in use: stop the program that uses it, or set http.port to a free port")
        }
        _ => format!("port {port} is unavailable ({error}): set http.port to another port"),
    })?;
    let token = token::load_or_create(&config.state_dir)
        .map_err(|error| format!("cannot write {} ({error})", token::path(&config.state_dir).display()))?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    Ok((listener, Credentials::new(&token, Timestamp::now())))
}

fn http_state(port: u16, bound: &Result<Bound, String>) -> HttpState {
    match bound {
        Ok(_) => HttpState { address: Some(format!("{}:{port}", Ipv4Addr::LOCALHOST)), error: None },
        Err(error) => HttpState { address: None, error: Some(error.clone()) },
    }
}

async fn serve(config: ServerConfig, bound: Result<Bound, String>, publish: &watch::Sender<HttpState>) {
    let mut stop = config.stop.clone();
    let (listener, credentials) = tokio::select! {
        bound = bind_until_success(&config, bound, publish) => bound,
        // An error means that the sender is gone, which stops the server too.
        _ = stop.wait_for(|stop| *stop) => return,
    };
    tracing::info!(port = config.port, "dashboard available: open it from the menu or with `operator dashboard`");
    connections::accept(listener, &AppState::new(config, credentials)).await;
}

async fn bind_until_success(
    config: &ServerConfig,
    mut bound: Result<Bound, String>,
    publish: &watch::Sender<HttpState>,
) -> (tokio::net::TcpListener, Credentials) {
    let mut logged = None;
    loop {
        let registered = bound.and_then(|(listener, credentials)| {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
            Ok((listener, credentials))
        });
        let error = match registered {
            Ok(registered) => return registered,
            Err(error) => Some(error),
        };
        if logged != error {
            tracing::warn!(error = error.as_deref(), "HTTP server unavailable");
            logged = error;
        }
        tokio::time::sleep(RETRY_AFTER).await;
        bound = bind(config);
        let state = http_state(config.port, &bound);
        publish.send_if_modified(|known| std::mem::replace(known, state.clone()) != state);
    }
}
