//! A fake Pushover API with the real API's checks, and the phone of its user.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use reqwest::Url;
use serde_json::{Value, json};

use super::http::{Answer, Request, Server};

pub(crate) const TOKEN: &str = "as3cretTokenOfTheApplication77";
pub(crate) const USER: &str = "us3cretKeyOfThePersonWhoReads7";

/// The fields of a sent message.
pub(crate) type SentFields = BTreeMap<String, String>;

/// The state of an emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmergencyState {
    Ringing,
    Acknowledged,
    Cancelled,
    Expired,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<SentFields>,
    emergencies: BTreeMap<String, EmergencyState>,
}

pub(crate) struct Pushover {
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
}

impl Pushover {
    pub(crate) fn start() -> Self {
        Self::with(|_| None)
    }

    /// `fault` overrides the response to some requests.
    pub(crate) fn with(fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| {
            fault(request).unwrap_or_else(|| match serve(request, &mut shared.lock().unwrap()) {
                Ok(mut json) => {
                    json["status"] = 1.into();
                    Answer::json(json.to_string())
                }
                Err((status, key, error)) => refusal(status, key, error),
            })
        });
        Self { server, state }
    }

    pub(crate) fn messages(&self) -> Vec<SentFields> {
        self.state.lock().unwrap().messages.clone()
    }

    pub(crate) fn emergencies(&self) -> BTreeMap<String, EmergencyState> {
        self.state.lock().unwrap().emergencies.clone()
    }

    pub(crate) fn set_state(&self, receipt: &str, state: EmergencyState) {
        self.state.lock().unwrap().emergencies.insert(receipt.into(), state);
    }

    pub(crate) fn keys(&self) -> String {
        keys(&self.server.url)
    }

    pub(crate) fn section(&self) -> Value {
        json!({"enabled": true, "api_url": self.server.url, "token": TOKEN, "user": USER})
    }
}

/// The configuration keys in flow style.
pub(crate) fn keys(url: &str) -> String {
    format!("token: {TOKEN}, user: {USER}, api_url: '{url}'")
}

/// An error response of the API.
pub(crate) fn refusal(status: u16, key: &str, error: &str) -> Answer {
    let mut json = json!({"status": 0, "request": "e460545a", "errors": [error]});
    json[key] = "invalid".into();
    Answer::Whole(status, "", json.to_string())
}

type Refusal = (u16, &'static str, &'static str);

fn serve(request: &Request, state: &mut State) -> Result<Value, Refusal> {
    let query: Vec<String> = request.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let body = String::from_utf8(request.body.clone()).unwrap();
    let form = if request.method == "GET" { query.join("&") } else { body };
    let fields: SentFields = Url::parse(&format!("http://x/?{form}")).unwrap().query_pairs().into_owned().collect();
    if fields.get("token").map(String::as_str) != Some(TOKEN) {
        return Err((400, "token", "application token is invalid"));
    }
    let parts: Vec<&str> = request.path.trim_start_matches("/1/").split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["apps", "limits.json"]) => Ok(json!({"limit": 10_000, "remaining": 7_496, "reset": 1_393_653_600})),
        ("GET", ["receipts", file]) => {
            let receipt = file.strip_suffix(".json").unwrap_or_default();
            let rings = state.emergencies.get(receipt).ok_or((404, "receipt", "receipt not found"))?;
            let is = |other: EmergencyState| i32::from(*rings == other);
            Ok(
                json!({"acknowledged": is(EmergencyState::Acknowledged), "expired": is(EmergencyState::Expired), "acknowledged_by": USER}),
            )
        }
        ("POST", ["receipts", receipt, "cancel.json"]) => {
            let rings = state.emergencies.get_mut(*receipt).ok_or((404, "receipt", "receipt not found"))?;
            if *rings == EmergencyState::Ringing {
                *rings = EmergencyState::Cancelled;
            }
            Ok(json!({}))
        }
        ("POST", ["users", "validate.json"]) => check_user(&fields).map(|()| json!({"devices": ["pixel", "ipad"]})),
        ("POST", ["messages.json"]) => check_user(&fields).and_then(|()| message(fields, state)),
        _ => Err((404, "", "not found")),
    }
}

fn check_user(fields: &SentFields) -> Result<(), Refusal> {
    if fields.get("user").map(String::as_str) != Some(USER) {
        return Err((400, "user", "user identifier is not a valid user, group, or subscribed user key"));
    }
    match fields.get("device").map(String::as_str) {
        None | Some("pixel" | "ipad") => Ok(()),
        Some(_) => Err((400, "device", "device name is not valid for user")),
    }
}

fn message(fields: SentFields, state: &mut State) -> Result<Value, Refusal> {
    let length = |key: &str| fields.get(key).map_or(0, |text| text.chars().count());
    let number = |key: &str| fields.get(key).and_then(|text| text.parse::<i64>().ok());
    if !(1..=1_024).contains(&length("message")) || length("title") > 250 {
        return Err((400, "message", "message is too long or blank"));
    }
    let priority = number("priority").filter(|priority| (-2..=2).contains(priority));
    let emergency = priority.ok_or((400, "priority", "priority is invalid"))? == 2;
    let waits = number("retry").is_some_and(|retry| retry >= 30) && number("expire").is_some_and(|end| end <= 10_800);
    if emergency && !waits {
        return Err((400, "expire", "expire and retry must be supplied with priority=2"));
    }
    state.messages.push(fields);
    if !emergency {
        return Ok(json!({"request": "647d2300"}));
    }
    let receipt = format!("r{:029}", state.emergencies.len());
    state.emergencies.insert(receipt.clone(), EmergencyState::Ringing);
    Ok(json!({"request": "647d2300", "receipt": receipt}))
}
