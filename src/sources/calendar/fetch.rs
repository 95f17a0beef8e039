//! Requests to calendar servers.

use jiff::Timestamp;
use reqwest::header::LOCATION;
use reqwest::{RequestBuilder, Response, Url};

use super::SOURCE;
use crate::net::client;
use crate::net::host::host_port;
use crate::sources::Error;
use crate::sources::http::Status;

/// Sends a request. Statuses that are neither success nor redirect are errors.
pub(crate) async fn send(request: RequestBuilder, url: &Url, now: Timestamp) -> Result<Response, Error> {
    let response = client::send(request, url).await.map_err(|error| Error::from_net(SOURCE, error))?;
    if response.status().is_success() || response.status().is_redirection() {
        return Ok(response);
    }
    let status = Status::new(response.status(), response.headers(), now);
    let advice = match status.code {
        401 => "The user name or password is wrong, or an app password is wanted: check both.",
        403 => "This calendar may not be read: check its address, and who it is shared with.",
        404 | 410 => "It is not there any more: copy its address again.",
        _ => "Check its address: the server does not take the question.",
    };
    Err(status.into_error(SOURCE, format!("the server answered {} ({})", status.code, host_port(url)), advice))
}

/// Where a redirect leads.
pub(crate) fn redirected(response: &Response, url: &Url) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    url.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}
