//! A message as JSON for webhooks and exec plugins. `docs/webhook.md` describes the fields.

use jiff::ZonedDateTime;
use serde::Serialize;

use super::Failure;
use super::text::{headline, omitted, sanitize, title};
use crate::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};

#[derive(Serialize)]
pub(super) struct Payload<'a> {
    id: &'a str,
    kind: MessageKind,
    at: String,
    priority: &'static str,
    title: String,
    /// The whole message, for receivers that show one text.
    text: String,
    alerts: Vec<PayloadAlert<'a>>,
    omitted: usize,
    replaces: Option<&'a str>,
}

#[derive(Serialize)]
struct PayloadAlert<'a> {
    key: &'a str,
    priority: &'static str,
    state: &'static str,
    snoozed_until: Option<String>,
    title: &'a str,
    message: &'a str,
    source: Option<&'a str>,
    at: String,
}

impl<'a> Payload<'a> {
    pub(super) fn new(message: &'a Message) -> Self {
        Self {
            id: &message.id,
            kind: message.kind,
            at: rfc3339(&message.at),
            priority: message.priority.as_str(),
            title: headline(message),
            text: text(message),
            alerts: message.items.iter().map(PayloadAlert::new).collect(),
            omitted: message.omitted,
            replaces: message.replaces.as_deref(),
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self).map_err(|error| Failure::permanent(error.to_string(), ""))
    }
}

impl<'a> PayloadAlert<'a> {
    fn new(item: &'a MessageItem) -> Self {
        let (state, snoozed_until) = match &item.state {
            AlertState::Open => ("open", None),
            AlertState::Acknowledged => ("acknowledged", None),
            AlertState::Snoozed { until } => ("snoozed", Some(rfc3339(until))),
            AlertState::Resolved => ("resolved", None),
        };
        Self {
            key: item.key.as_str(),
            priority: item.priority.as_str(),
            state,
            snoozed_until,
            title: &item.title,
            message: &item.message,
            source: item.source.as_deref(),
            at: rfc3339(&item.at),
        }
    }
}

/// With the user's UTC offset.
fn rfc3339(at: &ZonedDateTime) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn text(message: &Message) -> String {
    let line = |item: &MessageItem| match message.is_digest() {
        true => format!("{}: {}", title(item), sanitize(&item.message)),
        false => sanitize(&item.message),
    };
    let rest = (message.omitted > 0).then(|| omitted(message.omitted));
    message.items.iter().map(line).chain(rest).collect::<Vec<_>>().join("\n")
}
