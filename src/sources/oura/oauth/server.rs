//! What is asked of Oura's authorisation server: tokens for a code, tokens for the last ones, and the end of a connection. Every
//! question is put once: the server may have used up what it rests on, however its answer got lost.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::tokens::{Granted, Tokens};
use super::{AGAIN, SOURCE, lapsed};
use crate::net::fetch::{DEFAULT_PAUSE, pause};
use crate::net::tls;
use crate::sources::Error;

/// A longer answer (bytes) is refused whole.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The longest that the server may take: longer than for anything else, because an answer that is not waited for is lost for good.
const PATIENCE: Duration = Duration::from_secs(30);

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
    let client = client()?;
    let request = match application.filter(|_| by_form) {
        Some(application) => {
            let refresh = tokens.refresh_token.expose_secret();
            let form = [("token", refresh), ("token_type_hint", "refresh_token"), ("client_id", &application.id)];
            let secret = application.secret.expose_secret();
            client.post(url.clone()).form(&[&form[..], &[("client_secret", secret)]].concat())
        }
        None => {
            url.query_pairs_mut().append_pair("access_token", access);
            client.post(url.clone()).header("content-length", 0)
        }
    };
    let ((status, _), _) = send(request, &url).await?;
    if (200..300).contains(&status) {
        return Ok(());
    }
    Err(Error::transient(SOURCE, format!("it answered {status} ({})", place(&url))))
}

async fn ask(url: &Url, application: &Application, form: &[(&str, &str)], now: Timestamp) -> Result<Granted, Refusal> {
    let ours = [("client_id", application.id.as_str()), ("client_secret", application.secret.expose_secret())];
    let request = client()?.post(url.clone()).header("accept", "application/json").form(&[form, &ours].concat());
    let ((status, headers), body) = send(request, url).await?;
    if !(200..300).contains(&status) {
        return Err(refused(status, &body, &headers, url, now));
    }
    let granted = serde_json::from_slice::<Granted>(&body).ok();
    let is_usable = |granted: &Granted| !granted.access_token.expose_secret().is_empty();
    // What the answer says instead is not repeated: it may hold a token.
    let unusable =
        || Error::transient(SOURCE, format!("the answer to the question for tokens holds none ({})", place(url)));
    Ok(granted.filter(is_usable).ok_or_else(unusable)?)
}

/// Status and headers, and the body up to the limit.
async fn send(request: RequestBuilder, url: &Url) -> Result<((u16, HeaderMap), Vec<u8>), Error> {
    let broken = |error: reqwest::Error| Error::transient(SOURCE, format!("{} ({})", deepest(error), place(url)));
    let exchange = async {
        let response = request.send().await.map_err(broken)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(((status, headers), body(response, url).await?))
    };
    let late = |_| Error::transient(SOURCE, format!("no answer within {} s ({})", PATIENCE.as_secs(), place(url)));
    tokio::time::timeout(PATIENCE, exchange).await.map_err(late)?
}

async fn body(mut response: Response, url: &Url) -> Result<Vec<u8>, Error> {
    let failed = |what: String| Error::transient(SOURCE, format!("{what} ({})", place(url)));
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failed(deepest(error)))? {
        if body.len() + piece.len() > LONGEST_ANSWER {
            return Err(failed(format!("the answer is over {} KiB", LONGEST_ANSWER / 1024)));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// What an answer without tokens means and what to do about it.
fn refused(status: u16, body: &[u8], headers: &HeaderMap, url: &Url, now: Timestamp) -> Refusal {
    let word = error_word(body);
    let told = word.as_deref().map_or_else(|| status.to_string(), |word| format!("{status} {word}"));
    let what = format!("Oura answered {told} to the question for tokens ({})", place(url));
    let needs_user = |advice: &str| Error::action_required(SOURCE, what.clone(), advice);
    let error = match (status, word.as_deref()) {
        (400 | 401 | 403, Some("invalid_grant")) => {
            return Refusal { error: lapsed(), ends: true };
        }
        (401, _) | (_, Some("invalid_client" | "unauthorized_client")) => needs_user(
            "Check client id and secret against the application's page at Oura; after `operator disconnect oura` they are asked for anew.",
        ),
        (403, _) => needs_user("See your Oura account: the membership may have ended, or the application was blocked."),
        (426, _) => needs_user("Update the Oura app on your phone."),
        (408 | 425 | 429 | 500.., _) => {
            let retry_after = pause(headers, now).or((status == 429).then_some(DEFAULT_PAUSE));
            Error { retry_after, ..Error::transient(SOURCE, what) }
        }
        (300..=399, _) => {
            needs_user("Check sources.oura.token_url: the server sends us elsewhere, which we do not follow.")
        }
        _ => needs_user("Check sources.oura.token_url and the application's page at Oura, then connect again."),
    };
    error.into()
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

/// Made for one question: a connection is renewed once a day.
fn client() -> Result<Client, Error> {
    tls::install();
    Client::builder()
        // A redirect could carry a secret to another host.
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .user_agent(concat!("operator/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Error::transient(SOURCE, format!("cannot set up HTTPS: {}", deepest(error))))
}

fn address(text: &str) -> Result<Url, Error> {
    let unusable = |_| Error::action_required(SOURCE, "the connection names no address that can be asked", AGAIN);
    Url::parse(text).map_err(unusable)
}

/// The bottom of an error, without the address: a token may stand in it.
fn deepest(error: reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = &error.without_url();
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

fn place(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}
