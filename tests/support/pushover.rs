//! A small Pushover with the checks that the real one makes, and the phone of its one user.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use reqwest::Url;
use serde_json::{Value, json};

use super::http::{Answer, Request, Server};

pub(crate) const TOKEN: &str = "as3cretTokenOfTheApplication77";
pub(crate) const USER: &str = "us3cretKeyOfThePersonWhoReads7";

/// A message on the phone, by field.
pub(crate) type SentFields = BTreeMap<String, String>;

/// An emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rings {
    Yes,
    Acknowledged,
    Cancelled,
    Expired,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<SentFields>,
    emergencies: BTreeMap<String, Rings>,
}

/// A running Pushover.
pub(crate) struct Pushover {
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
}

impl Pushover {
    pub(crate) fn start() -> Self {
        Self::with(|_| None)
    }

    /// One that answers some requests in another way.
    pub(crate) fn with(fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| {
            fault(request).unwrap_or_else(|| match serve(request, &mut shared.lock().unwrap()) {
                Ok(mut said) => {
                    said["status"] = 1.into();
                    Answer::json(said.to_string())
                }
                Err((status, key, error)) => refusal(status, key, error),
            })
        });
        Self { server, state }
    }

    pub(crate) fn messages(&self) -> Vec<SentFields> {
        self.state.lock().unwrap().messages.clone()
    }

    pub(crate) fn emergencies(&self) -> BTreeMap<String, Rings> {
        self.state.lock().unwrap().emergencies.clone()
    }

    /// The person answers on the phone, or time passes.
    pub(crate) fn turns(&self, receipt: &str, into: Rings) {
        self.state.lock().unwrap().emergencies.insert(receipt.into(), into);
    }

    pub(crate) fn keys(&self) -> String {
        keys(&self.server.url)
    }

    pub(crate) fn section(&self) -> Value {
        json!({"enabled": true, "api_url": self.server.url, "token": TOKEN, "user": USER})
    }
}

/// The configuration's keys for a server, in one line of YAML.
pub(crate) fn keys(url: &str) -> String {
    format!("token: {TOKEN}, user: {USER}, api_url: '{url}'")
}

/// A refusal in Pushover's form.
pub(crate) fn refusal(status: u16, key: &str, error: &str) -> Answer {
    let mut said = json!({"status": 0, "request": "e460545a", "errors": [error]});
    said[key] = "invalid".into();
    Answer::Whole(status, "", said.to_string())
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
            let is = |other: Rings| i32::from(*rings == other);
            Ok(json!({"acknowledged": is(Rings::Acknowledged), "expired": is(Rings::Expired), "acknowledged_by": USER}))
        }
        ("POST", ["receipts", receipt, "cancel.json"]) => {
            let rings = state.emergencies.get_mut(*receipt).ok_or((404, "receipt", "receipt not found"))?;
            if *rings == Rings::Yes {
                *rings = Rings::Cancelled;
            }
            Ok(json!({}))
        }
        ("POST", ["users", "validate.json"]) => known(&fields).map(|()| json!({"devices": ["pixel", "ipad"]})),
        ("POST", ["messages.json"]) => known(&fields).and_then(|()| message(fields, state)),
        _ => Err((404, "", "not found")),
    }
}

fn known(fields: &SentFields) -> Result<(), Refusal> {
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
    state.emergencies.insert(receipt.clone(), Rings::Yes);
    Ok(json!({"request": "647d2300", "receipt": receipt}))
}
