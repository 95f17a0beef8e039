//! The page's thread: from the port and the token to the last answer.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::keys::Keys;
use super::site::{Parts, Site};
use super::{listen, token};
use crate::core::status::HttpState;

/// After the port was taken: try again.
const AGAIN: Duration = Duration::from_secs(10);

/// The page at work.
#[derive(Debug)]
pub struct Page {
    thread: JoinHandle<()>,
    state: watch::Receiver<HttpState>,
}

impl Page {
    /// How it does.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<HttpState> {
        self.state.clone()
    }

    /// Wait until it has ended, as it was told to.
    pub fn end(self) {
        // One that broke off has ended too; the log has why.
        let _ = self.thread.join();
    }
}

/// Serve the page on a thread of its own until it is told to stop. What keeps it from being served is told in its state, and it goes on
/// trying: nothing else depends on it.
///
/// # Errors
/// When the system gives no thread.
pub fn open(parts: Parts) -> io::Result<Page> {
    let ready = prepare(parts.port, &parts.state_dir);
    let (tell, state) = watch::channel(told(parts.port, &ready));
    let thread =
        thread::Builder::new().name("page".into()).spawn(
            move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(serve(parts, ready, &tell)),
                Err(error) => {
                    drop(tell.send_replace(told(parts.port, &Err(format!("there is no event loop: {error}")))))
                }
            },
        )?;
    Ok(Page { thread, state })
}

/// What a page needs before it can be served.
type Ready = (TcpListener, Keys);

fn prepare(port: u16, state_dir: &Path) -> Result<Ready, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} is taken by another program; end that, or set http.port to a free one")
        }
        _ => format!("port {port} cannot be had ({error}); set http.port to another one"),
    })?;
    let unwritten = |error| format!("{} cannot be written ({error})", token::path(state_dir).display());
    let token = token::read_or_make(state_dir).map_err(unwritten)?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    Ok((listener, Keys::new(&token, Timestamp::now())))
}

fn told(port: u16, ready: &Result<Ready, String>) -> HttpState {
    match ready {
        Ok(_) => HttpState { address: Some(format!("{}:{port}", Ipv4Addr::LOCALHOST)), error: None },
        Err(trouble) => HttpState { address: None, error: Some(trouble.clone()) },
    }
}

async fn serve(parts: Parts, ready: Result<Ready, String>, tell: &watch::Sender<HttpState>) {
    let mut stop = parts.stop.clone();
    let (listener, keys) = tokio::select! {
        served = until_ready(&parts, ready, tell) => served,
        // Whoever could tell it may be gone.
        _ = stop.wait_for(|stop| *stop) => return,
    };
    tracing::info!(
        "The dashboard is served on port {}: open it from the menu, or with `operator dashboard`",
        parts.port
    );
    listen::accept(listener, &Site::new(parts, keys)).await;
}

async fn until_ready(
    parts: &Parts,
    mut ready: Result<Ready, String>,
    tell: &watch::Sender<HttpState>,
) -> (tokio::net::TcpListener, Keys) {
    loop {
        let served = ready.and_then(|(listener, keys)| {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
            Ok((listener, keys))
        });
        match served {
            Ok(served) => return served,
            Err(trouble) => tracing::warn!("The dashboard is not served: {trouble}"),
        }
        loop {
            tokio::time::sleep(AGAIN).await;
            ready = prepare(parts.port, &parts.state_dir);
            let state = told(parts.port, &ready);
            tell.send_if_modified(|known| std::mem::replace(known, state.clone()) != state);
            if ready.is_ok() {
                break;
            }
        }
    }
}
