//! Calls of the message API (<https://pushover.net/api>) and its errors as failures.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::alerters::http::retryable;
use crate::alerters::text::quote;
use crate::alerters::{Failure, FailureKind};
use crate::net::HttpClient;
use crate::net::client::{Response, exchange};
use crate::net::host::host_port;
use crate::net::retry_after::clamp_retry_after;
use crate::sys::secret_file::Secret;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Api {
    pub(super) http: Arc<HttpClient>,
    pub(super) base_url: String,
    /// Identifies the application.
    pub(super) token: Secret,
    /// Identifies the recipient.
    pub(super) user: Secret,
}

/// The state of an emergency, which its receipt identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReceiptState {
    /// The phone rings.
    Pending,
    Acknowledged,
    /// Expired, cancelled or unknown.
    Closed,
}

/// Whether to send the user key with a request.
#[derive(PartialEq, Eq)]
enum UserKey {
    Sent,
    NotSent,
}

impl Api {
    /// Returns the receipt of an emergency.
    pub(super) async fn send(&self, fields: &[(&str, String)]) -> Result<Option<String>, Failure> {
        let json = self.call(Method::POST, "messages.json", UserKey::Sent, fields).await?;
        Ok(json["receipt"].as_str().filter(|receipt| is_receipt(receipt)).map(str::to_owned))
    }

    pub(super) async fn receipt_state(&self, receipt: &str) -> Result<ReceiptState, Failure> {
        let path = format!("receipts/{receipt}.json");
        let json = match self.call(Method::GET, &path, UserKey::NotSent, &[]).await {
            Err(failure) if failure.kind == FailureKind::Permanent => return Ok(ReceiptState::Closed),
            result => result?,
        };
        Ok(match (json["acknowledged"] == 1, json["expired"] == 1) {
            (true, _) => ReceiptState::Acknowledged,
            (false, true) => ReceiptState::Closed,
            (false, false) => ReceiptState::Pending,
        })
    }

    /// Ends an emergency. A closed or unknown receipt is no error.
    pub(super) async fn cancel(&self, receipt: &str) -> Result<(), Failure> {
        let path = format!("receipts/{receipt}/cancel.json");
        match self.call(Method::POST, &path, UserKey::NotSent, &[]).await {
            Err(failure) if failure.kind != FailureKind::Permanent => Err(failure),
            _ => Ok(()),
        }
    }

    /// The names of the user's devices.
    pub(super) async fn devices(&self, device: &[(&str, String)]) -> Result<Vec<String>, Failure> {
        let json = self.call(Method::POST, "users/validate.json", UserKey::Sent, device).await?;
        // Any web page answers 200.
        let not_pushover = || Failure::permanent("the server is not Pushover", "check alerters.pushover.api_url");
        let devices = json["devices"].as_array().ok_or_else(not_pushover)?;
        Ok(devices.iter().filter_map(Value::as_str).map(|name| quote(name, &[""])).collect())
    }

    /// Messages left this month, and the monthly limit.
    pub(super) async fn quota(&self) -> Result<Option<(u64, u64)>, Failure> {
        let json = self.call(Method::GET, "apps/limits.json", UserKey::NotSent, &[]).await?;
        Ok(json["remaining"].as_u64().zip(json["limit"].as_u64()))
    }

    /// The JSON of a successful response; null if it is not JSON.
    async fn call(
        &self,
        method: Method,
        path: &str,
        user_key: UserKey,
        fields: &[(&str, String)],
    ) -> Result<Value, Failure> {
        let token = load_key(&self.token, "token")?;
        let user = load_key(&self.user, "user")?;
        let url = Url::parse(&format!("{}/1/{path}", self.base_url))
            .map_err(|_| Failure::permanent("alerters.pushover.api_url is not a valid URL", "correct it"))?;
        let mut form = vec![("token", token.expose_secret())];
        if user_key == UserKey::Sent {
            form.push(("user", user.expose_secret()));
        }
        form.extend(fields.iter().map(|(key, value)| (*key, value.as_str())));
        let request = self.http.request(method.clone(), &url)?;
        let request = if method == Method::GET { request.query(&form) } else { request.form(&form) };
        let response = exchange(request, &url, REQUEST_TIMEOUT).await?;
        let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if response.status.is_success() && json["status"] != 0 {
            return Ok(json);
        }
        Err(refusal(&response, &json, &url, &[token.expose_secret(), user.expose_secret()]))
    }
}

/// A receipt becomes a part of a URL, and the server sends it: it must be plain.
pub(super) fn is_receipt(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn load_key(secret: &Secret, name: &str) -> Result<SecretString, Failure> {
    let hint = || format!("set alerters.pushover.{name} to the one that pushover.net shows: letters and digits");
    let key = secret.resolve()?.ok_or_else(|| Failure::permanent(format!("no {name} is configured"), hint()))?;
    match key.expose_secret().bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(key),
        false => Err(Failure::permanent(format!("the {name} has invalid characters"), hint())),
    }
}

fn refusal(response: &Response, json: &Value, url: &Url, secrets: &[&str]) -> Failure {
    let errors = json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let errors: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
    let answer = match quote(&errors.join("; "), secrets) {
        errors if errors.is_empty() => response.status.to_string(),
        errors => format!("{} {errors}", response.status.as_u16()),
    };
    let what = format!("{} answered {answer}", host_port(url));
    match retryable(response, json["status"] == 0) {
        Some(FailureKind::Retryable { retry_after: None }) if response.status == StatusCode::TOO_MANY_REQUESTS => {
            let retry_after = until_quota_reset(&response.headers, Timestamp::now());
            Failure::new(FailureKind::Retryable { retry_after }, what)
        }
        Some(kind) => Failure::new(kind, what),
        None => Failure::permanent(what, hint(response.status.as_u16(), json)),
    }
}

/// The time until the monthly quota is reset.
fn until_quota_reset(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let second = headers.get("x-limit-app-reset")?.to_str().ok()?.trim().parse().ok()?;
    Some(clamp_retry_after(Timestamp::from_second(second).ok()?.duration_since(now)))
}

fn hint(status: u16, json: &Value) -> &'static str {
    // The API names the invalid field as a key of its own.
    let is_invalid = |field: &str| json[field].is_string();
    match status {
        _ if is_invalid("token") => "check alerters.pushover.token: the application is unknown",
        _ if is_invalid("device") => "check alerters.pushover.device: the user has no device with that name",
        _ if is_invalid("user") => "check alerters.pushover.user: it is your user key, not your e-mail address",
        300..=399 => "set alerters.pushover.api_url to the address that it moved to",
        404 | 405 => "check alerters.pushover.api_url: there is no Pushover at that address",
        _ => "please report this with the log",
    }
}
