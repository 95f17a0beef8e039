//! Requests to Oura's authorization server: tokens for a code, new tokens for old ones, and revocation.
//!
//! Every request is sent once. The server may have used up the code or the refresh token even if its response was lost.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::tokens::{TokenResponse, Tokens};
use super::{CONNECT_ADVICE, SOURCE, issuer, revoked};
use crate::net::client::{self, Body};
use crate::net::host::host_port;
use crate::net::{self, HttpClient};
use crate::sources::Error;
use crate::sources::http::Status;

const MAX_BODY_BYTES: usize = 64 * 1024;

/// Longer than other timeouts, because a lost response ends the connection.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Id and secret of the user's application at Oura.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    pub id: String,
    pub secret: SecretString,
}

/// Why the server issued no tokens.
#[derive(Debug)]
pub struct TokenError {
    pub error: Error,
    /// The refresh token is invalid for good.
    pub is_revoked: bool,
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        Self { error, is_revoked: false }
    }
}

/// Exchanges the code of the browser's redirect for tokens. A failed exchange uses the code up too.
pub async fn exchange_code(
    token_url: &Url,
    credentials: &ClientCredentials,
    (code, redirect_uri): (&str, &str),
    now: Timestamp,
) -> Result<TokenResponse, Error> {
    let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
    request_tokens(token_url, credentials, &form, now).await.map_err(|error| match error.is_revoked {
        true => {
            let advice = "Try again, and check that the redirect address on the application's page is the same.";
            Error::action_required(SOURCE, "Oura does not accept the code of the browser", advice)
        }
        false => error.error,
    })
}

/// Uses up the refresh token of `tokens`.
pub(crate) async fn refresh_tokens(
    tokens: &Tokens,
    credentials: &ClientCredentials,
    now: Timestamp,
) -> Result<TokenResponse, TokenError> {
    let url = parse_url(&tokens.token_url)?;
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh_token.expose_secret())];
    request_tokens(&url, credentials, &form, now).await
}

/// Revoke the connection. Oura's usual endpoint takes the access token in the query; an endpoint named by an issuer takes the
/// refresh token in a form (RFC 7009). No error holds the URL, because the token may be in it.
pub(crate) async fn revoke_tokens(tokens: &Tokens, credentials: Option<&ClientCredentials>) -> Result<(), Error> {
    let mut url = parse_url(&tokens.revoke_url)?;
    let request = match credentials.filter(|_| issuer::revokes_by_form(&url)) {
        Some(credentials) => {
            let form = [
                ("token", tokens.refresh_token.expose_secret()),
                ("token_type_hint", "refresh_token"),
                ("client_id", &credentials.id),
                ("client_secret", credentials.secret.expose_secret()),
            ];
            post(&url)?.form(&form)
        }
        None => {
            url.query_pairs_mut().append_pair("access_token", tokens.access_token.expose_secret());
            post(&url)?.header("content-length", 0)
        }
    };
    match send(request, &url, Timestamp::now()).await?.0 {
        None => Ok(()),
        Some(status) => {
            let message = format!("Oura answered {} to the revocation ({})", status.code, host_port(&url));
            Err(Error::transient(SOURCE, message))
        }
    }
}

async fn request_tokens(
    url: &Url,
    credentials: &ClientCredentials,
    form: &[(&str, &str)],
    now: Timestamp,
) -> Result<TokenResponse, TokenError> {
    let client = [("client_id", credentials.id.as_str()), ("client_secret", credentials.secret.expose_secret())];
    let request = post(url)?.header("accept", "application/json").form(&[form, &client].concat());
    let (status, body) = send(request, url, now).await?;
    if let Some(status) = status {
        return Err(explain_failure(status, &body, url));
    }
    // The body is not quoted in the error: it may hold a token.
    let response = serde_json::from_slice::<TokenResponse>(&body).ok();
    let has_token = |response: &TokenResponse| !response.access_token.expose_secret().is_empty();
    let unusable =
        || Error::transient(SOURCE, format!("the answer to the token request holds no token ({})", host_port(url)));
    Ok(response.filter(has_token).ok_or_else(unusable)?)
}

/// The body, and the status unless it is a success.
async fn send(request: RequestBuilder, url: &Url, now: Timestamp) -> Result<(Option<Status>, Vec<u8>), Error> {
    let exchange = async {
        let response = client::send(request, url).await?;
        let failed = (!response.status().is_success()).then(|| Status::new(response.status(), response.headers(), now));
        Ok((failed, Body::new(response, url, MAX_BODY_BYTES).read_to_end().await?))
    };
    let sent = tokio::time::timeout(TIMEOUT, exchange).await;
    sent.unwrap_or_else(|_| Err(net::Error::timeout(url, TIMEOUT))).map_err(|error| Error::from_net(SOURCE, error))
}

fn explain_failure(status: Status, body: &[u8], url: &Url) -> TokenError {
    let (code, word) = (status.code, error_code(body));
    let shown = word.as_deref().map_or_else(|| code.to_string(), |word| format!("{code} {word}"));
    let message = format!("Oura answered {shown} to the token request ({})", host_port(url));
    let advice = match (code, word.as_deref()) {
        (400 | 401 | 403, Some("invalid_grant")) => return TokenError { error: revoked(), is_revoked: true },
        (401, _) | (_, Some("invalid_client" | "unauthorized_client")) => {
            let advice = "Check client id and secret against the application's page at Oura; to enter them anew, run \
                          `operator disconnect oura` first.";
            return Error::action_required(SOURCE, message, advice).into();
        }
        (403, _) => "See your Oura account: the membership may have ended, or the application was blocked.",
        (426, _) => "Update the Oura app on your phone.",
        (300..=399, _) => "Check sources.oura.token_url: the server redirects, and redirects are not followed.",
        _ => "Check sources.oura.token_url and the application's page at Oura, then connect again.",
    };
    status.into_error(SOURCE, message, advice).into()
}

/// The `error` field of the body (RFC 6749), if it is safe to show.
fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("error").and_then(Value::as_str).filter(|code| is_error_code(code)).map(str::to_owned)
}

/// Whether the text looks like `access_denied`, and so may be shown.
#[must_use]
pub fn is_error_code(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// With a client for one request: tokens are refreshed once a day.
fn post(url: &Url) -> Result<RequestBuilder, Error> {
    HttpClient::unpooled().post(url).map_err(|error| Error::from_net(SOURCE, error))
}

fn parse_url(text: &str) -> Result<Url, Error> {
    let invalid = |_| Error::action_required(SOURCE, "the connection holds an invalid address", CONNECT_ADVICE);
    Url::parse(text).map_err(invalid)
}
