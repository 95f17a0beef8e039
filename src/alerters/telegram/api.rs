//! Calls of the Bot API (<https://core.telegram.org/bots/api>) and its errors as failures.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::alerters::text::quote;
use crate::alerters::{Failure, FailureKind};
use crate::net::client::{Response, exchange};
use crate::net::host::host_port;
use crate::net::retry_after::clamp_retry_after;
use crate::net::{self, HttpClient};
use crate::sys::secret_file::Secret;

/// A long poll adds its own duration.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Bot {
    pub(super) http: Arc<HttpClient>,
    pub(super) base_url: String,
    pub(super) token: Secret,
}

/// An error response, or no response.
#[derive(Debug)]
pub(super) struct Error {
    pub(super) failure: Failure,
    /// The API's own description; empty without one.
    description: String,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self { failure, description: String::new() }
    }
}

impl From<net::Error> for Error {
    fn from(error: net::Error) -> Self {
        Failure::from(error).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        error.failure
    }
}

impl Bot {
    /// The `result` of a method; null if the call succeeded and its result is not JSON.
    pub(super) async fn call(&self, method: &str, arguments: &Value) -> Result<Value, Error> {
        self.call_within(REQUEST_TIMEOUT, method, arguments).await
    }

    pub(super) async fn call_within(&self, timeout: Duration, method: &str, arguments: &Value) -> Result<Value, Error> {
        let token = self.token()?;
        let url = self.url(&token, method)?;
        let response = exchange(self.http.post(&url)?.json(arguments), &url, timeout).await?;
        let mut json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        // The API may report an error with a successful status.
        if response.status.is_success() && json["ok"] != false {
            return Ok(json["result"].take());
        }
        Err(Error::from_response(&response, &json, &url, token.expose_secret()))
    }

    fn token(&self) -> Result<SecretString, Failure> {
        const TOKEN_HINT: &str = "set alerters.telegram.token to the one that @BotFather gave you";
        let token = self.token.resolve()?.ok_or_else(|| Failure::permanent("no token is configured", TOKEN_HINT))?;
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b":_-".contains(&byte);
        match token.expose_secret().bytes().all(is_valid) {
            true => Ok(token),
            false => Err(Failure::permanent("the token has invalid characters", TOKEN_HINT)),
        }
    }

    /// The URL contains the token, and therefore must not be shown.
    fn url(&self, token: &SecretString, method: &str) -> Result<Url, Failure> {
        let url = Url::parse(&format!("{}/bot{}/{method}", self.base_url, token.expose_secret()));
        url.map_err(|_| Failure::permanent("alerters.telegram.api_url is not a valid URL", "correct it"))
    }
}

impl Error {
    fn from_response(response: &Response, json: &Value, url: &Url, token: &str) -> Self {
        let code = json["error_code"].as_u64().and_then(|code| u16::try_from(code).ok());
        let status = code.filter(|_| response.status.is_success()).unwrap_or(response.status.as_u16());
        let description = json["description"].as_str().unwrap_or_default().to_owned();
        let answer = match quote_without_token(&description, token) {
            description if description.is_empty() => response.status.to_string(),
            description => format!("{status} {description}"),
        };
        let what = format!("{} answered {answer}", host_port(url));
        let retry_after = json["parameters"]["retry_after"].as_i64().map(SignedDuration::from_secs);
        let retry_after = retry_after.map(clamp_retry_after);
        let failure = match status {
            429 | 503 => {
                let retry_after = retry_after.or_else(|| response.retry_after());
                Failure::new(FailureKind::Retryable { retry_after }, what)
            }
            408 | 409 | 425 => Failure::retryable(what),
            // The API itself says that nothing was done. A proxy cannot know.
            500.. if json["ok"] == false => Failure::new(FailureKind::Retryable { retry_after }, what),
            500.. => Failure::new(FailureKind::Unconfirmed, what),
            _ => Failure::permanent(what, hint(status, json, &description)),
        };
        Self { failure, description }
    }

    /// Whether an edit has nothing to do: the message already has this text, was deleted, or is too old.
    pub(super) fn is_noop(&self) -> bool {
        let descriptions =
            ["message is not modified", "message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID"];
        descriptions.iter().any(|text| self.description.contains(text))
    }
}

/// The part after the colon is the secret; a server may repeat the colon percent-encoded.
fn quote_without_token(description: &str, token: &str) -> String {
    let secret = token.rsplit(':').next().filter(|secret| !secret.is_empty()).unwrap_or(token);
    quote(description, &[token, secret])
}

fn hint(status: u16, json: &Value, description: &str) -> String {
    if let Some(chat) = json["parameters"]["migrate_to_chat_id"].as_i64() {
        return format!("set alerters.telegram.chat_id to {chat}: the group has become a supergroup");
    }
    let hint = match status {
        // The API answers 404 to an unknown token; another server has no API there.
        404 if json["ok"] != false => "check alerters.telegram.api_url: there is no Bot API at that address",
        401 | 404 => "check alerters.telegram.token: the bot is unknown",
        403 => "open the chat with your bot, unblock it or add it, and press Start",
        _ if description.contains("chat not found") => {
            "check alerters.telegram.chat_id, and write to your bot first: a bot cannot start a conversation"
        }
        300..=399 => "check alerters.telegram.api_url: the server redirects",
        _ => "please report this with the log",
    };
    hint.into()
}
