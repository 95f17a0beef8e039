//! The HTTP client: TLS, a connect timeout, no redirects, bodies of limited size.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url, redirect};
use tokio::time::{Instant, timeout_at};

use super::error::{Error, ErrorKind, classify_send_error, root_cause};
use super::retry_after::retry_after;
use super::tls;

/// Shorter than the timeout of any whole request: a server that cannot be connected to differs from one that has the request
/// and does not respond.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// `exchange` reads no more of a body.
const MAX_BODY_BYTES: usize = 1_000_000;

/// Built on first use, because building it loads the system's certificates.
#[derive(Debug)]
pub struct HttpClient {
    client: OnceLock<Client>,
    max_idle_per_host: usize,
}

impl Default for HttpClient {
    /// Reuses one open connection per host.
    fn default() -> Self {
        Self { client: OnceLock::new(), max_idle_per_host: 1 }
    }
}

impl HttpClient {
    /// Every request has a connection of its own.
    pub(crate) const fn unpooled() -> Self {
        Self { client: OnceLock::new(), max_idle_per_host: 0 }
    }

    pub(crate) fn get(&self, url: &Url) -> Result<RequestBuilder, Error> {
        self.request(Method::GET, url)
    }

    pub(crate) fn post(&self, url: &Url) -> Result<RequestBuilder, Error> {
        self.request(Method::POST, url)
    }

    pub(crate) fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, Error> {
        let client = match self.client.get() {
            Some(client) => client,
            None => {
                let client = self.build()?;
                self.client.get_or_init(|| client)
            }
        };
        Ok(client.request(method, url.clone()))
    }

    fn build(&self) -> Result<Client, Error> {
        tls::install();
        Client::builder()
            // A redirect could carry a secret to another host.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(self.max_idle_per_host)
            .user_agent(concat!("operator/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error {
                kind: ErrorKind::Setup,
                message: format!("cannot set up HTTPS: {}", root_cause(&error.without_url())),
            })
    }
}

/// The body is not read yet.
pub(crate) async fn send(request: RequestBuilder, url: &Url) -> Result<reqwest::Response, Error> {
    request.send().await.map_err(|error| classify_send_error(error, url))
}

/// The body of a response, chunk by chunk, up to a limit.
pub(crate) struct Body<'a> {
    response: reqwest::Response,
    url: &'a Url,
    max_bytes: usize,
    bytes_read: usize,
}

impl<'a> Body<'a> {
    pub(crate) fn new(response: reqwest::Response, url: &'a Url, max_bytes: usize) -> Self {
        Self { response, url, max_bytes, bytes_read: 0 }
    }

    /// `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let chunk = self.response.chunk().await.map_err(|error| classify_send_error(error, self.url))?;
        let Some(chunk) = chunk else { return Ok(None) };
        self.bytes_read = self.bytes_read.saturating_add(chunk.len());
        if self.bytes_read > self.max_bytes {
            let limit = match self.max_bytes {
                max if max >= 1_000_000 => format!("{} MB", max / 1_000_000),
                max => format!("{} KiB", max / 1024),
            };
            return Err(Error::new(ErrorKind::TooLarge, format_args!("the answer is over {limit}"), self.url));
        }
        Ok(Some(chunk.to_vec()))
    }

    pub(crate) async fn read_to_end(mut self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next().await? {
            body.extend(chunk);
        }
        Ok(body)
    }
}

/// A response of which the body may be incomplete.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn retry_after(&self) -> Option<SignedDuration> {
        retry_after(&self.headers, Timestamp::now())
    }
}

/// Sends, and reads the body as far as it arrives within `timeout`: the status alone says whether the request succeeded.
pub(crate) async fn exchange(request: RequestBuilder, url: &Url, timeout: Duration) -> Result<Response, Error> {
    let deadline = Instant::now() + timeout;
    let response = timeout_at(deadline, send(request, url)).await.map_err(|_| Error::timeout(url, timeout))??;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut chunks = Body::new(response, url, MAX_BODY_BYTES);
    let mut body = Vec::new();
    while let Ok(Ok(Some(chunk))) = timeout_at(deadline, chunks.next()).await {
        body.extend(chunk);
    }
    Ok(Response { status, headers, body })
}
