//! What is asked of Oura's authorisation server: tokens for a code, tokens for the last ones, and the end of a connection. Every
//! question is put once: the server may have used up what it rests on, however its answer got lost.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::tokens::{Granted, Tokens};
use super::{AGAIN, SOURCE, lapsed};
use crate::net::client::{self, Body};
use crate::net::host::host_port;
use crate::net::{self, HttpClient};
use crate::sources::Error;
use crate::sources::http::Status;

/// A longer answer (bytes) is refused whole.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The longest that the server may take: longer than for anything else, because an answer that is not waited for is lost for good.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Somebody's application at Oura.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its public name.
    pub id: String,
    /// What it proves itself by.
    pub secret: SecretString,
}

/// Why there are no tokens.
#[derive(Debug)]
pub struct Refusal {
    /// In words, and what can be done.
    pub error: Error,
    /// The connection is at its end: asking again is in vain.
    pub ends: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, ends: false }
    }
}

/// Tokens for the code that the browser brought from `redirect`.
///
/// # Errors
/// When there are none. The code is used up all the same.
pub async fn exchange(
    token_url: &Url,
    application: &Application,
    (code, redirect): (&str, &str),
    now: Timestamp,
) -> Result<Granted, Error> {
    let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect)];
    ask(token_url, application, &form, now).await.map_err(|refusal| match refusal.ends {
        true => {
            let advice = "Try again, and see that the redirect address on the application's page is the same.";
            Error::action_required(SOURCE, "Oura does not accept the code that the browser brought", advice)
        }
        false => refusal.error,
    })
}

/// The pair that follows `tokens`, whose refresh token is used up by it.
///
/// # Errors
/// When there is none.
pub(crate) async fn refresh(tokens: &Tokens, application: &Application, now: Timestamp) -> Result<Granted, Refusal> {
    let url = address(&tokens.token_url)?;
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh_token.expose_secret())];
    ask(&url, application, &form, now).await
}

/// Let Oura forget the connection. At the usual address the access token stands in the query; a server that says of itself where it
/// ends connections wants it as a form (RFC 7009).
///
/// # Errors
/// When it did not say yes. The address is left out of it, for the token stands there.
pub(crate) async fn revoke(tokens: &Tokens, application: Option<&Application>, by_form: bool) -> Result<(), Error> {
    let mut url = address(&tokens.revoke_url)?;
    let access = tokens.access_token.expose_secret();
    let request = match application.filter(|_| by_form) {
        Some(application) => {
            let refresh = tokens.refresh_token.expose_secret();
            let form = [("token", refresh), ("token_type_hint", "refresh_token"), ("client_id", &application.id)];
            let secret = application.secret.expose_secret();
            post(&url)?.form(&[&form[..], &[("client_secret", secret)]].concat())
        }
        None => {
            url.query_pairs_mut().append_pair("access_token", access);
            post(&url)?.header("content-length", 0)
        }
    };
    match send(request, &url, Timestamp::now()).await?.0 {
        None => Ok(()),
        Some(status) => Err(Error::transient(SOURCE, format!("it answered {} ({})", status.code, host_port(&url)))),
    }
}

async fn ask(url: &Url, application: &Application, form: &[(&str, &str)], now: Timestamp) -> Result<Granted, Refusal> {
    let ours = [("client_id", application.id.as_str()), ("client_secret", application.secret.expose_secret())];
    let request = post(url)?.header("accept", "application/json").form(&[form, &ours].concat());
    let (status, body) = send(request, url, now).await?;
    if let Some(status) = status {
        return Err(refused(status, &body, url));
    }
    let granted = serde_json::from_slice::<Granted>(&body).ok();
    let is_usable = |granted: &Granted| !granted.access_token.expose_secret().is_empty();
    // What the answer says instead is not repeated: it may hold a token.
    let unusable =
        || Error::transient(SOURCE, format!("the answer to the question for tokens holds none ({})", host_port(url)));
    Ok(granted.filter(is_usable).ok_or_else(unusable)?)
}

/// The body, and the status if it is no success.
async fn send(request: RequestBuilder, url: &Url, now: Timestamp) -> Result<(Option<Status>, Vec<u8>), Error> {
    let exchange = async {
        let response = client::send(request, url).await?;
        let failed = (!response.status().is_success()).then(|| Status::new(response.status(), response.headers(), now));
        Ok((failed, Body::new(response, url, MAX_BODY_BYTES).read_to_end().await?))
    };
    let sent = tokio::time::timeout(TIMEOUT, exchange).await;
    sent.unwrap_or_else(|_| Err(net::Error::timeout(url, TIMEOUT))).map_err(failed)
}

/// What an answer without tokens means and what to do about it.
fn refused(status: Status, body: &[u8], url: &Url) -> Refusal {
    let (code, word) = (status.code, error_word(body));
    let shown = word.as_deref().map_or_else(|| code.to_string(), |word| format!("{code} {word}"));
    let what = format!("Oura answered {shown} to the question for tokens ({})", host_port(url));
    let advice = match (code, word.as_deref()) {
        (400 | 401 | 403, Some("invalid_grant")) => {
            return Refusal { error: lapsed(), ends: true };
        }
        (401, _) | (_, Some("invalid_client" | "unauthorized_client")) => {
            let advice = "Check client id and secret against the application's page at Oura; after `operator \
                          disconnect oura` they are asked for anew.";
            return Error::action_required(SOURCE, what, advice).into();
        }
        (403, _) => "See your Oura account: the membership may have ended, or the application was blocked.",
        (426, _) => "Update the Oura app on your phone.",
        (300..=399, _) => "Check sources.oura.token_url: the server sends us elsewhere, which we do not follow.",
        _ => "Check sources.oura.token_url and the application's page at Oura, then connect again.",
    };
    status.into_error(SOURCE, what, advice).into()
}

/// The word that a server gives for why, if it looks like one.
fn error_word(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer.get("error").and_then(Value::as_str).filter(|word| is_error_word(word)).map(str::to_owned)
}

/// Whether this may be shown: the standard's words are like `access_denied`.
#[must_use]
pub fn is_error_word(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// A client for one request: a connection is renewed once a day.
fn post(url: &Url) -> Result<RequestBuilder, Error> {
    HttpClient::unpooled().post(url).map_err(failed)
}

fn failed(error: net::Error) -> Error {
    Error::from_net(SOURCE, error)
}

fn address(text: &str) -> Result<Url, Error> {
    let unusable = |_| Error::action_required(SOURCE, "the connection names no address that can be asked", AGAIN);
    Url::parse(text).map_err(unusable)
}
