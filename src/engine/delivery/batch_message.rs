//! From a parcel to the notice that an alerter draws.

use jiff::ZonedDateTime;

use crate::core::alert::{AlertKey, Category, Priority};
use crate::core::delivery::message::{Item, Notice, NoticeKind, Standing};
use crate::core::text::source_name;
use crate::store::outbox::batch_items::Member;
use crate::store::outbox::claim::Parcel;

/// The notice of a parcel at `now`. `mark` tells our database's messages from any other's.
pub(super) fn written(parcel: &Parcel, mark: &str, now: &ZonedDateTime) -> Notice {
    let items: Vec<Item> = match parcel.kind {
        NoticeKind::Test => vec![test_item(now)],
        _ => parcel.members.iter().map(|member| item(member, now)).collect(),
    };
    let loudest = |holds: bool| {
        let counts = |item: &&Item| !holds || item.standing == Standing::Open;
        items.iter().filter(counts).map(|item| item.priority).max()
    };
    Notice {
        id: match parcel.target() {
            // Its buttons answer for the message that it takes the place of.
            Some(target) => format!("{mark}-{target}-{}", parcel.id),
            None => format!("{mark}-{}", parcel.id),
        },
        kind: parcel.kind,
        priority: loudest(true).or(loudest(false)).unwrap_or(Priority::Low),
        items,
        left_out: parcel.left_out,
        replaces: parcel.replaces.clone(),
        at: now.clone(),
    }
}

/// The number of the parcel that a notice's buttons answer for, if it is one of this database's.
pub(super) fn parcel_of(notice: &str, mark: &str) -> Option<i64> {
    notice.strip_prefix(mark)?.strip_prefix('-')?.split('-').next()?.parse().ok()
}

fn item(member: &Member, now: &ZonedDateTime) -> Item {
    let Member { incident, resolved } = member;
    let zoned = |at: jiff::Timestamp| at.to_zoned_datetime(now.time_zone().clone());
    let standing = match incident.snoozed_until.filter(|until| *until > now.timestamp()) {
        _ if *resolved => Standing::Resolved,
        _ if incident.acknowledged => Standing::Acknowledged,
        Some(until) => Standing::Snoozed { until: zoned(until) },
        None => Standing::Open,
    };
    let alert = &incident.alert;
    Item {
        key: alert.key.clone(),
        priority: alert.priority,
        title: alert.title.clone(),
        message: alert.message.clone(),
        source: alert.facts.get("source").and_then(|source| source.as_str()).map(source_name),
        at: zoned(alert.at),
        standing,
    }
}

fn test_item(now: &ZonedDateTime) -> Item {
    Item {
        key: AlertKey::new(Category::System, "test"),
        priority: Priority::High,
        title: "Test from Operator".into(),
        message: "Alerts reach you here. There is nothing to do.".into(),
        source: None,
        at: now.clone(),
        standing: Standing::Open,
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
