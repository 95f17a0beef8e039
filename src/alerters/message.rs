//! A message as JSON, for whatever takes it: `docs/webhook.md` describes it.

use jiff::ZonedDateTime;
use serde::Serialize;

use super::Failure;
use super::words::{headline, more, plain, title};
use crate::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};

/// What is handed over.
#[derive(Serialize)]
pub(super) struct Payload<'a> {
    id: &'a str,
    kind: MessageKind,
    at: String,
    priority: &'static str,
    title: String,
    /// The whole message in words, for those that show one text.
    text: String,
    alerts: Vec<PayloadAlert<'a>>,
    omitted: usize,
    replaces: Option<&'a str>,
}

#[derive(Serialize)]
struct PayloadAlert<'a> {
    key: &'a str,
    priority: &'static str,
    standing: &'static str,
    snoozed_until: Option<String>,
    title: &'a str,
    message: &'a str,
    source: Option<&'a str>,
    at: String,
}

impl<'a> Payload<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        Self {
            id: &message.id,
            kind: message.kind,
            at: moment(&message.at),
            priority: message.priority.as_str(),
            title: headline(message),
            text: text(message),
            alerts: message.items.iter().map(PayloadAlert::of).collect(),
            omitted: message.omitted,
            replaces: message.replaces.as_deref(),
        }
    }

    /// The text of it.
    pub(super) fn json(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self).map_err(|error| Failure::permanent(error.to_string(), ""))
    }
}

impl<'a> PayloadAlert<'a> {
    fn of(item: &'a MessageItem) -> Self {
        let (standing, snoozed_until) = match &item.state {
            AlertState::Open => ("open", None),
            AlertState::Acknowledged => ("acknowledged", None),
            AlertState::Snoozed { until } => ("snoozed", Some(moment(until))),
            AlertState::Resolved => ("resolved", None),
        };
        Self {
            key: item.key.as_str(),
            priority: item.priority.as_str(),
            standing,
            snoozed_until,
            title: &item.title,
            message: &item.message,
            source: item.source.as_deref(),
            at: moment(&item.at),
        }
    }
}

/// RFC 3339 with the person's offset.
fn moment(at: &ZonedDateTime) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn text(message: &Message) -> String {
    let one = |item: &MessageItem| plain(&item.message);
    let listed = |item: &MessageItem| format!("{}: {}", title(item), plain(&item.message));
    let rest = (message.omitted > 0).then(|| more(message.omitted));
    let items = message.items.iter().map(|item| if message.is_digest() { listed(item) } else { one(item) });
    items.chain(rest).collect::<Vec<_>>().join("\n")
}
