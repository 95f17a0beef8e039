//! Asking a web server for JSON: once, within limits, and with words for every failure.

use std::sync::OnceLock;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::tls;
use crate::sources::Error;

/// A longer answer (bytes) is refused whole.
const LONGEST_BODY: usize = 10_000_000;

/// How long we wait when the server says "too many requests" and not for how long.
pub(crate) const DEFAULT_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// No pause that a server asks for is taken for longer.
pub(crate) const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// The client of the sources, made when it is first needed.
static CLIENT: OnceLock<Client> = OnceLock::new();

/// Whom a source asks, and what it calls its keys.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    /// The source, in errors.
    pub(crate) source: &'static str,
    /// As a person calls it: `Todoist`.
    pub(crate) name: &'static str,
    /// Shows who asks.
    pub(crate) token: &'a SecretString,
    /// What the person should do about a token that is refused.
    pub(crate) new_token: &'static str,
    /// Our clock.
    pub(crate) now: Timestamp,
}

impl Server<'_> {
    /// The JSON at an address. One request, no more.
    ///
    /// # Errors
    /// `NeedsUser` where the server refuses the token or the question; `Outage`, with the pause that it asked for, where there
    /// was no whole answer.
    pub(crate) async fn get(&self, url: &Url) -> Result<Value, Error> {
        Ok(self.get_sized(url).await?.0)
    }

    /// The same, and how long it was (bytes).
    ///
    /// # Errors
    /// As `get`.
    pub(crate) async fn get_sized(&self, url: &Url) -> Result<(Value, usize), Error> {
        let request = client(self.source)?.get(url.clone()).header(AUTHORIZATION, self.bearer()?);
        let response = request.send().await.map_err(|error| self.broken(error, url))?;
        if response.status() != StatusCode::OK {
            return Err(self.refused(&response, url));
        }
        let body = self.body(response, url).await?;
        let read = serde_json::from_slice(&body);
        let value = read.map_err(|_| self.outage(format!("the answer is not whole JSON ({})", place(url))))?;
        Ok((value, body.len()))
    }

    fn outage(&self, what: impl Into<String>) -> Error {
        Error::transient(self.source, what)
    }

    fn bearer(&self) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.token.expose_secret())).map_err(|_| {
            let advice = "Copy the token again, without line breaks or other control characters.";
            Error::action_required(self.source, "the token cannot be sent", advice)
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// In pieces, up to the limit.
    async fn body(&self, mut response: Response, url: &Url) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(error, url))? {
            if body.len().saturating_add(chunk.len()) > LONGEST_BODY {
                let what = format!("the answer is over {} MB ({})", LONGEST_BODY / 1_000_000, place(url));
                return Err(self.outage(what));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What an answer other than 200 means and what to do about it.
    fn refused(&self, response: &Response, url: &Url) -> Error {
        let status = response.status().as_u16();
        let what = format!("{} answered {status} ({})", self.name, place(url));
        let key = format!("sources.{}.base_url", self.source);
        let needs_user = |advice: String| Error::action_required(self.source, &*what, advice);
        match status {
            401 => needs_user(self.new_token.into()),
            403 => needs_user(format!("The token may not read this. {}", self.new_token)),
            404 => needs_user(format!("Check {key}: this is not there.")),
            410 => needs_user(format!(
                "{} has given up this version of its API: update Operator, or check {key}.",
                self.name
            )),
            408 | 425 | 429 | 500.. => {
                let retry_after = pause(response.headers(), self.now).or((status == 429).then_some(DEFAULT_PAUSE));
                Error { retry_after, ..self.outage(what) }
            }
            300..=399 => needs_user(format!("Check {key}: the server sends us elsewhere, which we do not follow.")),
            _ => needs_user(format!("{} did not accept the question: update Operator, and check {key}.", self.name)),
        }
    }

    /// A connection that failed or broke. The address is left out: it may hold a cursor.
    fn broken(&self, error: reqwest::Error, url: &Url) -> Error {
        let mut deepest: &dyn std::error::Error = &error.without_url();
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        self.outage(format!("{deepest} ({})", place(url)))
    }
}

fn client(source: &'static str) -> Result<&'static Client, Error> {
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    tls::install();
    let client = Client::builder()
        // A redirect could carry the token to another host.
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(0) // the next question comes in a quarter of an hour
        .user_agent(concat!("operator/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Error::transient(source, format!("cannot set up HTTPS: {}", error.without_url())))?;
    Ok(CLIENT.get_or_init(|| client))
}

/// The server's name and port, without anything secret that the address may hold.
pub(crate) fn place(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

/// `Retry-After`: seconds, or a date by the server's own clock, which may be off.
pub(crate) fn pause(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    let date = |text: &str| rfc2822::parse(text).ok().map(|at| at.timestamp());
    let pause = match asked.parse() {
        Ok(seconds) => SignedDuration::from_secs(seconds),
        Err(_) => date(asked)?.duration_since(text(DATE).and_then(date).unwrap_or(now)),
    };
    Some(pause.clamp(SignedDuration::ZERO, LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date_by_the_servers_clock() {
        let now = "1994-11-06T08:49:00Z".parse().unwrap_or_default();
        let asked = |lines: &[(HeaderName, &str)]| {
            let lines = lines.iter().filter_map(|(name, value)| Some((name.clone(), value.parse().ok()?)));
            pause(&lines.collect(), now)
        };
        let half_past = (RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT");
        let an_hour_off = (DATE, "Sun, 06 Nov 1994 09:49:07 GMT");
        let an_hour_later = (RETRY_AFTER, "Sun, 06 Nov 1994 09:49:37 GMT");
        assert_eq!(asked(&[(RETRY_AFTER, "30")]), Some(SignedDuration::from_secs(30)));
        assert_eq!(asked(&[(RETRY_AFTER, "-1")]), Some(SignedDuration::ZERO));
        assert_eq!(asked(&[(RETRY_AFTER, "99999999")]), Some(LONGEST_PAUSE));
        assert_eq!(asked(&[half_past]), Some(SignedDuration::from_secs(37)));
        assert_eq!(asked(&[an_hour_later, an_hour_off]), Some(SignedDuration::from_secs(30)));
        assert_eq!(asked(&[(RETRY_AFTER, "soon")]), None);
        assert_eq!(asked(&[]), None);
    }
}
