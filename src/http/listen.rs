//! Taking connections: how many there may be, and how long each may take.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::refusal::Refusal;
use super::routes;
use super::site::Site;
use super::standing::Standing;

/// So many connections at once; a browser takes six, and a process has 256 files on some systems.
const MOST: usize = 48;

/// A head must be there in so long; also how long a connection may rest between two requests.
const HEAD: Duration = Duration::from_secs(10);

/// Room for a head (bytes), and for its lines.
const LONGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

struct Connection {
    task: AbortHandle,
    standing: Standing,
}

/// Take connections for ever.
pub(super) async fn accept(listener: &TcpListener, site: &Arc<Site>) {
    let router = routes::router(Arc::clone(site));
    let mut open: VecDeque<Connection> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of file descriptors, most likely: others must give theirs back first.
            Err(error) => {
                tracing::warn!("The page cannot take a connection: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        open.retain(|connection| !connection.task.is_finished());
        if open.len() >= MOST {
            site.refusals.note(Refusal::Crowd);
            if !make_room(&mut open) {
                continue;
            }
        }
        let standing = Standing::default();
        let task = tokio::spawn(talk(stream, router.clone(), standing.clone())).abort_handle();
        open.push_back(Connection { task, standing });
    }
}

/// The oldest that waits without having shown a key goes first, then the oldest that has.
fn make_room(open: &mut VecDeque<Connection>) -> bool {
    let oldest = |even_trusted| open.iter().position(|connection| connection.standing.may_go(even_trusted));
    let place = oldest(false).or_else(|| oldest(true));
    let gone = place.and_then(|place| open.remove(place));
    gone.inspect(|connection| connection.task.abort()).is_some()
}

/// One connection, from its first request to its last.
async fn talk(stream: TcpStream, router: Router, standing: Standing) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.layer(Extension(standing))));
    // A client that breaks off, or that says what is no HTTP, has its answer already.
    let _ = served.await;
}
