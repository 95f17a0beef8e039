//! Access control: the sender of a request, decided by the request head alone.

pub(super) mod credentials;
pub(super) mod rejection;
pub(super) mod token;

use hyper::Method;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use hyper::http::HeaderMap;
use hyper::http::request::Parts;
use jiff::Timestamp;

use credentials::{Credentials, SessionState};
use rejection::Rejection;

/// The sender of an accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Principal {
    /// Any program on this machine, for a public path.
    Anonymous,
    /// A program with the token.
    Program,
    /// A browser with a session cookie.
    Browser { renewal_due: bool },
}

const PUBLIC_PATHS: [&str; 2] = ["/health", "/open"];
const LOCAL_HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// Cookies ignore ports: the name keeps two Operators on one machine apart.
pub(super) fn cookie_name(port: u16) -> String {
    format!("operator_{port}")
}

pub(super) fn authorize(
    request: &Parts,
    port: u16,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<Principal, Rejection> {
    let host = local_host(request, port).ok_or(Rejection::WrongHost)?;
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    if reads && PUBLIC_PATHS.contains(&request.uri.path()) {
        return Ok(Principal::Anonymous);
    }
    if let Some(token) = bearer_token(&request.headers) {
        return if credentials.is_token(token) { Ok(Principal::Program) } else { Err(Rejection::InvalidCredentials) };
    }
    let session = cookie(&request.headers, &cookie_name(port)).ok_or(Rejection::Unauthorized)?;
    let renewal_due = match credentials.check_session(session, now) {
        SessionState::Invalid => return Err(Rejection::InvalidCredentials),
        state => state == SessionState::RenewalDue,
    };
    if reads || is_same_origin(host, &request.headers) {
        Ok(Principal::Browser { renewal_due })
    } else {
        Err(Rejection::ForeignOrigin)
    }
}

/// The requested host with its port, if both are ours. A foreign name that resolves to this machine is not (DNS rebinding).
fn local_host(request: &Parts, port: u16) -> Option<&str> {
    let host = single_header(&request.headers, &HOST)?;
    let (name, host_port) = host.rsplit_once(':').unwrap_or((host, "80"));
    let is_local = host_port == port.to_string() && LOCAL_HOSTS.iter().any(|local| name.eq_ignore_ascii_case(local));
    let same_target = request.uri.authority().is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(host));
    (is_local && same_target).then_some(host)
}

fn is_same_origin(host: &str, headers: &HeaderMap) -> bool {
    let origin = single_header(headers, &ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
    origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
}

/// None if the header is repeated.
fn single_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The first cookie of this name.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(known, _)| *known == name).map(|(_, value)| value)
}
