//! Where Oura sends the browser back to: a listener on this machine, for one answer.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::callback::{Answer, Judged, State, judge};

/// A head must be there in so long, and is no longer than this (bytes).
const HEAD: Duration = Duration::from_secs(10);
const LONGEST_HEAD: usize = 16 * 1024;

/// So many connections at once; a browser opens a few.
const MOST: usize = 32;

/// How long the browser may take to fetch its last page.
const FAREWELL: Duration = Duration::from_secs(2);

/// The listener.
#[derive(Debug)]
pub(super) struct Door {
    listeners: Vec<TcpListener>,
    /// An address of `localhost` that somebody else has.
    pub(super) taken: Option<SocketAddr>,
}

/// Whoever brought the answer, and waits to see what comes of it.
pub(super) struct Visitor {
    pub(super) answer: Answer,
    page: oneshot::Sender<(StatusCode, String)>,
    connections: JoinSet<()>,
}

impl Door {
    /// Listen on both addresses of `localhost`: browsers choose either.
    ///
    /// # Errors
    /// In words, when neither can be had.
    pub(super) async fn open(port: u16) -> Result<Self, String> {
        let addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
        let (mut listeners, mut failures) = (Vec::new(), Vec::new());
        for address in addresses {
            match TcpListener::bind(address).await {
                Ok(listener) => listeners.push(listener),
                Err(error) => failures.push((address, error)),
            }
        }
        if listeners.is_empty() {
            return Err(occupied(port, &failures));
        }
        let taken = failures.iter().find(|(_, error)| error.kind() == ErrorKind::AddrInUse);
        Ok(Self { listeners, taken: taken.map(|(address, _)| *address) })
    }

    /// Wait for the browser that brings an answer with this state. Whatever else comes is refused, and the wait goes on.
    pub(super) async fn answer(self, state: State) -> Visitor {
        let (bring, mut brought) = mpsc::channel(1);
        let desk = Arc::new(Desk { state, bring: Mutex::new(Some(bring)) });
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            tokio::select! {
                Some((answer, page)) = brought.recv() => return Visitor { answer, page, connections },
                stream = accept(&self.listeners) => {
                    if connections.len() < MOST {
                        connections.spawn(talk(stream, Arc::clone(&desk)));
                    }
                }
            }
        }
    }
}

impl Visitor {
    /// Show what came of it, and wait until it is there.
    pub(super) async fn show(mut self, went_well: bool, words: &str) {
        let status = if went_well { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        // Whoever closed the window does not want to see it.
        let _ = self.page.send((status, words.to_owned()));
        let seen = async { while self.connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL, seen).await;
    }
}

fn occupied(port: u16, failures: &[(SocketAddr, io::Error)]) -> String {
    let said: Vec<String> = failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    format!(
        "port {port} of this machine is needed for Oura's answer and cannot be had ({}): end the program that has it, perhaps another \
         `operator connect oura`, or set sources.oura.redirect_port and the application's redirect to another",
        said.join("; ")
    )
}

/// The next connection at any of them.
async fn accept(listeners: &[TcpListener]) -> TcpStream {
    loop {
        let next = listeners.iter().map(|listener| Box::pin(listener.accept()));
        match futures_util::future::select_all(next).await.0 {
            Ok((stream, _)) => return stream,
            // Out of file descriptors, most likely: others must give theirs back first.
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

type Brought = (Answer, oneshot::Sender<(StatusCode, String)>);

struct Desk {
    state: State,
    /// Taken by the first answer.
    bring: Mutex<Option<mpsc::Sender<Brought>>>,
}

async fn talk(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.serve(&request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever breaks off has no answer to get.
    let _ = served.await;
}

impl Desk {
    async fn serve(&self, request: &Request<Incoming>) -> Response<String> {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let answer = match judge(request.method() == Method::GET, target, &self.state) {
            Judged::Answer(answer) => answer,
            Judged::Refused(status, words) => return page(status, words),
        };
        let bring = self.bring.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (show, shown) = oneshot::channel();
        let brought = match bring {
            Some(bring) => bring.send((answer, show)).await.is_ok(),
            None => false,
        };
        if !brought {
            return page(StatusCode::GONE, "This answer was given already.");
        }
        let (status, words) = shown.await.unwrap_or((StatusCode::BAD_REQUEST, "Operator has ended.".into()));
        page(status, &words)
    }
}

/// A page with nothing on it but words, for this browser alone.
fn page(status: StatusCode, words: &str) -> Response<String> {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Operator and Oura</title>\
         <body style=\"font: 1.2em system-ui; margin: 4em auto; max-width: 32em\"><p>{words}</p></body></html>\n"
    );
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, hyper::header::HeaderValue::from_static(value));
    }
    response
}
