//! One page of Oura's API: asked with patience, read with limits, refused with advice.

use std::error::Error;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::SOURCE;
use crate::sources::error::SourceError;

/// A longer answer (bytes) is refused whole.
const LONGEST_BODY: usize = 10_000_000;

/// How long we wait when the server says "too many requests" and not for how long.
const DEFAULT_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// No pause that a server asks for is taken for longer.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// Asks for pages with one token.
pub(super) struct Fetch<'a> {
    pub(super) client: &'a Client,
    pub(super) token: &'a SecretString,
    /// The longest one attempt may take.
    pub(super) timeout: Duration,
    pub(super) now: Timestamp,
}

/// A page's documents and what the next page is asked with.
pub(super) struct Page {
    pub(super) documents: Vec<Value>,
    pub(super) next: Option<String>,
}

/// Why there is no page.
pub(super) struct Failure {
    pub(super) error: SourceError,
    /// The token does not reach this collection; others it may.
    pub(super) out_of_scope: bool,
    /// The token is not accepted; another may be.
    pub(super) token_refused: bool,
    /// It may work if asked again at once.
    passing: bool,
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self { error, out_of_scope: false, token_refused: false, passing: false }
    }
}

impl Failure {
    fn passing(what: String) -> Self {
        Self { passing: true, ..SourceError::outage(SOURCE, what).into() }
    }
}

impl Fetch<'_> {
    /// The page at `url`; what passes by itself is asked for up to three times.
    pub(super) async fn page(&self, collection: &str, url: &Url) -> Result<Page, Failure> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(1))
            .with_max_times(2)
            .with_jitter();
        (|| self.attempt(collection, url)).retry(pauses).when(|failure: &Failure| failure.passing).await
    }

    async fn attempt(&self, collection: &str, url: &Url) -> Result<Page, Failure> {
        let attempt = async {
            let request = self.client.get(url.clone()).header(AUTHORIZATION, self.bearer()?);
            let response = request.send().await.map_err(|e| broken(e, url))?;
            if response.status() != StatusCode::OK {
                return Err(refused(collection, &response, self.now));
            }
            parse(collection, &body(response, url).await?)
        };
        let late = |_| Failure::passing(format!("no answer within {} s ({})", self.timeout.as_secs_f32(), place(url)));
        tokio::time::timeout(self.timeout, attempt).await.map_err(late)?
    }

    fn bearer(&self) -> Result<HeaderValue, SourceError> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.token.expose_secret())).map_err(|_| {
            let advice = "Copy the token again, without line breaks or other control characters.";
            SourceError::needs_user(SOURCE, "the token cannot be sent", advice)
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The answer's body, in pieces, up to the limit.
async fn body(mut response: Response, url: &Url) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| broken(e, url))? {
        if body.len().saturating_add(chunk.len()) > LONGEST_BODY {
            let what = format!("the answer is over {} MB ({})", LONGEST_BODY / 1_000_000, place(url));
            return Err(SourceError::outage(SOURCE, what).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// `{"data":[…],"next_token":string|null}`.
fn parse(collection: &str, body: &[u8]) -> Result<Page, Failure> {
    let invalid = |why: &str| Failure::passing(format!("the answer to {collection} {why}"));
    let mut answer: Value = serde_json::from_slice(body).map_err(|_| invalid("is not whole JSON"))?;
    let Some(Value::Array(documents)) = answer.get_mut("data").map(Value::take) else {
        return Err(invalid("has no list of documents"));
    };
    let next = match answer.get("next_token") {
        None | Some(Value::Null) => None,
        Some(Value::String(token)) => Some(token.clone()).filter(|token| !token.is_empty()),
        Some(_) => return Err(invalid("has a page token that is no text")),
    };
    Ok(Page { documents, next })
}

/// What an answer other than 200 means and what to do about it.
fn refused(collection: &str, response: &Response, now: Timestamp) -> Failure {
    let status = response.status();
    let what = format!("Oura answered {} to {collection}", status.as_u16());
    let needs_user = |advice: &str| Failure::from(SourceError::needs_user(SOURCE, what.clone(), advice));
    match status.as_u16() {
        401 => Failure {
            token_refused: true,
            ..needs_user(
                "The token is wrong or has expired: take sources.oura.token out and run `operator connect oura`.",
            )
        },
        403 => Failure {
            out_of_scope: true,
            ..needs_user(
                "The Oura membership has ended or the token lacks a scope (daily, stress): see your Oura account.",
            )
        },
        404 => {
            Failure { out_of_scope: true, ..needs_user("Check sources.oura.base_url: this collection is not there.") }
        }
        426 => needs_user("Update the Oura app on your phone."),
        429 => {
            let retry_after = Some(pause(response, now));
            SourceError { retry_after, ..SourceError::outage(SOURCE, what) }.into()
        }
        408 | 425 | 500.. => Failure::passing(what),
        300..=399 => needs_user("Check sources.oura.base_url: the server sends us elsewhere, which we do not follow."),
        _ => needs_user("Oura did not accept the question: update Operator, and check sources.oura.base_url."),
    }
}

/// `Retry-After`: seconds or an HTTP date.
fn pause(response: &Response, now: Timestamp) -> SignedDuration {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::trim);
    asked.and_then(|text| pause_in(text, now)).unwrap_or(DEFAULT_PAUSE).clamp(SignedDuration::ZERO, LONGEST_PAUSE)
}

fn pause_in(text: &str, now: Timestamp) -> Option<SignedDuration> {
    if let Ok(seconds) = text.parse() {
        return Some(SignedDuration::from_secs(seconds));
    }
    Some(rfc2822::parse(text).ok()?.timestamp().duration_since(now))
}

/// A connection that failed or broke. The address is left out: it may hold a page token.
fn broken(error: reqwest::Error, url: &Url) -> Failure {
    let mut deepest: &dyn Error = &error.without_url();
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    Failure::passing(format!("{deepest} ({})", place(url)))
}

pub(super) fn place(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let now = "1994-11-06T08:49:00Z".parse().unwrap_or_default();
        assert_eq!(pause_in("30", now), Some(SignedDuration::from_secs(30)));
        assert_eq!(pause_in("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(SignedDuration::from_secs(37)));
        assert_eq!(pause_in("soon", now), None);
    }
}
