//! Requests to calendar servers.

use jiff::Timestamp;
use reqwest::header::LOCATION;
use reqwest::{RequestBuilder, Response, Url};

use super::SOURCE;
use crate::net::client;
use crate::net::host::{host_port, is_loopback};
use crate::sources::Error;
use crate::sources::http::Status;

pub(super) const MAX_REDIRECTS: usize = 5;

/// Sends a request. Statuses that are neither success nor redirect are errors.
pub(super) async fn send(request: RequestBuilder, url: &Url, now: Timestamp) -> Result<Response, Error> {
    let response = client::send(request, url).await.map_err(|error| Error::from_net(SOURCE, error))?;
    if response.status().is_success() || response.status().is_redirection() {
        return Ok(response);
    }
    let status = Status::new(response.status(), response.headers(), now);
    let advice = match status.code {
        401 => "Check the user name and the password. Some providers require an app password.",
        403 => "Check the calendar's address and its sharing settings.",
        404 | 410 => "Copy the calendar's address again: it no longer exists.",
        _ => "Check the calendar's address: the server refuses the request.",
    };
    Err(status.into_error(SOURCE, format!("the server answered {} ({})", status.code, host_port(url)), advice))
}

pub(super) fn redirect_target(response: &Response, url: &Url) -> Option<Url> {
    url.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// A web address. With `sends_password`, it must be encrypted or on this machine.
pub(super) fn parse_url(text: &str, sends_password: impl FnOnce(&Url) -> bool, advice: &str) -> Result<Url, Error> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| Error::action_required(SOURCE, "its address is not a web address", advice))?;
    if url.scheme() != "https" && !is_loopback(&url) && sends_password(&url) {
        let message = format!("a password is not sent without encryption ({})", host_port(&url));
        return Err(Error::action_required(SOURCE, message, advice));
    }
    Ok(url)
}
