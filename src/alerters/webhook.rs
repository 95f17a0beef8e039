//! The webhook channel: posts messages as JSON. `docs/webhook.md` describes the request.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, Url};
use ring::hmac;
use secrecy::ExposeSecret;

use super::http::retryable;
use super::payload::Payload;
use super::{Alerter, BoxFuture, Failure, hash_of};
use crate::config::schema::WebhookConfig;
use crate::core::channel::Channel;
use crate::core::delivery::message::Message;
use crate::net::HttpClient;
use crate::net::client::{Response, exchange};
use crate::net::host::host_port;
use crate::sys::secret_file::Secret;

const URL_HINT: &str = "set alerters.webhook.url to an address that begins with https:// or http://";

#[derive(Debug)]
pub(super) struct Webhook {
    http: Arc<HttpClient>,
    /// May hold credentials: only its host and port are shown.
    url: Secret,
    signing_key: Secret,
    timeout: Duration,
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
            let url = self.url()?;
            self.signing_key.resolve()?;
            let response = exchange(self.http.request(Method::OPTIONS, &url)?, &url, self.timeout).await?;
            Ok(format!("{} answers (HTTP {})", host_port(&url), response.status.as_u16()))
        })
    }

    fn config_hash(&self) -> u64 {
        hash_of((&self.url, &self.signing_key))
    }
}

impl Webhook {
    pub(super) fn new(config: &WebhookConfig, http: &Arc<HttpClient>) -> Self {
        Self {
            http: Arc::clone(http),
            url: Secret::new(&config.url, &config.url_file),
            signing_key: Secret::new(&config.secret, &config.secret_file),
            timeout: Duration::from_secs(config.timeout_seconds.into()),
        }
    }

    async fn post(&self, message: &Message) -> Result<Option<String>, Failure> {
        let url = self.url()?;
        let body = Payload::new(message).to_json()?;
        let request = self.http.post(&url)?.header("content-type", "application/json");
        let request = self.sign(request.header("idempotency-key", &message.id), &body)?;
        let response = exchange(request.body(body), &url, self.timeout).await?;
        check_status(&response, &url)?;
        Ok(Some(message.id.clone()))
    }

    fn sign(&self, request: RequestBuilder, body: &[u8]) -> Result<RequestBuilder, Failure> {
        let Some(key) = self.signing_key.resolve()? else { return Ok(request) };
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes()), body);
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(request.header("x-operator-signature", format!("sha256={hex}")))
    }

    fn url(&self) -> Result<Url, Failure> {
        let url = self.url.resolve()?.ok_or_else(|| Failure::permanent("no URL is configured", URL_HINT))?;
        // The parser's error may repeat a part of the URL.
        let url = Url::parse(url.expose_secret()).map_err(|_| Failure::permanent("the URL is not valid", URL_HINT))?;
        match url.scheme() {
            "http" | "https" => Ok(url),
            _ => Err(Failure::permanent("the URL is not a web address", URL_HINT)),
        }
    }
}

fn check_status(response: &Response, url: &Url) -> Result<(), Failure> {
    let status = response.status;
    let what = format!("{} answered {status}", host_port(url));
    match retryable(response, false) {
        _ if status.is_success() => Ok(()),
        Some(kind) => Err(Failure::new(kind, what)),
        None => Err(Failure::permanent(what, hint(status))),
    }
}

fn hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        300..=399 => "set alerters.webhook.url to the address that it moved to",
        401 | 403 => "check alerters.webhook.url and secret: the server does not accept them",
        404 | 410 => "check alerters.webhook.url: there is nothing at that address",
        405 => "check alerters.webhook.url: the address takes no POST",
        413 => "the server accepts only shorter messages",
        _ => "see the server's log; docs/webhook.md describes the request",
    }
}
