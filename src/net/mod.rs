//! HTTP for every part that talks to a server: client, errors, `Retry-After`, redaction, TLS.

pub mod client;
pub mod error;
pub(crate) mod host;
pub(crate) mod redact;
pub(crate) mod retry_after;
pub mod tls;

pub use self::client::HttpClient;
pub use self::error::{Error, ErrorKind};
