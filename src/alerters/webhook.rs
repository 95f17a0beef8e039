//! A web address that takes messages as JSON: Home Assistant, ntfy, bridges to Slack and the like. `docs/webhook.md` describes
//! what is sent.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, Url};
use ring::hmac;
use secrecy::ExposeSecret;

use super::http::retryable;
use super::message::Payload;
use super::{Alerter, BoxFuture, Failure};
use crate::config::schema::WebhookConfig;
use crate::core::channel::Channel;
use crate::core::delivery::message::Message;
use crate::net::HttpClient;
use crate::net::client::{Response, exchange};
use crate::net::host::host_port;
use crate::sys::secret_file::Secret;

/// The alerter, if it is switched on.
#[must_use]
pub(super) fn alerter(config: &WebhookConfig, web: &Arc<HttpClient>) -> Option<Arc<dyn Alerter>> {
    let webhook = || Webhook {
        web: Arc::clone(web),
        url: Secret::new(&config.url, &config.url_file),
        key: Secret::new(&config.secret, &config.secret_file),
        patience: Duration::from_secs(config.timeout_seconds.into()),
    };
    config.enabled.then(|| Arc::new(webhook()) as Arc<dyn Alerter>)
}

#[derive(Debug)]
struct Webhook {
    web: Arc<HttpClient>,
    url: Secret,
    key: Secret,
    patience: Duration,
}

impl Alerter for Webhook {
    fn channel(&self) -> Channel {
        Channel::Webhook
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(self.post(message))
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            let url = self.address()?;
            self.key.resolve()?;
            let asked = self.web.request(Method::OPTIONS, &url)?;
            let answer = exchange(asked, &url, self.patience).await?;
            Ok(format!("{} answers (HTTP {})", host_port(&url), answer.status.as_u16()))
        })
    }

    fn settings(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.url.hash(&mut hasher);
        self.key.hash(&mut hasher);
        hasher.finish()
    }
}

impl Webhook {
    async fn post(&self, message: &Message) -> Result<Option<String>, Failure> {
        let url = self.address()?;
        let body = Payload::of(message).json()?;
        let mut request = self.web.post(&url)?;
        request = request.header("content-type", "application/json").header("idempotency-key", &message.id);
        let answer = exchange(self.signed(request, &body)?.body(body), &url, self.patience).await?;
        match refusal(&answer, &url) {
            None => Ok(Some(message.id.clone())),
            Some(failure) => Err(failure),
        }
    }

    fn signed(&self, request: RequestBuilder, body: &[u8]) -> Result<RequestBuilder, Failure> {
        let Some(key) = self.key.resolve()? else { return Ok(request) };
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes()), body);
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(request.header("x-operator-signature", format!("sha256={hex}")))
    }

    fn address(&self) -> Result<Url, Failure> {
        let wanted = "set alerters.webhook.url to an address that begins with https:// or http://";
        let given = self.url.resolve()?.ok_or_else(|| Failure::permanent("there is no address", wanted))?;
        // What the library says of a wrong address may repeat a part of it.
        let url = Url::parse(given.expose_secret())
            .map_err(|_| Failure::permanent("what is given is not an address", wanted))?;
        if matches!(url.scheme(), "http" | "https") {
            Ok(url)
        } else {
            Err(Failure::permanent("not a web address", wanted))
        }
    }
}

/// None when the message was taken.
fn refusal(answer: &Response, url: &Url) -> Option<Failure> {
    let status = answer.status;
    let said = format!("{} answered {status}", host_port(url));
    match retryable(answer, false) {
        _ if status.is_success() => None,
        Some(kind) => Some(Failure::new(kind, said)),
        None => Some(Failure::permanent(said, advice(status))),
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        300..=399 => "set alerters.webhook.url to the address that it moved to",
        401 | 403 => "check alerters.webhook.url and secret: the server does not accept them",
        404 | 410 => "check alerters.webhook.url: there is nothing at that address",
        405 => "check alerters.webhook.url: the address takes no POST",
        413 => "the server takes only shorter messages",
        _ => "see the server's log; docs/webhook.md describes what is sent",
    }
}
