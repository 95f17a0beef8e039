//! From a parcel to the notice that an alerter draws.

use jiff::ZonedDateTime;

use crate::core::alert::{AlertKey, Category, Priority};
use crate::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use crate::core::text::source_name;
use crate::store::outbox::batch_items::BatchItem;
use crate::store::outbox::claim::OutboxBatch;

/// The notice of a parcel at `now`. `mark` tells our database's messages from any other's.
pub(crate) fn written(parcel: &OutboxBatch, mark: &str, now: &ZonedDateTime) -> Message {
    let items: Vec<MessageItem> = match parcel.kind {
        MessageKind::Test => vec![test_item(now)],
        _ => parcel.items.iter().map(|member| item(member, now)).collect(),
    };
    let loudest = |holds: bool| {
        let counts = |item: &&MessageItem| !holds || item.state == AlertState::Open;
        items.iter().filter(counts).map(|item| item.priority).max()
    };
    Message {
        id: match parcel.target() {
            // Its buttons answer for the message that it takes the place of.
            Some(target) => format!("{mark}-{target}-{}", parcel.id),
            None => format!("{mark}-{}", parcel.id),
        },
        kind: parcel.kind,
        priority: loudest(true).or(loudest(false)).unwrap_or(Priority::Low),
        items,
        omitted: parcel.omitted,
        replaces: parcel.replaces.clone(),
        at: now.clone(),
    }
}

/// The number of the parcel that a notice's buttons answer for, if it is one of this database's.
pub(crate) fn parcel_of(message: &str, mark: &str) -> Option<i64> {
    message.strip_prefix(mark)?.strip_prefix('-')?.split('-').next()?.parse().ok()
}

fn item(member: &BatchItem, now: &ZonedDateTime) -> MessageItem {
    let BatchItem { incident, resolved } = member;
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
    fn buttons_answer_for_the_message_that_told() {
        assert_eq!(parcel_of("5be2c1d0-17", "5be2c1d0"), Some(17));
        assert_eq!(parcel_of("5be2c1d0-17-23", "5be2c1d0"), Some(17), "an update of 17");
        for foreign in ["5be2c1d1-17", "5be2c1d0", "5be2c1d0-", "5be2c1d0x-17", "17", ""] {
            assert_eq!(parcel_of(foreign, "5be2c1d0"), None, "{foreign}");
        }
    }
}
