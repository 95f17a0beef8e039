//! HTTP for sources: JSON with a bearer token, and HTTP failures as source errors.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::net;
use crate::net::client::{Body, HttpClient, send};
use crate::net::host::host_port;
use crate::net::retry_after::{DEFAULT_RETRY_AFTER, retry_after};
use crate::sources::Error;

const MAX_BODY_BYTES: usize = 10_000_000;

/// Fetches JSON for one source with one token.
#[derive(Debug)]
pub(crate) struct JsonClient<'a> {
    pub(crate) http: &'a HttpClient,
    pub(crate) source: &'static str,
    pub(crate) token: &'a SecretString,
    pub(crate) now: Timestamp,
}

/// Why there is no JSON.
#[derive(Debug)]
pub(crate) enum Failure {
    Source(Error),
    /// The server answered with another status than 200.
    Status(Status),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Source(error)
    }
}

impl JsonClient<'_> {
    /// The JSON at `url` and its length in bytes. Sends one request: the next check is the retry.
    pub(crate) async fn get(&self, url: &Url) -> Result<(Value, usize), Failure> {
        let failed = |error| Error::from_net(self.source, error);
        let request = self.http.get(url).map_err(failed)?.header(AUTHORIZATION, self.bearer()?);
        let response = send(request, url).await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(Failure::Status(Status::new(response.status(), response.headers(), self.now)));
        }
        let body = Body::new(response, url, MAX_BODY_BYTES).read_to_end().await.map_err(failed)?;
        let invalid = |_| Error::transient(self.source, format!("the answer is not whole JSON ({})", host_port(url)));
        Ok((serde_json::from_slice(&body).map_err(invalid)?, body.len()))
    }

    fn bearer(&self) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.token.expose_secret())).map_err(|_| {
            let advice = "Copy the token again, without line breaks or other control characters.";
            Error::action_required(self.source, "the token cannot be sent", advice)
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The tokens of the pages of one collection.
#[derive(Default)]
pub(crate) struct PageTokens(Vec<String>);

impl PageTokens {
    /// The token of the page to request; `None` for the first page.
    pub(crate) fn current(&self) -> Option<&str> {
        self.0.last().map(String::as_str)
    }

    /// False if the pages repeat, or if there are more than `max_pages`.
    pub(crate) fn advance(&mut self, token: String, max_pages: usize) -> bool {
        let is_new = self.0.len() + 1 < max_pages && !self.0.contains(&token);
        self.0.push(token);
        is_new
    }
}

/// Splits `{list: […], next: string|null}` into the documents and the token of the next page. The error completes the sentence
/// "the answer …".
pub(crate) fn parse_page(
    mut json: Value,
    list: &str,
    next: &str,
) -> Result<(Vec<Value>, Option<String>), &'static str> {
    let Some(Value::Array(documents)) = json.get_mut(list).map(Value::take) else {
        return Err("has no list of documents");
    };
    match json.get_mut(next).map(Value::take) {
        None | Some(Value::Null) => Ok((documents, None)),
        Some(Value::String(token)) => Ok((documents, Some(token).filter(|token| !token.is_empty()))),
        Some(_) => Err("has a page token that is not text"),
    }
}

/// Parses the base URL of an API from the configuration. `key` and `example` are for the advice.
pub(crate) fn parse_base_url(source: &'static str, text: &str, key: &str, example: &str) -> Result<Url, Error> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        let advice = format!("Set {key} to an address such as {example}.");
        Error::action_required(source, "the base URL is not an http(s) address", advice)
    })
}

/// `base` with `collection` as its last path segment.
pub(crate) fn collection_url(base: &Url, collection: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(collection);
    }
    url
}

/// The status of an unsuccessful response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Status {
    pub(crate) code: u16,
    retry_after: Option<SignedDuration>,
}

impl Status {
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Self {
        let default = (status == StatusCode::TOO_MANY_REQUESTS).then_some(DEFAULT_RETRY_AFTER);
        Self { code: status.as_u16(), retry_after: retry_after(headers, now).or(default) }
    }

    /// An outage if a later request may succeed, else an error that needs the user.
    pub(crate) fn into_error(self, source: &'static str, message: String, advice: impl Into<String>) -> Error {
        match self.code {
            408 | 425 | 429 | 500.. => Error { retry_after: self.retry_after, ..Error::transient(source, message) },
            _ => Error::action_required(source, message, advice),
        }
    }
}

impl Error {
    /// No request needs the user: the network may return.
    pub(crate) fn from_net(source: &'static str, error: net::Error) -> Self {
        Self::transient(source, error.message)
    }
}
