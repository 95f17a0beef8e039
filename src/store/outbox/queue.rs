//! Writes the outbox rows that decisions and answers of the user ask for.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::core::alert::{AlertKey, Priority};
use crate::core::channel::Channel;
use crate::core::delivery::lifecycle::{
    self, OutboxKind, QueueChange, QueuedDigest, QueuedRow, SupersedeReason, message_channels,
};
use crate::core::policy::decision::{Decision, PolicyDecision};
use crate::store::{count, millis};

pub(crate) fn queue_decision(db: &Connection, decision: &PolicyDecision, now: Timestamp) -> rusqlite::Result<()> {
    if matches!(decision.decision, Decision::Suppress | Decision::Hold) {
        return Ok(());
    }
    let key = &decision.alert.key;
    let change = lifecycle::queue_decision(decision, &queued_rows(db, key)?, &channels_showing(db, key)?);
    apply(db, &change, key, decision.alert.priority, now)?;
    if decision.decision == Decision::Resolve {
        supersede(db, &lifecycle::outdated_digests(&queued_digests(db, key)?), now)?;
    }
    Ok(())
}

/// One row a channel for all that a check put into a digest.
pub(crate) fn queue_digest(
    db: &Connection,
    decisions: &[PolicyDecision],
    digest: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    // The most urgent decision is the first, and all alerts of a digest share its channels.
    let Some(first) = decisions.iter().find(|decision| decision.decision == Decision::Coalesce) else { return Ok(()) };
    message_channels(&first.channels)
        .try_for_each(|channel| insert(db, channel, OutboxKind::Digest, None, Some(digest), first.alert.priority, now))
}

/// The user acknowledged or snoozed the key.
pub(crate) fn queue_answer(
    db: &Connection,
    key: &AlertKey,
    priority: Priority,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let change = lifecycle::queue_answer(&queued_rows(db, key)?, &channels_showing(db, key)?);
    apply(db, &change, key, priority, now)
}

/// Whether a message about the key is pending and no channel shows one.
pub(crate) fn is_unseen(db: &Connection, key: &AlertKey) -> rusqlite::Result<bool> {
    let has_alert = queued_rows(db, key)?.iter().any(|row| row.kind == OutboxKind::Alert);
    let has_pending_message = has_alert || !queued_digests(db, key)?.is_empty();
    Ok(lifecycle::is_unseen(has_pending_message, &channels_showing(db, key)?))
}

pub(super) fn insert(
    db: &Connection,
    channel: Channel,
    kind: OutboxKind,
    key: Option<&AlertKey>,
    digest: Option<i64>,
    priority: Priority,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "INSERT INTO outbox (channel, kind, key, digest, priority, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    write.execute(params![channel, kind, key, digest, priority, millis(now)]).map(drop)
}

pub(super) fn supersede(db: &Connection, rows: &[(i64, SupersedeReason)], now: Timestamp) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "UPDATE outbox SET state = ?2, reason = ?3, finished_at = ?4 WHERE id = ?1 AND state = 'pending'",
    )?;
    rows.iter().try_for_each(|(id, reason)| {
        write.execute(params![id, lifecycle::OutboxState::Superseded, reason, millis(now)]).map(drop)
    })
}

fn apply(
    db: &Connection,
    change: &QueueChange,
    key: &AlertKey,
    priority: Priority,
    now: Timestamp,
) -> rusqlite::Result<()> {
    supersede(db, &change.supersede, now)?;
    change.insert.iter().try_for_each(|(channel, kind)| insert(db, *channel, *kind, Some(key), None, priority, now))
}

fn queued_rows(db: &Connection, key: &AlertKey) -> rusqlite::Result<Vec<QueuedRow>> {
    let mut rows =
        db.prepare_cached("SELECT id, channel, kind FROM outbox WHERE key = ?1 AND state = 'pending' ORDER BY id")?;
    rows.query_map([key], |row| Ok(QueuedRow { id: row.get(0)?, channel: row.get(1)?, kind: row.get(2)? }))?.collect()
}

/// The pending digests that list the key.
fn queued_digests(db: &Connection, key: &AlertKey) -> rusqlite::Result<Vec<QueuedDigest>> {
    let mut rows = db.prepare_cached(
        "SELECT id, (SELECT count(*) FROM journal JOIN incidents USING (key)
                     WHERE journal.digest = outbox.digest AND incidents.open = 1)
         FROM outbox
         WHERE state = 'pending' AND digest IN (SELECT digest FROM journal WHERE key = ?1 AND digest IS NOT NULL)",
    )?;
    rows.query_map([key], |row| Ok(QueuedDigest { id: row.get(0)?, open_alerts: count(row.get(1)?) }))?.collect()
}

/// The channels with a message that shows the key, or that is in flight and may show it.
fn channels_showing(db: &Connection, key: &AlertKey) -> rusqlite::Result<Vec<Channel>> {
    let mut rows = db.prepare_cached(
        "SELECT channel FROM notification_log WHERE key = ?1 AND state = 'active'
         UNION SELECT channel FROM outbox WHERE in_flight = 1 AND key = ?1 AND kind = 'alert'
         UNION SELECT channel FROM outbox WHERE in_flight = 1
                 AND digest IN (SELECT digest FROM journal WHERE key = ?1 AND digest IS NOT NULL)",
    )?;
    rows.query_map([key], |row| row.get(0))?.collect()
}
