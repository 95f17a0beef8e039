//! Talking to a web server that takes messages: one client for all, with patience, limits and words for every failure.

use std::error::Error;
use std::net::{IpAddr, UdpSocket};
use std::sync::OnceLock;
use std::time::Duration;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};
use tokio::time::{Instant, timeout_at};

use crate::alerters::{Failure, FailureKind};
use crate::net::tls;

/// A longer answer (bytes) is not read to its end.
const LONGEST_ANSWER: usize = 1_000_000;

/// The longest that a connection may take to come about. Less than the patience for a whole try, so that a server that cannot
/// be reached is told from one that has the message and does not answer.
const CONNECT: Duration = Duration::from_secs(8);

/// No pause that a server asks for is taken for longer.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// What a server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// How long it wants to be left alone.
    pub(crate) retry_after: Option<SignedDuration>,
}

impl Answer {
    /// What follows from a status that is no success; none when the answer would be the same the next time. `is_sure` when the
    /// server itself says that it did nothing: one that breaks while it has a message may have passed it on.
    pub(crate) fn passing(&self, is_sure: bool) -> Option<FailureKind> {
        match self.status.as_u16() {
            // TaskIdentities to wait, that the same message is being worked on, or that there is no room for it.
            408 | 409 | 425 | 429 | 503 | 507 => Some(FailureKind::Retryable { retry_after: self.retry_after }),
            500.. if is_sure => Some(FailureKind::Retryable { retry_after: self.retry_after }),
            500.. => Some(FailureKind::Unconfirmed),
            _ => None,
        }
    }
}

/// The client of all that talks to web servers: made when it is first needed and kept: a connection that is open is
/// used again.
#[derive(Debug, Default)]
pub struct HttpClient {
    client: OnceLock<Client>,
}

impl HttpClient {
    /// The client.
    ///
    /// # Errors
    /// When the system gives no certificates to trust.
    pub(crate) fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        tls::install();
        let client = Client::builder()
            // A redirect could carry a secret to another host.
            .redirect(redirect::Policy::none())
            // Nothing has been sent yet when this is over: better than doubt.
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("operator/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::retryable(format!("cannot set up HTTPS: {}", deepest(&error.without_url()))))?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Send, and read the answer, all within `patience`. Secrets in the address stay out of every failure.
///
/// # Errors
/// `Offline` or `Later` when nothing was sent, `Unsure` when it may have been.
pub(crate) async fn exchange(request: RequestBuilder, url: &Url, patience: Duration) -> Result<Answer, Failure> {
    let deadline = Instant::now() + patience;
    let late = |_| {
        let what = format!("no answer within {} s ({})", patience.as_secs_f32(), place(url));
        Failure::new(FailureKind::Unconfirmed, what)
    };
    let sent = timeout_at(deadline, request.send()).await.map_err(late)?;
    let mut response = sent.map_err(|error| unsent(error, url))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let retry_after = retry_after(&headers, Timestamp::now());
    let mut body = Vec::new();
    // What became of the message stands in the status: it holds, however little of the rest comes through.
    let _ = timeout_at(deadline, read(&mut response, &mut body)).await;
    Ok(Answer { status, headers, body, retry_after })
}

async fn read(response: &mut Response, body: &mut Vec<u8>) {
    while let Ok(Some(piece)) = response.chunk().await {
        if body.len() + piece.len() > LONGEST_ANSWER {
            break;
        }
        body.extend_from_slice(&piece);
    }
}

/// `Retry-After`: seconds or an HTTP date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match asked.parse() {
        Ok(seconds) => SignedDuration::from_secs(seconds),
        Err(_) => rfc2822::parse(asked).ok()?.timestamp().duration_since(now),
    };
    Some(bounded(pause))
}

/// A pause as a server asks for it, within reason.
pub(crate) fn bounded(pause: SignedDuration) -> SignedDuration {
    pause.clamp(SignedDuration::ZERO, LONGEST_PAUSE)
}

/// A connection that never came about sent nothing; anything later may have arrived.
fn unsent(error: reqwest::Error, url: &Url) -> Failure {
    let kind = match error.is_connect() {
        false => FailureKind::Unconfirmed,
        true if is_local(url) || has_network() => FailureKind::Retryable { retry_after: None },
        true => FailureKind::Offline,
    };
    Failure::new(kind, format!("{} ({})", deepest(&error.without_url()), place(url)))
}

/// What is at the bottom of an error.
pub(crate) fn deepest(error: &dyn Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// The server's name and port: all of an address that is safe to show.
pub(crate) fn place(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

fn is_local(url: &Url) -> bool {
    is_this_machine(url.host_str().unwrap_or_default().trim_matches(['[', ']']))
}

/// A server on this machine needs no network.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether there is a route to the rest of the world. Asks the system only: connecting a datagram socket sends nothing.
pub(crate) fn has_network() -> bool {
    let routed = |from: &str, to: &str| UdpSocket::bind(from).and_then(|socket| socket.connect(to)).is_ok();
    routed("0.0.0.0:0", "1.1.1.1:53") || routed("[::]:0", "[2606:4700:4700::1111]:53")
}
