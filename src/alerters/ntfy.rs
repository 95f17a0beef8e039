//! The ntfy channel: <https://docs.ntfy.sh/publish/>. `docs/channels.md` says how to set it up.
//!
//! There are no buttons: a phone would have to reach this machine, and nothing from outside does.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::http::retryable;
use super::text::{headline, quote, truncate};
use super::{Alerter, BoxFuture, Failure, hash_of, plain_text};
use crate::config::schema::NtfyConfig;
use crate::core::alert::Priority;
use crate::core::channel::Channel;
use crate::core::delivery::message::{AlertState, Message, MessageKind};
use crate::net::HttpClient;
use crate::net::client::{Response, exchange};
use crate::net::host::host_port;
use crate::sys::secret_file::Secret;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A server accepts 4,096 bytes of text, turns a longer text into an attachment, and reads at most twice as much JSON. With
/// every byte escaped, this limit leaves space for the title and the other fields.
const MAX_BODY_BYTES: usize = 3_700;

const MAX_TITLE_BYTES: usize = 200;

/// The server's limit.
const MAX_TOPIC_BYTES: usize = 64;

/// Shown on the phone without sound or vibration.
const PRIORITY_QUIET: u8 = 2;

#[derive(Debug)]
pub(super) struct Ntfy {
    http: Arc<HttpClient>,
    base_url: String,
    topic: Secret,
    token: Secret,
}

impl Alerter for Ntfy {
    fn channel(&self) -> Channel {
        Channel::Ntfy
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(self.publish(message))
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            let credentials = self.credentials()?;
            let url = self.url("v1/health")?;
            // The server refuses an unknown token on every path.
            let health = self.exchange(self.http.get(&url)?, &url, &credentials).await?;
            // Any web page answers 200.
            if health["healthy"] != true {
                return Err(Failure::permanent("the server is not ntfy", "check alerters.ntfy.url"));
            }
            let token = if credentials.token.is_some() { " and knows the token" } else { "" };
            Ok(format!("{} is an ntfy server{token}", host_port(&url)))
        })
    }

    fn config_hash(&self) -> u64 {
        hash_of((&self.base_url, &self.topic, &self.token))
    }
}

struct Credentials {
    topic: SecretString,
    token: Option<SecretString>,
}

impl Ntfy {
    pub(super) fn new(config: &NtfyConfig, http: &Arc<HttpClient>) -> Self {
        Self {
            http: Arc::clone(http),
            base_url: config.url.clone(),
            topic: Secret::new(&config.topic, &config.topic_file),
            token: Secret::new(&config.token, &config.token_file),
        }
    }

    /// Publishes under a sequence id. Servers from 2.16 show a message in place of the earlier one with the same id; older
    /// servers ignore the id and show an update beside the first message.
    async fn publish(&self, message: &Message) -> Result<Option<String>, Failure> {
        let credentials = self.credentials()?;
        let url = self.url("")?;
        let sequence_id = match (message.kind, &message.replaces) {
            (MessageKind::Update, Some(first)) => first,
            // A repeated alert gets a new id: in place of the earlier message it would make no sound.
            _ => &message.id,
        };
        let body = json!({
            "topic": credentials.topic.expose_secret(),
            "sequence_id": sequence_id,
            "title": truncate(&headline(message), MAX_TITLE_BYTES, char::len_utf8),
            "message": plain_text::render(message, MAX_BODY_BYTES, char::len_utf8),
            "priority": priority(message),
            "tags": [emoji_tag(message)],
        });
        self.exchange(self.http.post(&url)?.json(&body), &url, &credentials).await?;
        Ok(Some(sequence_id.clone()))
    }

    /// The JSON of a successful response; null if it is not JSON.
    async fn exchange(&self, request: RequestBuilder, url: &Url, credentials: &Credentials) -> Result<Value, Failure> {
        let request = match &credentials.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        };
        let response = exchange(request, url, REQUEST_TIMEOUT).await?;
        let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if response.status.is_success() { Ok(json) } else { Err(refusal(&response, &json, url, credentials)) }
    }

    fn credentials(&self) -> Result<Credentials, Failure> {
        const TOPIC_HINT: &str = "set alerters.ntfy.topic to the topic of your phone: letters, digits, - and _";
        let is_valid = |secret: &SecretString| {
            secret.expose_secret().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        let topic = self.topic.resolve()?.ok_or_else(|| Failure::permanent("no topic is configured", TOPIC_HINT))?;
        if topic.expose_secret().len() > MAX_TOPIC_BYTES || !is_valid(&topic) {
            return Err(Failure::permanent("the topic is not valid", TOPIC_HINT));
        }
        let token = self.token.resolve()?;
        if token.as_ref().is_some_and(|token| !is_valid(token)) {
            return Err(Failure::permanent("the token has invalid characters", "correct alerters.ntfy.token"));
        }
        Ok(Credentials { topic, token })
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        let url = Url::parse(&format!("{}/{path}", self.base_url));
        url.map_err(|_| Failure::permanent("alerters.ntfy.url is not a valid URL", "correct it"))
    }
}

/// From 1 (lowest) to 5.
fn priority(message: &Message) -> u8 {
    match (message.kind, message.priority) {
        (MessageKind::Update, _) | (_, Priority::Low) => PRIORITY_QUIET,
        (_, Priority::Medium) => 3,
        (_, Priority::High) => 4,
        (_, Priority::Critical) => 5,
    }
}

/// ntfy shows the emoji of this name before the title.
fn emoji_tag(message: &Message) -> &'static str {
    match (message.items.first().map(|item| &item.state), message.priority) {
        (Some(AlertState::Resolved), _) => "white_check_mark",
        (Some(AlertState::Acknowledged), _) => "ok_hand",
        (Some(AlertState::Snoozed { .. }), _) => "zzz",
        (_, Priority::Critical) => "rotating_light",
        (_, Priority::High) => "red_circle",
        (_, Priority::Medium) => "yellow_circle",
        (_, Priority::Low) => "large_blue_circle",
    }
}

fn refusal(response: &Response, json: &Value, url: &Url, credentials: &Credentials) -> Failure {
    let secrets = [Some(&credentials.topic), credentials.token.as_ref()];
    let secrets: Vec<&str> = secrets.into_iter().flatten().map(ExposeSecret::expose_secret).collect();
    let answer = match quote(json["error"].as_str().unwrap_or_default(), &secrets) {
        error if error.is_empty() => response.status.to_string(),
        error => format!("{} {error}", response.status.as_u16()),
    };
    let what = format!("{} answered {answer}", host_port(url));
    match retryable(response, json["code"].is_number()) {
        Some(kind) => Failure::new(kind, what),
        None => Failure::permanent(what, hint(response.status.as_u16(), credentials.token.is_some())),
    }
}

const fn hint(status: u16, has_token: bool) -> &'static str {
    match status {
        300..=399 => "set alerters.ntfy.url to the address that it moved to",
        401 if has_token => "check alerters.ntfy.token: the server does not know it",
        403 if has_token => "check alerters.ntfy.topic and token: the token may not publish there",
        401 | 403 => "set alerters.ntfy.token: the server requires one",
        404 | 405 => "check alerters.ntfy.url: there is no ntfy server at that address",
        413 => "the server accepts only shorter messages: raise its message-size-limit",
        _ => "please report this with the log",
    }
}
