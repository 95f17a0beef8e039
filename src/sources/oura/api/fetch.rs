//! One page of Oura's API: asked once, read with limits, refused with advice.

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::SOURCE;
use crate::net::fetch::{DEFAULT_PAUSE, pause};
use crate::sources::Error;

/// A longer answer (bytes) is refused whole.
const LONGEST_BODY: usize = 10_000_000;

/// Asks for pages with one token.
pub(crate) struct Fetch<'a> {
    pub(crate) client: &'a Client,
    pub(crate) token: &'a SecretString,
    pub(crate) now: Timestamp,
}

/// A page's documents and what the next page is asked with.
pub(crate) struct Page {
    pub(crate) documents: Vec<Value>,
    pub(crate) next: Option<String>,
}

/// Why there is no page.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// The token does not reach this collection; others it may.
    pub(crate) out_of_scope: bool,
    /// The token is not accepted; another may be.
    pub(crate) token_refused: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, out_of_scope: false, token_refused: false }
    }
}

impl Fetch<'_> {
    /// The page at `url`. One request, no more: what may pass by itself is asked for again at the next check.
    pub(crate) async fn page(&self, collection: &str, url: &Url) -> Result<Page, Failure> {
        let request = self.client.get(url.clone()).header(AUTHORIZATION, self.bearer()?);
        let response = request.send().await.map_err(|e| broken(e, url))?;
        if response.status() != StatusCode::OK {
            return Err(refused(collection, &response, self.now));
        }
        parse(collection, &body(response, url).await?)
    }

    fn bearer(&self) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.token.expose_secret())).map_err(|_| {
            let advice = "Copy the token again, without line breaks or other control characters.";
            Error::action_required(SOURCE, "the token cannot be sent", advice)
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
            return Err(Error::transient(SOURCE, what).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// `{"data":[…],"next_token":string|null}`.
fn parse(collection: &str, body: &[u8]) -> Result<Page, Failure> {
    let invalid = |why: &str| Failure::from(Error::transient(SOURCE, format!("the answer to {collection} {why}")));
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
    let status = response.status().as_u16();
    let what = format!("Oura answered {status} to {collection}");
    let needs_user = |advice: &str| Failure::from(Error::action_required(SOURCE, what.clone(), advice));
    match status {
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
        408 | 425 | 429 | 500.. => {
            let retry_after = pause(response.headers(), now).or((status == 429).then_some(DEFAULT_PAUSE));
            Error { retry_after, ..Error::transient(SOURCE, what) }.into()
        }
        300..=399 => needs_user("Check sources.oura.base_url: the server sends us elsewhere, which we do not follow."),
        _ => needs_user("Oura did not accept the question: update Operator, and check sources.oura.base_url."),
    }
}

/// A connection that failed or broke. The address is left out: it may hold a page token.
fn broken(error: reqwest::Error, url: &Url) -> Failure {
    let mut deepest: &dyn std::error::Error = &error.without_url();
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    Error::transient(SOURCE, format!("{deepest} ({})", place(url))).into()
}

pub(crate) fn place(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}
