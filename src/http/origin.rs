//! Where we are: the names under which this page may be asked for. A foreign name that resolves to this machine is not one of them.

use hyper::header::{HOST, HeaderName, ORIGIN};
use hyper::http::HeaderMap;
use hyper::http::uri::Uri;

const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// The port that is served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    port: u16,
}

impl Origin {
    pub(super) const fn new(port: u16) -> Self {
        Self { port }
    }

    /// The host and port that are asked for, if they are ours. A request that names several names none.
    pub(super) fn host<'a>(self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        let host = only(headers, &HOST).filter(|host| self.is_ours(host))?;
        uri.authority().is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(host)).then_some(host)
    }

    fn is_ours(self, host: &str) -> bool {
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
        port == self.port.to_string() && HOSTS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
    }

    /// Whether the request comes from a page of this very host.
    pub(super) fn is_from(host: &str, headers: &HeaderMap) -> bool {
        let origin = only(headers, &ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
        origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
    }

    /// Cookies know no ports: the name keeps two Operators on one machine apart.
    pub(super) fn cookie(self) -> String {
        format!("operator_{}", self.port)
    }
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
