//! The outbox: messages are written with their decisions, in the same transaction, and sent afterwards.

pub mod batch_items;
pub mod claim;
pub(super) mod queue;
mod results;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::{Result, Store, count, timestamp};
use crate::core::alert::AlertKey;
use crate::core::channel::Channel;
use crate::core::delivery::channel_backoff::ChannelBackoff;
use crate::core::delivery::lifecycle::{OutboxKind, OutboxState};
use crate::core::status::QueueDepth;

/// A row of the outbox as front ends show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxEntry {
    pub channel: Channel,
    pub kind: OutboxKind,
    pub state: OutboxState,
    pub attempts: u32,
    pub created_at: Timestamp,
    /// While it is pending: when its channel may send.
    pub next_attempt_at: Timestamp,
    #[serde(rename = "done_at")]
    pub finished_at: Option<Timestamp>,
    /// Why it failed, waits or was superseded.
    pub reason: Option<String>,
}

pub(super) const COLUMNS: &str = "channel, kind, state, attempts, created_at, finished_at, reason";

impl Store {
    pub fn outbox_depth(&self) -> Result<BTreeMap<Channel, QueueDepth>> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT (SELECT count(*) FROM outbox WHERE channel = ?1 AND state = 'pending'),
                        (SELECT count(*) FROM outbox WHERE channel = ?1 AND state = 'failed')",
            )?;
            let depth = |channel: &Channel| {
                let depth = statement.query_row([channel], |row| {
                    Ok(QueueDepth { pending: count(row.get(0)?), failed: count(row.get(1)?) })
                });
                Ok((*channel, depth?))
            };
            Channel::OUTSIDE.iter().map(depth).collect()
        })
    }

    /// The messages of a key, its digests included, the newest first.
    pub fn outbox_entries_for(&self, key: &AlertKey, limit: u32) -> Result<Vec<OutboxEntry>> {
        let entries = self.read(|db| {
            let mut rows = db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM outbox
                 WHERE key = ?1 OR digest IN (SELECT digest FROM journal WHERE key = ?1 AND digest IS NOT NULL)
                 ORDER BY id DESC LIMIT ?2"
            ))?;
            rows.query_map(params![key, limit], parse_entry)?.collect()
        })?;
        self.with_next_attempts(entries)
    }

    /// The channel waits, and all its pending messages with it.
    pub(super) fn with_next_attempts(&self, mut entries: Vec<OutboxEntry>) -> Result<Vec<OutboxEntry>> {
        let mut pending = entries.iter_mut().filter(|entry| entry.state == OutboxState::Pending).peekable();
        let backoffs = if pending.peek().is_some() { self.channel_backoffs()? } else { BTreeMap::new() };
        for entry in pending {
            let opens_at = backoffs.get(&entry.channel).and_then(ChannelBackoff::opens_at);
            entry.next_attempt_at = opens_at.map_or(entry.created_at, |at| at.max(entry.created_at));
        }
        Ok(entries)
    }
}

pub(super) fn parse_entry(row: &Row) -> rusqlite::Result<OutboxEntry> {
    let created_at = timestamp(row.get(4)?);
    Ok(OutboxEntry {
        channel: row.get(0)?,
        kind: row.get(1)?,
        state: row.get(2)?,
        attempts: row.get(3)?,
        created_at,
        next_attempt_at: created_at,
        finished_at: row.get::<_, Option<i64>>(5)?.map(timestamp),
        reason: row.get(6)?,
    })
}
