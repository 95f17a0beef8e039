//! Where we are: the names under which this page may be asked for. A foreign name that resolves to this machine is not one of them.

use hyper::header::{HOST, ORIGIN};
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
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next()?.to_str().ok().filter(|host| self.is_ours(host))?;
        let absolute = uri.authority().is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(host));
        (absolute && hosts.next().is_none()).then_some(host)
    }

    fn is_ours(self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (host, Some(80)),
        };
        port == Some(self.port) && HOSTS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
    }

    /// Whether the request comes from a page of this very host.
    pub(super) fn is_from(host: &str, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = origins.next().and_then(|origin| origin.to_str().ok()?.strip_prefix("http://"));
        origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host)) && origins.next().is_none()
    }

    /// Cookies know no ports: the name keeps two Operators on one machine apart.
    pub(super) fn cookie(self) -> String {
        format!("operator_{}", self.port)
    }
}
