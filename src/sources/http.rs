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
