//! Records the results of sends, and takes over what an earlier process left.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::claim::OutboxBatch;
use super::{batch_items, queue};
use crate::core::alert::{AlertKey, Priority};
use crate::core::channel::Channel;
use crate::core::delivery::channel_backoff::ChannelBackoff;
use crate::core::delivery::failure::Failure;
use crate::core::delivery::lifecycle::{
    self, ActiveBatch, FailedRow, LeftRow, NotificationState, OutboxKind, OutboxState, RowStatus, SupersedeReason,
};
use crate::core::delivery::message::MessageKind;
use crate::store::{Result, Store, millis, settings};

impl Store {
    /// Records the result of a send and the backoff of its channel. After an error the message stays in flight.
    pub fn record_result(
        &mut self,
        batch: &OutboxBatch,
        result: &std::result::Result<Option<String>, Failure>,
        backoff: &ChannelBackoff,
        now: Timestamp,
    ) -> Result<()> {
        self.write(|db| {
            update_log(db, batch, result)?;
            update_rows(db, batch, result, now)?;
            settings::save_channel_backoff(db, batch.channel, backoff)
        })
    }

    /// At the first use of a database: rows in flight may have been seen and go out again. Tests do not, nor do new alerts on
    /// channels that are disabled now.
    pub fn recover_outbox(&mut self, enabled: &[Channel], now: Timestamp) -> Result<()> {
        self.write(|db| {
            for (batch_id, channel) in interrupted_batches(db)? {
                mark_active(db, batch_id, channel, &batch_items::keys_in_flight(db, batch_id)?)?;
            }
            let mut superseded: Vec<(i64, SupersedeReason)> = Vec::new();
            let mut interrupted =
                db.prepare_cached("UPDATE outbox SET unconfirmed = 1, in_flight = 0 WHERE id = ?1")?;
            for row in left_rows(db, enabled)? {
                let recovery = lifecycle::recover(row);
                if recovery.unconfirmed {
                    interrupted.execute([row.id])?;
                }
                superseded.extend(recovery.supersede.map(|reason| (row.id, reason)));
            }
            queue::supersede(db, &superseded, now)
        })
    }

    /// After a change of the channel's configuration: what it refused and what still holds is pending again.
    pub fn requeue_failed(&mut self, channel: Channel) -> Result<()> {
        self.write(|db| {
            let mut requeue =
                db.prepare_cached("UPDATE outbox SET state = ?2, reason = NULL, finished_at = NULL WHERE id = ?1")?;
            for row in failed_rows(db, channel)?.into_iter().filter(|row| lifecycle::is_retried(*row)) {
                requeue.execute(params![row.id, OutboxState::Pending])?;
            }
            Ok(())
        })
    }

    pub fn queue_test(&mut self, channel: Channel, now: Timestamp) -> Result<()> {
        self.write(|db| queue::insert(db, channel, OutboxKind::Test, None, None, Priority::High, now))
    }

    /// The alerts that a message shows and that are open.
    pub fn open_keys_in_batch(&self, batch_id: i64) -> Result<Vec<AlertKey>> {
        self.read(|db| batch_items::open_keys(db, batch_id))
    }
}

fn update_log(
    db: &Transaction,
    batch: &OutboxBatch,
    result: &std::result::Result<Option<String>, Failure>,
) -> rusqlite::Result<()> {
    let outcome = result.as_ref().map(drop);
    match (batch.kind, batch.target) {
        (MessageKind::New, _) if lifecycle::may_be_visible(outcome) => {
            mark_active(db, batch.id, batch.channel, &batch.keys)?;
        }
        (MessageKind::Update, Some(target)) => {
            if let Ok(external_id) = result {
                mark_updated(db, target, &batch.keys, external_id.as_deref())?;
            }
        }
        _ => {}
    }
    // The rest was not seen.
    let mut delete = db.prepare_cached("DELETE FROM notification_log WHERE batch_id = ?1 AND state = ?2")?;
    delete.execute(params![batch.id, NotificationState::Sending]).map(drop)
}

/// The message of the batch shows the keys now.
fn mark_active(db: &Transaction, batch_id: i64, channel: Channel, keys: &[AlertKey]) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "INSERT INTO notification_log (batch_id, key, channel, state) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET state = excluded.state",
    )?;
    for key in keys {
        let mut others = Vec::new();
        for other in batch_items::batches_showing(db, key, channel)? {
            if other != batch_id {
                others.push(ActiveBatch { batch_id: other, row_id: batch_items::row_of_key(db, key, other)? });
            }
        }
        let activation = lifecycle::activate(batch_items::row_of_key(db, key, batch_id)?, &others);
        for other in activation.supersedes {
            write.execute(params![other, key, channel, NotificationState::Superseded])?;
        }
        write.execute(params![batch_id, key, channel, activation.state])?;
    }
    Ok(())
}

/// A message was updated in place; the channel may have given it a new id.
fn mark_updated(db: &Transaction, target: i64, keys: &[AlertKey], external_id: Option<&str>) -> rusqlite::Result<()> {
    if let Some(external_id) = external_id {
        db.execute("UPDATE outbox SET external_id = ?2 WHERE batch_id = ?1", params![target, external_id])?;
    }
    let mut write = db.prepare_cached("UPDATE notification_log SET state = ?3 WHERE batch_id = ?1 AND key = ?2")?;
    keys.iter().try_for_each(|key| write.execute(params![target, key, NotificationState::Resolved]).map(drop))
}

fn update_rows(
    db: &Transaction,
    batch: &OutboxBatch,
    result: &std::result::Result<Option<String>, Failure>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "UPDATE outbox SET in_flight = 0, state = ?2, attempts = ?3, unconfirmed = ?4, reason = ?5,
           batch_id = iif(?6, batch_id, NULL), finished_at = ifnull(?7, finished_at), external_id = iif(?8, ?9, external_id)
         WHERE id = ?1",
    )?;
    for (id, status) in rows_in_flight(db, batch.id)? {
        let after = lifecycle::row_after_send(status, batch.kind, result.as_ref().map(drop));
        let RowStatus { state, attempts, unconfirmed, reason } = after.status;
        write.execute(params![
            id,
            state,
            attempts,
            unconfirmed,
            reason,
            after.keeps_batch,
            after.finished.then(|| millis(now)),
            result.is_ok(),
            result.as_ref().ok().and_then(Option::as_deref),
        ])?;
    }
    Ok(())
}

fn rows_in_flight(db: &Transaction, batch_id: i64) -> rusqlite::Result<Vec<(i64, RowStatus)>> {
    let mut rows = db.prepare_cached(
        "SELECT id, state, attempts, unconfirmed, reason FROM outbox WHERE batch_id = ?1 AND in_flight = 1",
    )?;
    let status = |row: &rusqlite::Row| {
        let status =
            RowStatus { state: row.get(1)?, attempts: row.get(2)?, unconfirmed: row.get(3)?, reason: row.get(4)? };
        Ok((row.get(0)?, status))
    };
    rows.query_map([batch_id], status)?.collect()
}

/// The new messages that were in flight when the last process ended.
fn interrupted_batches(db: &Transaction) -> rusqlite::Result<Vec<(i64, Channel)>> {
    let mut rows = db.prepare_cached(
        "SELECT DISTINCT batch_id, channel FROM outbox WHERE in_flight = 1 AND kind IN ('alert', 'digest')",
    )?;
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn left_rows(db: &Transaction, enabled: &[Channel]) -> rusqlite::Result<Vec<LeftRow>> {
    let mut rows = db.prepare_cached(
        "SELECT id, kind, state, in_flight, channel FROM outbox WHERE state = 'pending' OR in_flight = 1",
    )?;
    let left = |row: &rusqlite::Row| {
        Ok(LeftRow {
            id: row.get(0)?,
            kind: row.get(1)?,
            state: row.get(2)?,
            in_flight: row.get(3)?,
            channel_enabled: enabled.contains(&row.get(4)?),
        })
    };
    rows.query_map([], left)?.collect()
}

fn failed_rows(db: &Transaction, channel: Channel) -> rusqlite::Result<Vec<FailedRow>> {
    let mut rows = db.prepare_cached(
        "SELECT id, kind, ifnull((SELECT open FROM incidents WHERE incidents.key = outbox.key), 0),
           id = (SELECT max(id) FROM outbox AS newer WHERE newer.key = outbox.key AND newer.channel = ?1)
         FROM outbox WHERE channel = ?1 AND state = 'failed'",
    )?;
    let failed = |row: &rusqlite::Row| {
        let is_newest = row.get::<_, Option<bool>>(3)?.unwrap_or(false);
        Ok(FailedRow { id: row.get(0)?, kind: row.get(1)?, is_open: row.get(2)?, is_newest })
    };
    rows.query_map([channel], failed)?.collect()
}
