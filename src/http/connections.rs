//! Accepts connections: how many may be open, and how long a request head may take.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::auth::rejection::Rejection;
use super::routes;
use super::state::{AppState, Authorized};

/// A browser opens six; a process has 256 files on macOS.
const MAX_CONNECTIONS: usize = 48;

/// For a whole head, and between two requests of one connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// For responses in flight when Operator stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

/// After a failed accept: most likely no file descriptors are left, and other connections must close first.
const ACCEPT_RETRY_AFTER: Duration = Duration::from_secs(1);

struct Connection {
    task: AbortHandle,
    authorized: Authorized,
}

/// Accept connections until `AppState::stop`.
pub(super) async fn accept(listener: TcpListener, state: &Arc<AppState>) {
    let router = routes::router(Arc::clone(state));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    let shutdown = GracefulShutdown::new();
    let mut open: VecDeque<Connection> = VecDeque::new();
    let mut stop = state.config.stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // An error means that the sender is gone, which stops the server too.
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY_AFTER).await;
                continue;
            }
        };
        open.retain(|connection| !connection.task.is_finished());
        if open.len() >= MAX_CONNECTIONS {
            state.rejections.record(Rejection::TooManyConnections);
            if !close_oldest_unauthorized(&mut open) {
                continue;
            }
        }
        let authorized = Authorized::default();
        let service = TowerToHyperService::new(router.clone().layer(Extension(authorized.clone())));
        let connection = shutdown.watch(http.serve_connection(TokioIo::new(stream), service));
        let state = Arc::clone(state);
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await
                && let Some(rejection) = rejection_from(&error)
            {
                state.rejections.record(rejection);
            }
        });
        open.push_back(Connection { task: task.abort_handle(), authorized });
        // Under a flood of new connections, the open ones must run and the aborted ones must end.
        tokio::task::yield_now().await;
    }
    drop(listener);
    // The end of the runtime aborts the rest.
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, shutdown.shutdown()).await;
}

fn close_oldest_unauthorized(open: &mut VecDeque<Connection>) -> bool {
    let oldest = open.iter().position(|connection| !connection.authorized.is_set());
    let closed = oldest.and_then(|index| open.remove(index));
    closed.inspect(|connection| connection.task.abort()).is_some()
}

/// Why hyper ended a connection. A timeout is no rejection: browsers open connections ahead and leave them idle.
fn rejection_from(error: &hyper::Error) -> Option<Rejection> {
    if error.is_parse_too_large() {
        Some(Rejection::HeadersTooLarge)
    } else {
        error.is_parse().then_some(Rejection::BadRequest)
    }
}
