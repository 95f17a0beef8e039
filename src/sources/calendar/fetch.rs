//! One question to a calendar's server, with limits and words for every failure.

use std::net::IpAddr;
use std::sync::OnceLock;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};

use super::{LONGEST, SOURCE};
use crate::net::tls;
use crate::sources::Error;

/// How long we wait when the server says "too many requests" and not for how long.
const DEFAULT_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// No pause that a server asks for is taken for longer.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// The way to all calendars: one client, made when it is first needed.
#[derive(Debug, Default)]
pub struct HttpClient {
    client: OnceLock<Client>,
}

impl HttpClient {
    pub(crate) fn client(&self) -> Result<&Client, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        tls::install();
        let client = Client::builder()
            // A redirect could carry a secret to another host: each is looked at.
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(1)
            .user_agent(concat!("operator/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Error::transient(SOURCE, format!("cannot set up HTTPS: {}", deepest(&error.without_url())))
            })?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Send, and hand the answer over if it is none of those that mean failure.
pub(crate) async fn send(request: RequestBuilder, url: &Url, now: Timestamp) -> Result<Response, Error> {
    let response = request.send().await.map_err(|error| broken(error, url))?;
    match response.status() {
        status if status.is_success() || status.is_redirection() => Ok(response),
        status => Err(refused(status, response.headers(), url, now)),
    }
}

/// An answer's body in pieces, up to the limit.
pub(crate) struct Body<'a> {
    response: Response,
    url: &'a Url,
    promised: Option<u64>,
    length: usize,
}

impl<'a> Body<'a> {
    pub(crate) fn of(response: Response, url: &'a Url) -> Self {
        Self { promised: response.content_length(), response, url, length: 0 }
    }

    /// The next piece; none when all of it was there.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(piece) = self.response.chunk().await.map_err(|error| broken(error, self.url))? else {
            return match self.promised.is_none_or(|promised| promised == self.length as u64) {
                true => Ok(None),
                false => Err(Error::transient(SOURCE, format!("the answer was cut off ({})", place(self.url)))),
            };
        };
        self.length = self.length.saturating_add(piece.len());
        if self.length > LONGEST {
            let what = format!("the answer is over {} MB ({})", LONGEST / 1_000_000, place(self.url));
            return Err(Error::transient(SOURCE, what));
        }
        Ok(Some(piece.to_vec()))
    }
}

/// Where a redirect leads.
pub(crate) fn redirected(response: &Response, url: &Url) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    url.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// What an answer that means failure says, and what to do about it.
fn refused(status: StatusCode, headers: &HeaderMap, url: &Url, now: Timestamp) -> Error {
    let what = format!("the server answered {} ({})", status.as_u16(), place(url));
    let pause = pause(headers, now);
    let needs_user = |advice: &str| Error::action_required(SOURCE, what.clone(), advice);
    match status.as_u16() {
        401 => needs_user("The user name or password is wrong, or an app password is wanted: check both."),
        403 => needs_user("This calendar may not be read: check its address, and who it is shared with."),
        404 | 410 => needs_user("It is not there any more: copy its address again."),
        429 => Error { retry_after: Some(pause.unwrap_or(DEFAULT_PAUSE)), ..Error::transient(SOURCE, what) },
        408 | 425 | 500.. => Error { retry_after: pause, ..Error::transient(SOURCE, what) },
        _ => needs_user("Check its address: the server does not take the question."),
    }
}

/// `Retry-After`: seconds or an HTTP date.
fn pause(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match asked.parse() {
        Ok(seconds) => SignedDuration::from_secs(seconds),
        Err(_) => rfc2822::parse(asked).ok()?.timestamp().duration_since(now),
    };
    Some(pause.clamp(SignedDuration::ZERO, LONGEST_PAUSE))
}

/// A connection that failed or broke. The address is left out: it may be a secret.
pub(crate) fn broken(error: reqwest::Error, url: &Url) -> Error {
    Error::transient(SOURCE, format!("{} ({})", deepest(&error.without_url()), place(url)))
}

fn deepest(error: &dyn std::error::Error) -> String {
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

/// Whether what goes there stays on this machine.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
