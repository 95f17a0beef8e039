//! Taking connections: how many there may be, and how long each may take.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

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

/// Answers under way may take so long when Operator stops.
const FAREWELL: Duration = Duration::from_millis(500);

struct Connection {
    task: JoinHandle<()>,
    standing: Standing,
}

/// Take connections until told to stop.
pub(super) async fn accept(listener: TcpListener, site: &Arc<Site>) {
    let router = routes::router(Arc::clone(site));
    let mut open: VecDeque<Connection> = VecDeque::new();
    let mut stop = site.stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Whoever could tell it may be gone.
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
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
        let task = tokio::spawn(talk(stream, router.clone(), standing.clone(), Arc::clone(site)));
        open.push_back(Connection { task, standing });
        // However fast they come: those that are here are heard, and those that were closed are gone, before the next.
        tokio::task::yield_now().await;
    }
    drop(listener);
    let answered = async {
        for connection in open {
            // One that was closed has ended too.
            let _ = connection.task.await;
        }
    };
    // What takes longer is broken off with the event loop.
    let _ = tokio::time::timeout(FAREWELL, answered).await;
}

/// The oldest that waits without having shown a key goes first, then the oldest that has.
fn make_room(open: &mut VecDeque<Connection>) -> bool {
    let oldest = |even_trusted| open.iter().position(|connection| connection.standing.may_go(even_trusted));
    let place = oldest(false).or_else(|| oldest(true));
    let gone = place.and_then(|place| open.remove(place));
    gone.inspect(|connection| connection.task.abort()).is_some()
}

/// One connection, from its first request to its last.
async fn talk(stream: TcpStream, router: Router, standing: Standing, site: Arc<Site>) {
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.layer(Extension(standing))));
    let mut stop = site.stop.clone();
    let ended = tokio::select! {
        served = &mut connection => Some(served),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    let served = match ended {
        Some(served) => served,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let began = !connection.into_parts().read_buf.is_empty();
    if let Some(refusal) = served.err().and_then(|error| refusal(&error, began)) {
        site.refusals.note(refusal);
    }
}

/// Why hyper ended a connection by itself. Its client has the answer already, or has broken off; and one that rests may be closed.
fn refusal(error: &hyper::Error, began: bool) -> Option<Refusal> {
    if error.is_parse_too_large() {
        Some(Refusal::Head)
    } else if error.is_parse() {
        Some(Refusal::Garbled)
    } else {
        (error.is_timeout() && began).then_some(Refusal::Slow)
    }
}
