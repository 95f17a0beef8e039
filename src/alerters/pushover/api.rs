//! Calls of the message API (<https://pushover.net/api>), and what its refusals mean.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::alerters::http::retryable;
use crate::alerters::words::quoted;
use crate::alerters::{Failure, FailureKind};
use crate::net::HttpClient;
use crate::net::client::{Response, exchange};
use crate::net::host::host_port;
use crate::net::retry_after::clamp_retry_after;
use crate::sys::secret_file::Secret;

/// The longest that a call may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An application's access for one user.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) web: Arc<HttpClient>,
    pub(super) api_url: String,
    pub(super) token: Secret,
    pub(super) user: Secret,
}

/// How an emergency does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Emergency {
    /// Nobody has answered yet.
    Rings,
    /// The person has.
    Acknowledged,
    /// It rings no more, or is not known.
    Over,
}

impl Api {
    /// Send a message; gives the receipt of an emergency.
    pub(super) async fn send(&self, message: &[(&str, String)]) -> Result<Option<String>, Failure> {
        let said = self.call(Method::POST, "messages.json", true, message).await?;
        Ok(said["receipt"].as_str().filter(|receipt| is_receipt(receipt)).map(str::to_owned))
    }

    /// How an emergency does.
    pub(super) async fn look_at(&self, receipt: &str) -> Result<Emergency, Failure> {
        let said = match self.call(Method::GET, &format!("receipts/{receipt}.json"), false, &[]).await {
            Err(failure) if failure.kind == FailureKind::Permanent => return Ok(Emergency::Over),
            said => said?,
        };
        let is = |key: &str| said[key] == 1;
        Ok(match (is("acknowledged"), is("expired")) {
            (true, _) => Emergency::Acknowledged,
            (false, true) => Emergency::Over,
            (false, false) => Emergency::Rings,
        })
    }

    /// End an emergency. One that is over already or not known is ended as well.
    pub(super) async fn cancel(&self, receipt: &str) -> Result<(), Failure> {
        match self.call(Method::POST, &format!("receipts/{receipt}/cancel.json"), false, &[]).await {
            Err(failure) if failure.kind != FailureKind::Permanent => Err(failure),
            _ => Ok(()),
        }
    }

    /// The names of the user's devices.
    pub(super) async fn devices(&self, device: &[(&str, String)]) -> Result<Vec<String>, Failure> {
        let said = self.call(Method::POST, "users/validate.json", true, device).await?;
        // Any web page answers something.
        let stranger = || Failure::permanent("what answers is not Pushover", "check alerters.pushover.api_url");
        let devices = said["devices"].as_array().ok_or_else(stranger)?;
        Ok(devices.iter().filter_map(Value::as_str).map(|name| quoted(name, &[""])).collect())
    }

    /// How many messages are left this month, and of how many.
    pub(super) async fn left(&self) -> Result<Option<(u64, u64)>, Failure> {
        let said = self.call(Method::GET, "apps/limits.json", false, &[]).await?;
        Ok(said["remaining"].as_u64().zip(said["limit"].as_u64()))
    }

    /// What the API says; null if it was done and that cannot be read.
    async fn call(
        &self,
        method: Method,
        path: &str,
        with_user: bool,
        more: &[(&str, String)],
    ) -> Result<Value, Failure> {
        let token = key(&self.token, "token")?;
        let user = key(&self.user, "user")?;
        let url = Url::parse(&format!("{}/1/{path}", self.api_url));
        let url = url.map_err(|_| Failure::permanent("alerters.pushover.api_url is no address", "correct it"))?;
        let mut fields = vec![("token", token.expose_secret())];
        if with_user {
            fields.push(("user", user.expose_secret()));
        }
        fields.extend(more.iter().map(|(key, value)| (*key, value.as_str())));
        let request = self.web.request(method.clone(), &url)?;
        let request = if method == Method::GET { request.query(&fields) } else { request.form(&fields) };
        let answer = exchange(request, &url, PATIENCE).await?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.is_success() && said["status"] != 0 {
            return Ok(said);
        }
        Err(refusal(&answer, &said, &url, &[token.expose_secret(), user.expose_secret()]))
    }
}

/// Whether a text is a receipt: one becomes a part of an address.
pub(super) fn is_receipt(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn key(secret: &Secret, name: &str) -> Result<SecretString, Failure> {
    let advice = || format!("set alerters.pushover.{name} to the one that pushover.net shows: letters and digits");
    let key = secret.resolve()?.ok_or_else(|| Failure::permanent(format!("there is no {name}"), advice()))?;
    if key.expose_secret().bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(key)
    } else {
        Err(Failure::permanent(format!("the {name} has characters that no {name} has"), advice()))
    }
}

fn refusal(answer: &Response, said: &Value, url: &Url, secrets: &[&str]) -> Failure {
    let errors = said["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let errors: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
    let shown = match quoted(&errors.join("; "), secrets) {
        words if words.is_empty() => answer.status.to_string(),
        words => format!("{} {words}", answer.status.as_u16()),
    };
    let what = format!("{} answered {shown}", host_port(url));
    let kind = match retryable(answer, said["status"] == 0) {
        Some(FailureKind::Retryable { retry_after: None }) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
            Some(FailureKind::Retryable { retry_after: reset(&answer.headers, Timestamp::now()) })
        }
        kind => kind,
    };
    match kind {
        Some(kind) => Failure::new(kind, what),
        None => Failure::permanent(what, advice(answer.status.as_u16(), said)),
    }
}

/// When the month's messages are used up: how long until there are new ones.
fn reset(headers: &HeaderMap, now: Timestamp) -> Option<jiff::SignedDuration> {
    let second = headers.get("x-limit-app-reset")?.to_str().ok()?.trim().parse().ok()?;
    Some(clamp_retry_after(Timestamp::from_second(second).ok()?.duration_since(now)))
}

fn advice(status: u16, said: &Value) -> &'static str {
    let names = |key: &str| said[key].is_string();
    match status {
        _ if names("token") => "check alerters.pushover.token: the application is not known",
        _ if names("device") => "check alerters.pushover.device: the user has none of that name",
        _ if names("user") => "check alerters.pushover.user: it is your user key, not your e-mail address",
        300..=399 => "set alerters.pushover.api_url to the address that it moved to",
        404 | 405 => "check alerters.pushover.api_url: there is no Pushover at that address",
        _ => "please report this with the log",
    }
}
