//! Who is let in: decided by a request's head alone.

use hyper::Method;
use hyper::header::{AUTHORIZATION, COOKIE};
use hyper::http::HeaderMap;
use hyper::http::request::Parts;
use jiff::Timestamp;

use super::keys::{Keys, Session};
use super::origin::Origin;
use super::refusal::Refusal;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visitor {
    /// Anybody on this machine.
    Anyone,
    /// A program with the token.
    Program,
    /// A browser that came by a link.
    Browser {
        /// Its cookie is worth a new one.
        aging: bool,
    },
}

/// What anybody may ask for: how Operator does, and to be let in.
const OPEN: [&str; 2] = ["/health", "/open"];

/// Let a request in, or say why not.
pub(super) fn judge(request: &Parts, origin: Origin, keys: &Keys, now: Timestamp) -> Result<Visitor, Refusal> {
    let host = origin.host(&request.uri, &request.headers).ok_or(Refusal::Host)?;
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    if reads && OPEN.contains(&request.uri.path()) {
        return Ok(Visitor::Anyone);
    }
    if let Some(token) = bearer(&request.headers) {
        return if keys.is_token(token) { Ok(Visitor::Program) } else { Err(Refusal::WrongKey) };
    }
    let aging = match cookie(&request.headers, &origin.cookie()).map(|session| keys.judge(session, now)) {
        None => return Err(Refusal::Key),
        Some(Session::None) => return Err(Refusal::WrongKey),
        Some(session) => session == Session::Aging,
    };
    if reads || Origin::is_from(host, &request.headers) { Ok(Visitor::Browser { aging }) } else { Err(Refusal::Origin) }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The cookie of this name; where there are several, the first.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(known, _)| *known == name).map(|(_, value)| value)
}
