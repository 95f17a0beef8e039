//! A fake ntfy server with the real server's checks, and a phone that is subscribed to a topic.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::http::{Answer, Request, Server};

pub(crate) const TOPIC: &str = "s3cret-topic_77";
pub(crate) const TOKEN: &str = "tk_s3cret77";

/// The server's limit for a message. It reads twice as much JSON.
const MAX_MESSAGE_BYTES: usize = 4_096;

/// The messages on the phone by sequence id, and how often it made a sound.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phone {
    pub(crate) shown: BTreeMap<String, Value>,
    pub(crate) rings: usize,
}

pub(crate) struct Ntfy {
    pub(crate) server: Server,
    phone: Arc<Mutex<Phone>>,
}

impl Ntfy {
    pub(crate) fn start() -> Self {
        Self::with(true)
    }

    /// A server before version 2.16, without sequence ids.
    pub(crate) fn old() -> Self {
        Self::with(false)
    }

    fn with(sequences: bool) -> Self {
        let phone = Arc::<Mutex<Phone>>::default();
        let subscribed = Arc::clone(&phone);
        let server = Server::start(move |request| match serve(request, &mut subscribed.lock().unwrap(), sequences) {
            Ok(json) => Answer::json(json.to_string()),
            Err((status, code, error)) => refusal(status, code, error),
        });
        Self { server, phone }
    }

    pub(crate) fn phone(&self) -> Phone {
        self.phone.lock().unwrap().clone()
    }

    /// The configuration keys in flow style.
    pub(crate) fn keys(&self) -> String {
        keys(&self.server.url)
    }

    /// The configuration section.
    pub(crate) fn section(&self) -> Value {
        json!({"enabled": true, "url": self.server.url, "topic": TOPIC, "token": TOKEN})
    }
}

pub(crate) fn keys(url: &str) -> String {
    format!("topic: '{TOPIC}', token: '{TOKEN}', url: '{url}'")
}

/// An error response of the server.
pub(crate) fn refusal(status: u16, code: u32, error: &str) -> Answer {
    let json = json!({"code": code, "http": status, "error": error, "link": "https://ntfy.sh/docs/"});
    Answer::Whole(status, "", json.to_string())
}

fn serve(request: &Request, phone: &mut Phone, sequences: bool) -> Result<Value, (u16, u32, &'static str)> {
    if request.headers.get("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return Err((401, 40_101, "unauthorized"));
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/v1/health") => Ok(json!({"healthy": true})),
        ("POST", "/") => publish(request, phone, sequences),
        _ => Err((404, 40_401, "page not found")),
    }
}

fn publish(request: &Request, phone: &mut Phone, sequences: bool) -> Result<Value, (u16, u32, &'static str)> {
    if request.body.len() > 2 * MAX_MESSAGE_BYTES {
        return Err((413, 41_303, "JSON body too large"));
    }
    let message = request.json();
    if message["topic"] != TOPIC {
        return Err((403, 40_301, "forbidden"));
    }
    let text = message["message"].as_str().unwrap_or_default();
    if text.is_empty() || text.len() > MAX_MESSAGE_BYTES {
        return Err((400, 40_014, "attachments not allowed"));
    }
    let priority = message["priority"].as_u64().filter(|priority| (1..=5).contains(priority));
    let priority = priority.ok_or((400, 40_007, "priority invalid"))?;
    let id = format!("m{}", phone.shown.len());
    let mut sequence = id.clone();
    if sequences && let Some(given) = message["sequence_id"].as_str() {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if given.is_empty() || given.len() > 64 || !given.chars().all(fits) {
            return Err((400, 40_049, "sequence ID invalid"));
        }
        sequence = given.to_owned();
    }
    phone.rings += usize::from(priority > 2);
    phone.shown.insert(sequence, message);
    Ok(json!({"id": id, "event": "message", "topic": TOPIC}))
}
