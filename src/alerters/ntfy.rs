//! Phones, through ntfy: <https://docs.ntfy.sh/publish/>. `docs/channels.md` says how it is set up.
//!
//! No buttons: what a phone could press would have to reach this machine, and nothing from outside does.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::body::body;
use super::http::retryable;
use super::words::{fit, headline, quoted};
use super::{Alerter, BoxFuture, Failure};
use crate::config::schema::NtfyConfig;
use crate::core::alert::Priority;
use crate::core::channel::Channel;
use crate::core::delivery::message::{AlertState, Message, MessageKind};
use crate::net::HttpClient;
use crate::net::client::{Response, exchange};
use crate::net::host::host_port;
use crate::sys::secret_file::Secret;

/// The longest that one try may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server takes 4,096 bytes of text, makes a file of what is longer, and reads no more than twice as much JSON. With every
/// byte escaped, so much leaves room for the title and the rest.
const LONGEST: usize = 3_700;

/// A title takes no more bytes.
const TITLE: usize = 200;

/// A topic is no longer.
const LONGEST_TOPIC: usize = 64;

/// Shown on the phone, and neither heard nor felt.
const QUIET: u8 = 2;

/// The alerter, if it is switched on.
#[must_use]
pub(super) fn alerter(config: &NtfyConfig, web: &Arc<HttpClient>) -> Option<Arc<dyn Alerter>> {
    let ntfy = || Ntfy {
        web: Arc::clone(web),
        url: config.url.clone(),
        topic: Secret::new(&config.topic, &config.topic_file),
        token: Secret::new(&config.token, &config.token_file),
    };
    config.enabled.then(|| Arc::new(ntfy()) as Arc<dyn Alerter>)
}

#[derive(Debug)]
struct Ntfy {
    web: Arc<HttpClient>,
    url: String,
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
            let keys = self.keys()?;
            let url = self.address("v1/health")?;
            // A token that is not known is refused whatever is asked.
            let said = self.ask(self.web.get(&url)?, &url, &keys).await?;
            // Any web page answers something.
            let stranger = || Failure::permanent("what answers is no ntfy server", "check alerters.ntfy.url");
            said["healthy"].as_bool().filter(|healthy| *healthy).ok_or_else(stranger)?;
            let known = if keys.token.is_some() { " and knows the token" } else { "" };
            Ok(format!("{} is an ntfy server{known}", host_port(&url)))
        })
    }

    fn settings(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.url, &self.topic, &self.token).hash(&mut hasher);
        hasher.finish()
    }
}

/// The secrets as they are now.
struct Keys {
    topic: SecretString,
    token: Option<SecretString>,
}

impl Ntfy {
    /// Under the number of a sequence: what comes again under the same is shown in place of what was there, on servers from 2.16
    /// and where the app can. An older one does not look at it, and shows an update beside the first message.
    async fn publish(&self, message: &Message) -> Result<Option<String>, Failure> {
        let keys = self.keys()?;
        let url = self.address("")?;
        let sequence = match (message.kind, &message.replaces) {
            (MessageKind::Update, Some(first)) => first,
            // News that is told again gets a new one: in place of the old one it would not be heard.
            _ => &message.id,
        };
        let message = json!({
            "topic": keys.topic.expose_secret(),
            "sequence_id": sequence,
            "title": fit(&headline(message), TITLE, char::len_utf8),
            "message": body(message, LONGEST, char::len_utf8),
            "priority": loudness(message),
            "tags": [sign(message)],
        });
        self.ask(self.web.post(&url)?.json(&message), &url, &keys).await?;
        Ok(Some(sequence.clone()))
    }

    /// What the server says; null if it cannot be read.
    async fn ask(&self, mut request: RequestBuilder, url: &Url, keys: &Keys) -> Result<Value, Failure> {
        if let Some(token) = &keys.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let answer = exchange(request, url, PATIENCE).await?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.is_success() { Ok(said) } else { Err(refusal(&answer, &said, url, keys)) }
    }

    fn keys(&self) -> Result<Keys, Failure> {
        let advice = "set alerters.ntfy.topic to the one that your phone listens to: letters, digits, - and _";
        let topic = self.topic.resolve()?.ok_or_else(|| Failure::permanent("there is no topic", advice))?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let letters = topic.expose_secret();
        if letters.len() > LONGEST_TOPIC || !letters.bytes().all(fits) {
            return Err(Failure::permanent("the topic is none", advice));
        }
        let token = self.token.resolve()?;
        let is_none = |token: &SecretString| !token.expose_secret().bytes().all(fits);
        if token.as_ref().is_some_and(is_none) {
            return Err(Failure::permanent(
                "the token has characters that no token has",
                "correct alerters.ntfy.token",
            ));
        }
        Ok(Keys { topic, token })
    }

    fn address(&self, path: &str) -> Result<Url, Failure> {
        let url = Url::parse(&format!("{}/{path}", self.url));
        url.map_err(|_| Failure::permanent("alerters.ntfy.url is no address", "correct it"))
    }
}

/// From 1, the quietest, to 5.
fn loudness(message: &Message) -> u8 {
    match (message.kind, message.priority) {
        (MessageKind::Update, _) | (_, Priority::Low) => QUIET,
        (_, Priority::Medium) => 3,
        (_, Priority::High) => 4,
        (_, Priority::Critical) => 5,
    }
}

/// The name of the sign before the title.
fn sign(message: &Message) -> &'static str {
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

fn refusal(answer: &Response, said: &Value, url: &Url, keys: &Keys) -> Failure {
    let secrets = [Some(&keys.topic), keys.token.as_ref()];
    let secrets: Vec<&str> = secrets.into_iter().flatten().map(ExposeSecret::expose_secret).collect();
    let shown = match quoted(said["error"].as_str().unwrap_or_default(), &secrets) {
        words if words.is_empty() => answer.status.to_string(),
        words => format!("{} {words}", answer.status.as_u16()),
    };
    let what = format!("{} answered {shown}", host_port(url));
    match retryable(answer, said["code"].is_number()) {
        Some(kind) => Failure::new(kind, what),
        None => Failure::permanent(what, advice(answer.status.as_u16(), keys.token.is_some())),
    }
}

const fn advice(status: u16, has_token: bool) -> &'static str {
    match status {
        300..=399 => "set alerters.ntfy.url to the address that it moved to",
        401 if has_token => "check alerters.ntfy.token: the server does not know it",
        403 if has_token => "check alerters.ntfy.topic and token: the token may not write there",
        401 | 403 => "set alerters.ntfy.token: the server does not let everybody write there",
        404 | 405 => "check alerters.ntfy.url: there is no ntfy server at that address",
        413 => "the server takes only shorter messages: raise its message-size-limit",
        _ => "please report this with the log",
    }
}
