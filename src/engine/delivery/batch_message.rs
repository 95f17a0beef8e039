//! The message of an outbox batch, and the batch of a message id.

use jiff::ZonedDateTime;

use crate::core::alert::{AlertKey, Category, Priority};
use crate::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use crate::core::text::source_name;
use crate::store::outbox::batch_items::BatchItem;
use crate::store::outbox::claim::OutboxBatch;

/// `database_id` distinguishes our messages from those of other databases; `now` is in the user's time zone.
pub(crate) fn message_from_batch(batch: &OutboxBatch, database_id: &str, now: &ZonedDateTime) -> Message {
    let items: Vec<MessageItem> = match batch.kind {
        MessageKind::Test => vec![test_item(now)],
        _ => batch.items.iter().map(|item| message_item(item, now)).collect(),
    };
    let highest = |only_open: bool| {
        let counts = |item: &&MessageItem| !only_open || item.state == AlertState::Open;
        items.iter().filter(counts).map(|item| item.priority).max()
    };
    Message {
        id: match batch.target() {
            // The buttons of an update belong to the message that it replaces.
            Some(target) => format!("{database_id}-{target}-{}", batch.id),
            None => format!("{database_id}-{}", batch.id),
        },
        kind: batch.kind,
        priority: highest(true).or(highest(false)).unwrap_or(Priority::Low),
        items,
        omitted: batch.omitted,
        replaces: batch.replaces.clone(),
        at: now.clone(),
    }
}

/// The batch that a message's buttons belong to, if the message is one of this database's.
pub(crate) fn batch_id_from(message_id: &str, database_id: &str) -> Option<i64> {
    message_id.strip_prefix(database_id)?.strip_prefix('-')?.split('-').next()?.parse().ok()
}

fn message_item(item: &BatchItem, now: &ZonedDateTime) -> MessageItem {
    let BatchItem { incident, resolved } = item;
    let zoned = |at: jiff::Timestamp| at.to_zoned_datetime(now.time_zone().clone());
    let state = match incident.snoozed_until.filter(|until| *until > now.timestamp()) {
        _ if *resolved => AlertState::Resolved,
        _ if incident.acknowledged => AlertState::Acknowledged,
        Some(until) => AlertState::Snoozed { until: zoned(until) },
        None => AlertState::Open,
    };
    let alert = &incident.alert;
    MessageItem {
        key: alert.key.clone(),
        priority: alert.priority,
        title: alert.title.clone(),
        message: alert.message.clone(),
        source: alert.facts.get("source").and_then(|source| source.as_str()).map(source_name),
        at: zoned(alert.at),
        state,
    }
}

fn test_item(now: &ZonedDateTime) -> MessageItem {
    MessageItem {
        key: AlertKey::new(Category::System, "test"),
        priority: Priority::High,
        title: "Test from Operator".into(),
        message: "Alerts reach you here. There is nothing to do.".into(),
        source: None,
        at: now.clone(),
        state: AlertState::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_belong_to_the_first_message() {
        assert_eq!(batch_id_from("5be2c1d0-17", "5be2c1d0"), Some(17));
        assert_eq!(batch_id_from("5be2c1d0-17-23", "5be2c1d0"), Some(17), "an update of 17");
        for foreign in ["5be2c1d1-17", "5be2c1d0", "5be2c1d0-", "5be2c1d0x-17", "17", ""] {
            assert_eq!(batch_id_from(foreign, "5be2c1d0"), None, "{foreign}");
        }
    }
}
