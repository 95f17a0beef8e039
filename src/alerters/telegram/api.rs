//! Calls of the Bot API (<https://core.telegram.org/bots/api>), and what its refusals mean.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::alerters::words::quoted;
use crate::alerters::{Failure, FailureKind};
use crate::net::HttpClient;
use crate::net::client::{Response, exchange};
use crate::net::host::host_port;
use crate::net::retry_after::clamp_retry_after;
use crate::sys::secret_file::Secret;

/// The longest that a call may take; a long poll may take so much longer than it was asked to.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A bot, by its token.
#[derive(Debug)]
pub(super) struct Bot {
    pub(super) web: Arc<HttpClient>,
    pub(super) api_url: String,
    pub(super) token: Secret,
}

/// What the API said no to.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) failure: Failure,
    /// Its own words; empty when it said nothing that can be read.
    description: String,
}

impl Bot {
    /// Call a method and give its result; null if it was done and the result cannot be read.
    pub(super) async fn call(&self, method: &str, arguments: &Value) -> Result<Value, Refusal> {
        self.call_for(method, arguments, PATIENCE).await
    }

    /// The same with more patience.
    pub(super) async fn call_for(&self, method: &str, arguments: &Value, patience: Duration) -> Result<Value, Refusal> {
        let token = self.token()?;
        let url = self.address(&token, method)?;
        let request = self.web.post(&url).map_err(Failure::from)?.json(arguments);
        let answer = exchange(request, &url, patience).await.map_err(Failure::from)?;
        let mut said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        // Whatever the status says: what the API says of itself holds.
        if answer.status.is_success() && said["ok"] != false {
            return Ok(said["result"].take());
        }
        Err(Refusal::of(&answer, &said, &url, token.expose_secret()))
    }

    fn token(&self) -> Result<SecretString, Failure> {
        let advice = "set alerters.telegram.token to the one that @BotFather gave you";
        let token = self
            .token
            .resolve()
            .map_err(Failure::from)?
            .ok_or_else(|| Failure::permanent("there is no token", advice))?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":_-".contains(&byte);
        if token.expose_secret().bytes().all(fits) {
            Ok(token)
        } else {
            Err(Failure::permanent("the token has characters that no token has", advice))
        }
    }

    /// The token is a part of the address, which therefore is never shown.
    fn address(&self, token: &SecretString, method: &str) -> Result<Url, Failure> {
        let url = Url::parse(&format!("{}/bot{}/{method}", self.api_url, token.expose_secret()));
        url.map_err(|_| Failure::permanent("alerters.telegram.api_url is no address", "correct it"))
    }
}

impl Refusal {
    fn of(answer: &Response, said: &Value, url: &Url, token: &str) -> Self {
        let code = said["error_code"].as_u64().and_then(|code| u16::try_from(code).ok());
        let status = code.filter(|_| answer.status.is_success()).unwrap_or(answer.status.as_u16());
        let description = said["description"].as_str().unwrap_or_default().to_owned();
        let shown = match without(&description, token) {
            words if words.is_empty() => answer.status.to_string(),
            words => format!("{status} {words}"),
        };
        let what = format!("{} answered {shown}", host_port(url));
        let asked = said["parameters"]["retry_after"].as_i64().map(SignedDuration::from_secs).map(clamp_retry_after);
        let kind = match status {
            429 | 503 => FailureKind::Retryable { retry_after: asked.or(answer.retry_after()) },
            408 | 409 | 425 => FailureKind::Retryable { retry_after: None },
            // The API itself says that it was not done; a server before it does not know.
            500.. if said["ok"] == false => FailureKind::Retryable { retry_after: asked },
            500.. => FailureKind::Unconfirmed,
            _ => return Self { failure: Failure::permanent(what, advice(status, said, &description)), description },
        };
        Self { failure: Failure::new(kind, what), description }
    }

    /// Whether there is nothing left to edit: the message says it already, or the person deleted it, or it is too old.
    pub(super) fn is_settled(&self) -> bool {
        let words =
            ["message is not modified", "message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID"];
        words.iter().any(|words| self.description.contains(words))
    }
}

/// A server's words without the token. The part after its colon is the secret; the colon may be repeated in another form.
fn without(description: &str, token: &str) -> String {
    let secret = token.rsplit(':').next().filter(|secret| !secret.is_empty()).unwrap_or(token);
    quoted(description, &[token, secret])
}

fn advice(status: u16, said: &Value, description: &str) -> String {
    if let Some(chat) = said["parameters"]["migrate_to_chat_id"].as_i64() {
        return format!("set alerters.telegram.chat_id to {chat}: the group has become a supergroup");
    }
    let advice = match status {
        // The API says so itself; any other server only has nothing there.
        404 if said["ok"] != false => "check alerters.telegram.api_url: there is no Bot API at that address",
        401 | 404 => "check alerters.telegram.token: the bot is not known",
        403 => "open the chat with your bot, unblock it or add it, and press Start",
        _ if description.contains("chat not found") => {
            "check alerters.telegram.chat_id, and write to your bot first: it may not begin a conversation"
        }
        300..=399 => "check alerters.telegram.api_url: the server sends elsewhere",
        _ => "please report this with the log",
    };
    advice.into()
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, description: String::new() }
    }
}
