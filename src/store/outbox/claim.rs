//! Claims the next message of a channel.
//!
//! A batch is durably marked as in flight before it is sent, and its result is recorded afterwards. An unconfirmed batch goes out
//! again with the same id and the same rows, so that a channel that recognises ids shows it once.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::batch_items::{self, BatchItem, BatchItems};
use super::queue;
use crate::core::alert::AlertKey;
use crate::core::channel::Channel;
use crate::core::delivery::batching::{self, BatchPlan, PendingGroup, PendingRow, Plan};
use crate::core::delivery::channel_backoff::SendWindow;
use crate::core::delivery::lifecycle::{self, SupersedeReason};
use crate::core::delivery::message::MessageKind;
use crate::store::{Result, Store, timestamp};

pub use crate::core::delivery::batching::{ClaimOptions, PendingSummary};

/// One message in flight.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxBatch {
    /// The same at every attempt.
    pub id: i64,
    pub channel: Channel,
    pub kind: MessageKind,
    /// The most urgent first; empty for a test.
    pub items: Vec<BatchItem>,
    /// How many alerts are not listed.
    pub omitted: usize,
    /// The channel's id of the message that this one replaces.
    pub replaces: Option<String>,
    /// A new message: all its alerts, listed or not. An update: the alerts that it resolves.
    pub(super) keys: Vec<AlertKey>,
    pub(super) target: Option<i64>,
}

impl OutboxBatch {
    /// For an update: the batch whose message it updates.
    #[must_use]
    pub const fn target(&self) -> Option<i64> {
        self.target
    }

    fn new(plan: &BatchPlan, channel: Channel, content: BatchItems, replaces: Option<String>) -> Self {
        let BatchItems { items, omitted, keys } = content;
        Self { id: plan.id, channel, kind: plan.kind, items, omitted, replaces, keys, target: plan.target }
    }
}

impl Store {
    /// What waits on a channel and passes the window.
    pub fn pending_summary(&self, channel: Channel, window: SendWindow) -> Result<PendingSummary> {
        let groups = self.read(|db| pending_groups(db, channel))?;
        Ok(batching::summarize(&groups, window))
    }

    /// The next message of a channel; it is in flight until its result is recorded.
    pub fn claim_next(
        &mut self,
        channel: Channel,
        options: ClaimOptions,
        now: Timestamp,
    ) -> Result<Option<OutboxBatch>> {
        self.write(|db| claim_next(db, channel, options, now))
    }
}

fn claim_next(
    db: &Transaction,
    channel: Channel,
    options: ClaimOptions,
    now: Timestamp,
) -> rusqlite::Result<Option<OutboxBatch>> {
    let mut rows = pending_rows(db, channel)?;
    while let Some(plan) = batching::next_batch(&rows, options, now) {
        let (outdated, reason) = match plan {
            Plan::Send(plan) => {
                assign_batch(db, &plan)?;
                if let Some(batch) = load_batch(db, &plan, channel, now)? {
                    start_sending(db, &batch)?;
                    return Ok(Some(batch));
                }
                (plan.rows, SupersedeReason::NothingToSend)
            }
            Plan::Supersede(rows, reason) => (rows, reason),
        };
        let superseded: Vec<_> = outdated.iter().map(|id| (*id, reason)).collect();
        queue::supersede(db, &superseded, now)?;
        rows.retain(|row| !outdated.contains(&row.id));
    }
    Ok(None)
}

/// `None` if no alert of the batch needs a notification any more.
fn load_batch(
    db: &Transaction,
    plan: &BatchPlan,
    channel: Channel,
    now: Timestamp,
) -> rusqlite::Result<Option<OutboxBatch>> {
    match (plan.kind, plan.target) {
        (MessageKind::New, _) => {
            let content = batch_items::new_alerts(db, plan.id, now)?;
            if content.items.is_empty() {
                return Ok(None);
            }
            let replaces = match content.keys.as_slice() {
                [key] => batch_items::message_with_only(db, channel, key)?,
                _ => None,
            };
            Ok(Some(OutboxBatch::new(plan, channel, content, replaces)))
        }
        (MessageKind::Update, Some(target)) => {
            let content = batch_items::updated_alerts(db, plan.id, target, plan.is_repeat)?;
            Ok(Some(OutboxBatch::new(plan, channel, content, batch_items::external_id(db, target)?)))
        }
        _ => Ok(Some(OutboxBatch::new(plan, channel, BatchItems::default(), None))),
    }
}

/// Index-only, because the dispatcher asks at every tick.
fn pending_groups(db: &Connection, channel: Channel) -> rusqlite::Result<Vec<PendingGroup>> {
    let mut rows = db.prepare_cached(
        "SELECT DISTINCT kind, priority, attempts = 0 FROM outbox WHERE channel = ?1 AND state = 'pending'",
    )?;
    let group =
        |row: &rusqlite::Row| Ok(PendingGroup { kind: row.get(0)?, priority: row.get(1)?, is_untried: row.get(2)? });
    rows.query_map([channel], group)?.collect()
}

fn pending_rows(db: &Connection, channel: Channel) -> rusqlite::Result<Vec<PendingRow>> {
    let mut rows = db.prepare_cached(
        "SELECT id, kind, priority, created_at, attempts, batch_id, in_flight,
           CASE WHEN kind IN ('resolve', 'update') THEN
             (SELECT batch_id FROM notification_log AS log
              WHERE log.key = outbox.key AND log.channel = outbox.channel AND log.state = 'active')
           END
         FROM outbox WHERE channel = ?1 AND state = 'pending'",
    )?;
    let pending = |row: &rusqlite::Row| {
        Ok(PendingRow {
            id: row.get(0)?,
            kind: row.get(1)?,
            priority: row.get(2)?,
            created_at: timestamp(row.get(3)?),
            attempts: row.get(4)?,
            batch_id: row.get(5)?,
            in_flight: row.get(6)?,
            shown_in: row.get(7)?,
        })
    };
    rows.query_map([channel], pending)?.collect()
}

fn assign_batch(db: &Transaction, plan: &BatchPlan) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached("UPDATE outbox SET batch_id = ?1 WHERE id = ?2")?;
    plan.rows.iter().try_for_each(|row| write.execute(params![plan.id, row]).map(drop))
}

fn start_sending(db: &Transaction, batch: &OutboxBatch) -> rusqlite::Result<()> {
    let mut start = db.prepare_cached(
        "UPDATE outbox SET in_flight = 1, attempts = attempts + 1 WHERE batch_id = ?1 AND state = 'pending'",
    )?;
    start.execute([batch.id])?;
    if batch.kind == MessageKind::New { log_attempt(db, batch) } else { Ok(()) }
}

/// Records the alerts of a message before it is sent. After a crash they could not be found out: some may be acknowledged or
/// resolved by then.
fn log_attempt(db: &Transaction, batch: &OutboxBatch) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "INSERT INTO notification_log (batch_id, key, channel, state) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET state = excluded.state",
    )?;
    for key in &batch.keys {
        let current = batch_items::notification_state(db, batch.id, key)?;
        write.execute(params![batch.id, key, batch.channel, lifecycle::state_while_sending(current)])?;
    }
    Ok(())
}
