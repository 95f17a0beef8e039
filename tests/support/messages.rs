//! Messages, and alerters from a configuration.

use std::sync::Arc;

use jiff::ZonedDateTime;
use operator::alerters::{Alerter, enabled};
use operator::core::alert::{AlertKey, Category, Priority};
use operator::core::channel::Channel;
use operator::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use proptest::prelude::*;

/// In the user's zone, on the day of all messages.
pub(crate) fn at(time: &str) -> ZonedDateTime {
    format!("2026-11-20T{time}:00[America/Chicago]").parse().unwrap()
}

/// An open alert of high priority.
pub(crate) fn item(title: &str, message: &str) -> MessageItem {
    MessageItem {
        key: AlertKey::new(Category::Health, "readiness_low"),
        priority: Priority::High,
        title: title.into(),
        message: message.into(),
        source: Some("Oura".into()),
        at: at("07:05"),
        state: AlertState::Open,
    }
}

pub(crate) fn item_in_state(title: &str, state: AlertState) -> MessageItem {
    MessageItem { state, ..item(title, "Rest.") }
}

pub(crate) fn new_message(items: Vec<MessageItem>) -> Message {
    Message {
        id: "1f2e3d4c-17".into(),
        kind: MessageKind::New,
        priority: Priority::High,
        items,
        omitted: 0,
        replaces: None,
        at: at("07:06"),
    }
}

pub(crate) fn update(items: Vec<MessageItem>, replaces: &str) -> Message {
    Message { kind: MessageKind::Update, replaces: Some(replaces.into()), at: at("09:30"), ..new_message(items) }
}

/// The alerter of a channel. All other channels are disabled.
pub(crate) fn alerter(channel: Channel, keys: &str) -> Arc<dyn Alerter> {
    let text = format!("alerters: {{notification: {{enabled: false}}, {channel}: {{enabled: true, {keys}}}}}\n");
    let config = operator::config::parse(&text, "c.yaml", &|_| None).unwrap().0;
    enabled(&config.alerters, &Arc::default(), &|_| None).pop().unwrap()
}

/// Foreign text of any length.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,40}",
        "[<>&;/ab\"'\n\t ]{0,80}",
        (".{1,3}", 1..3_000_usize).prop_map(|(piece, times)| piece.repeat(times)),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}
