//! A small ntfy server with the checks that the real one makes, and a phone that listens to one topic of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::http::{Answer, Request, Server};

pub(crate) const TOPIC: &str = "s3cret-topic_77";
pub(crate) const TOKEN: &str = "tk_s3cret77";

/// The server's own limit of a message, in bytes; of JSON it reads twice that.
const LIMIT: usize = 4_096;

/// What the phone shows, by sequence, and how often it was heard.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phone {
    pub(crate) shown: BTreeMap<String, Value>,
    pub(crate) rings: usize,
}

/// A running server.
pub(crate) struct Ntfy {
    pub(crate) server: Server,
    phone: Arc<Mutex<Phone>>,
}

impl Ntfy {
    pub(crate) fn start() -> Self {
        Self::with(true)
    }

    /// One from before 2.16, which knows no sequences.
    pub(crate) fn old() -> Self {
        Self::with(false)
    }

    fn with(sequences: bool) -> Self {
        let phone = Arc::<Mutex<Phone>>::default();
        let listening = Arc::clone(&phone);
        let server = Server::start(move |request| match serve(request, &mut listening.lock().unwrap(), sequences) {
            Ok(said) => Answer::json(said.to_string()),
            Err((status, code, error)) => refusal(status, code, error),
        });
        Self { server, phone }
    }

    pub(crate) fn phone(&self) -> Phone {
        self.phone.lock().unwrap().clone()
    }

    /// The configuration's keys for it, in one line of YAML.
    pub(crate) fn keys(&self) -> String {
        keys(&self.server.url)
    }

    /// The same as a section.
    pub(crate) fn section(&self) -> Value {
        json!({"enabled": true, "url": self.server.url, "topic": TOPIC, "token": TOKEN})
    }
}

pub(crate) fn keys(url: &str) -> String {
    format!("topic: '{TOPIC}', token: '{TOKEN}', url: '{url}'")
}

/// A refusal in ntfy's form.
pub(crate) fn refusal(status: u16, code: u32, error: &str) -> Answer {
    let said = json!({"code": code, "http": status, "error": error, "link": "https://ntfy.sh/docs/"});
    Answer::Whole(status, "", said.to_string())
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
    if request.body.len() > 2 * LIMIT {
        return Err((413, 41_303, "JSON body too large"));
    }
    let message = request.json();
    if message["topic"] != TOPIC {
        return Err((403, 40_301, "forbidden"));
    }
    let text = message["message"].as_str().unwrap_or_default();
    if text.is_empty() || text.len() > LIMIT {
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
