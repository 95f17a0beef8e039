//! Why an HTTP request got no complete response. Messages hold no secret.

use std::fmt;
use std::time::Duration;

use reqwest::Url;

use super::host::{has_network, host_port, is_loopback};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    /// `connection refused (api.telegram.org:443)`.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The HTTP client could not be built. Nothing was sent.
    Setup,
    /// This machine has no network. Nothing was sent.
    Offline,
    /// No connection, or no TLS on it. Nothing was sent.
    Connect,
    /// No response in time. The request may have arrived.
    Timeout,
    /// The connection broke. The request may have arrived.
    Cut,
    /// The body exceeds the limit of the caller.
    TooLarge,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl fmt::Display, url: &Url) -> Self {
        Self { kind, message: format!("{message} ({})", host_port(url)) }
    }

    pub(crate) fn timeout(url: &Url, timeout: Duration) -> Self {
        Self::new(ErrorKind::Timeout, format_args!("no answer within {} s", timeout.as_secs_f32()), url)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Without a connection nothing was sent; after that the request may have arrived.
pub(crate) fn classify_send_error(error: reqwest::Error, url: &Url) -> Error {
    let kind = match error.is_connect() {
        true if is_loopback(url) || has_network() => ErrorKind::Connect,
        true => ErrorKind::Offline,
        false if error.is_timeout() => ErrorKind::Timeout,
        false => ErrorKind::Cut,
    };
    // The URL may hold a secret.
    Error::new(kind, root_cause(&error.without_url()), url)
}

/// The last error in the chain of sources: the others repeat it in vaguer words.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
