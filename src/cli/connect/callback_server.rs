//! The local server that receives the OAuth redirect, once.

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

use super::callback::{Callback, CallbackResult, State, parse_callback};

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// A browser opens a few.
const MAX_CONNECTIONS: usize = 32;

/// Time for the browser to fetch the last page.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct CallbackServer {
    listeners: Vec<TcpListener>,
    /// An address of `localhost` that another program uses.
    pub(super) taken: Option<SocketAddr>,
}

/// A browser whose redirect was accepted and which waits for the result.
pub(super) struct PendingBrowser {
    pub(super) callback: Callback,
    page: oneshot::Sender<(StatusCode, String)>,
    connections: JoinSet<()>,
}

impl CallbackServer {
    /// Listen on both addresses of `localhost`: browsers use either.
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
            return Err(port_in_use(port, &failures));
        }
        let taken = failures.iter().find(|(_, error)| error.kind() == ErrorKind::AddrInUse);
        Ok(Self { listeners, taken: taken.map(|(address, _)| *address) })
    }

    /// Wait for a redirect with this state. Other requests are rejected, and the wait goes on.
    pub(super) async fn wait(self, state: State) -> PendingBrowser {
        let (sender, mut accepted) = mpsc::channel(1);
        let handler = Arc::new(CallbackHandler { state, sender: Mutex::new(Some(sender)) });
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            tokio::select! {
                Some((callback, page)) = accepted.recv() => return PendingBrowser { callback, page, connections },
                stream = accept(&self.listeners) => {
                    if connections.len() < MAX_CONNECTIONS {
                        connections.spawn(serve_connection(stream, Arc::clone(&handler)));
                    }
                }
            }
        }
    }
}

impl PendingBrowser {
    /// Show the result, and wait until the browser has fetched it.
    pub(super) async fn show(mut self, ok: bool, message: &str) {
        let status = if ok { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        // The user may have closed the window.
        let _ = self.page.send((status, message.to_owned()));
        let fetched = async { while self.connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, fetched).await;
    }
}

fn port_in_use(port: u16, failures: &[(SocketAddr, io::Error)]) -> String {
    let errors: Vec<String> = failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    format!(
        "port {port} is needed for Oura's redirect and is not free ({}): end the program that uses it, perhaps another \
         `operator connect oura`, or set sources.oura.redirect_port and the application's redirect to another port",
        errors.join("; ")
    )
}

async fn accept(listeners: &[TcpListener]) -> TcpStream {
    loop {
        let next = listeners.iter().map(|listener| Box::pin(listener.accept()));
        match futures_util::future::select_all(next).await.0 {
            Ok((stream, _)) => return stream,
            // Probably out of file descriptors: wait until some are free.
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

type Accepted = (Callback, oneshot::Sender<(StatusCode, String)>);

struct CallbackHandler {
    state: State,
    /// The first accepted redirect takes it.
    sender: Mutex<Option<mpsc::Sender<Accepted>>>,
}

async fn serve_connection(stream: TcpStream, handler: Arc<CallbackHandler>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.serve(&request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // An aborted connection needs no response.
    let _ = served.await;
}

impl CallbackHandler {
    async fn serve(&self, request: &Request<Incoming>) -> Response<String> {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let callback = match parse_callback(request.method() == Method::GET, target, &self.state) {
            CallbackResult::Accepted(callback) => callback,
            CallbackResult::Rejected(status, message) => return page(status, message),
        };
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (show, shown) = oneshot::channel();
        let is_first = match sender {
            Some(sender) => sender.send((callback, show)).await.is_ok(),
            None => false,
        };
        if !is_first {
            return page(StatusCode::GONE, "This redirect was used already.");
        }
        let (status, message) = shown.await.unwrap_or((StatusCode::BAD_REQUEST, "Operator has ended.".into()));
        page(status, &message)
    }
}

/// A page with one message and no external content.
fn page(status: StatusCode, message: &str) -> Response<String> {
    let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Operator and Oura</title>\
         <body style=\"font: 1.2em system-ui; margin: 4em auto; max-width: 32em\"><p>{message}</p></body></html>\n"
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
