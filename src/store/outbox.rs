//! What is to be told on each channel: written with the decision, in the same transaction.

pub mod batch_items;
pub mod claim;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::{Result, Store, millis, moment};
use crate::core::alert::{AlertKey, Priority};
use crate::core::channel::Channel;
use crate::core::delivery::channel_backoff::ChannelBackoff;
use crate::core::policy::decision::{Decision, PolicyDecision};
use crate::core::status::QueueDepth;

/// One message on its way, or what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// Where it goes.
    pub channel: String,
    /// `alert`, `digest`, `resolve` or `update`.
    pub kind: String,
    /// `pending`, `delivered`, `failed` or `superseded`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it is tried next, while it is pending.
    pub next_attempt_at: Timestamp,
    /// When its fate was sealed.
    pub done_at: Option<Timestamp>,
    /// Why it failed, waits or was superseded.
    pub reason: Option<String>,
}

pub(super) const COLUMNS: &str = "channel, kind, state, attempts, created_at, next_attempt_at, done_at, reason";

impl Store {
    /// How much waits, by channel.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn outbox_depth(&self) -> Result<BTreeMap<Channel, QueueDepth>> {
        let mut depth = BTreeMap::new();
        let read = |channel: Channel| -> rusqlite::Result<QueueDepth> {
            let mut row = self.db.prepare_cached(
                "SELECT (SELECT count(*) FROM outbox WHERE channel = ?1 AND state = 'pending'),
                        (SELECT count(*) FROM outbox WHERE channel = ?1 AND state = 'failed')",
            )?;
            row.query_row([channel.as_str()], |row| {
                let number = |column| row.get::<_, i64>(column).map(|n| n.max(0).unsigned_abs());
                Ok(QueueDepth { pending: number(0)?, failed: number(1)? })
            })
        };
        for channel in Channel::OUTSIDE {
            depth.insert(channel, read(channel).map_err(|error| self.wrap(error))?);
        }
        Ok(depth)
    }

    /// What became of a key's messages, its digests included, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn outbox_entries_for(&self, key: &AlertKey, limit: u32) -> Result<Vec<OutboxEntry>> {
        let read = || -> rusqlite::Result<Vec<OutboxEntry>> {
            let mut rows = self.db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM outbox
                 WHERE key = ?1 OR digest IN (SELECT digest FROM journal WHERE key = ?1 AND digest IS NOT NULL)
                 ORDER BY id DESC LIMIT ?2"
            ))?;
            rows.query_map(params![key.as_str(), limit], dispatch)?.collect()
        };
        self.as_channels_wait(read().map_err(|error| self.wrap(error))?)
    }

    /// It is the channel that waits, and all its messages with it.
    pub(super) fn as_channels_wait(&self, mut dispatches: Vec<OutboxEntry>) -> Result<Vec<OutboxEntry>> {
        let mut pending = dispatches.iter_mut().filter(|dispatch| dispatch.state == "pending").peekable();
        let lanes = if pending.peek().is_some() { self.channel_backoffs()? } else { BTreeMap::new() };
        for dispatch in pending {
            let opens = dispatch
                .channel
                .parse()
                .ok()
                .and_then(|channel| lanes.get(&channel))
                .and_then(ChannelBackoff::opens_at);
            dispatch.next_attempt_at = opens.map_or(dispatch.next_attempt_at, |at| at.max(dispatch.next_attempt_at));
        }
        Ok(dispatches)
    }
}

pub(super) fn dispatch(row: &Row) -> rusqlite::Result<OutboxEntry> {
    Ok(OutboxEntry {
        channel: row.get(0)?,
        kind: row.get(1)?,
        state: row.get(2)?,
        attempts: row.get(3)?,
        created_at: moment(row.get(4)?),
        next_attempt_at: moment(row.get(5)?),
        done_at: row.get::<_, Option<i64>>(6)?.map(moment),
        reason: row.get(7)?,
    })
}

/// Put on its way what one verdict asks for. Whatever waited of the same key is out of date.
pub(super) fn queue(db: &Connection, verdict: &PolicyDecision, now: Timestamp) -> rusqlite::Result<()> {
    let key = &verdict.alert.key;
    match verdict.decision {
        Decision::Suppress | Decision::Hold => Ok(()),
        Decision::Coalesce => {
            supersede(db, key, "kind = 'alert'", "told in a digest instead", now)?;
            outside(&verdict.channels).try_for_each(|channel| {
                supersede(db, key, &format!("channel = '{channel}'"), "it came back and is told again", now)
            })
        }
        Decision::Deliver => {
            supersede(db, key, "kind = 'alert'", "a newer one takes its place", now)?;
            outside(&verdict.channels).try_for_each(|channel| {
                // What was to be taken back there holds again, and is told again.
                supersede(db, key, &format!("channel = '{channel}'"), "it came back and is told again", now)?;
                insert(db, channel, "alert", Some(key), None, verdict.alert.priority, now)
            })
        }
        Decision::Resolve => {
            let told = told_on(db, key)?;
            supersede(db, key, "1", "resolved before it was sent", now)?;
            supersede_digests(db, key, now)?;
            told.iter()
                .try_for_each(|channel| insert(db, *channel, "resolve", Some(key), None, verdict.alert.priority, now))
        }
    }
}

/// One message a channel for all that a check coalesced.
pub(super) fn queue_digest(
    db: &Connection,
    verdicts: &[PolicyDecision],
    digest: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut members = verdicts.iter().filter(|verdict| verdict.decision == Decision::Coalesce);
    // Verdicts come the most urgent first, and all members of a digest share its channels.
    let Some(first) = members.next() else { return Ok(()) };
    outside(&first.channels)
        .try_for_each(|channel| insert(db, channel, "digest", None, Some(digest), first.alert.priority, now))
}

/// The person said that they know, or not now: what waits of the key is not told, and what was told says so.
pub(super) fn answered(db: &Connection, key: &AlertKey, priority: Priority, now: Timestamp) -> rusqlite::Result<()> {
    let told = told_on(db, key)?;
    supersede(db, key, "kind <> 'resolve'", "acknowledged or snoozed before it was sent", now)?;
    told.iter().try_for_each(|channel| insert(db, *channel, "update", Some(key), None, priority, now))
}

/// The journal needs no message: the decision itself stands in it.
fn outside(channels: &[Channel]) -> impl Iterator<Item = Channel> {
    channels.iter().copied().filter(|channel| *channel != Channel::Journal)
}

pub(super) fn insert(
    db: &Connection,
    channel: Channel,
    kind: &str,
    key: Option<&AlertKey>,
    digest: Option<i64>,
    priority: Priority,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "INSERT INTO outbox (channel, kind, key, digest, priority, created_at, next_attempt_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    )?;
    let key = key.map(AlertKey::as_str);
    write.execute(params![channel.as_str(), kind, key, digest, priority.as_str(), millis(now)]).map(drop)
}

/// `which`, a condition of ours, says which of the key's rows that wait.
fn supersede(db: &Connection, key: &AlertKey, which: &str, why: &str, now: Timestamp) -> rusqlite::Result<()> {
    let sql = format!(
        "UPDATE outbox SET state = 'superseded', reason = ?2, done_at = ?3
         WHERE key = ?1 AND state = 'pending' AND {which}"
    );
    let mut write = db.prepare_cached(&sql)?;
    write.execute(params![key.as_str(), why, millis(now)]).map(drop)
}

/// A digest of which nothing holds any more has nothing to tell.
fn supersede_digests(db: &Connection, key: &AlertKey, now: Timestamp) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "UPDATE outbox SET state = 'superseded', reason = 'all of it resolved before it was sent', done_at = ?2
         WHERE state = 'pending' AND digest IN (SELECT digest FROM journal WHERE key = ?1 AND digest IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM journal JOIN incidents USING (key)
                           WHERE journal.digest = outbox.digest AND incidents.open = 1)",
    )?;
    write.execute(params![key.as_str(), millis(now)]).map(drop)
}

/// Whether the key waits to be told, and has not been told anywhere.
pub(super) fn was_never_seen(db: &Connection, key: &AlertKey) -> rusqlite::Result<bool> {
    let mut waits = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'pending' AND kind = 'alert' AND key = ?1)
             OR EXISTS (SELECT 1 FROM outbox WHERE state = 'pending'
                          AND digest IN (SELECT digest FROM journal WHERE key = ?1 AND digest IS NOT NULL))",
    )?;
    Ok(waits.query_row([key.as_str()], |row| row.get(0))? && told_on(db, key)?.is_empty())
}

/// The channels on which the key stands told, or may: only there is something to bring up to date.
fn told_on(db: &Connection, key: &AlertKey) -> rusqlite::Result<Vec<Channel>> {
    let mut rows = db.prepare_cached(
        "SELECT channel FROM told WHERE key = ?1 AND state = 'standing'
         UNION SELECT channel FROM outbox WHERE under_way = 1 AND key = ?1 AND kind = 'alert'
         UNION SELECT channel FROM outbox WHERE under_way = 1
                 AND digest IN (SELECT digest FROM journal WHERE key = ?1 AND digest IS NOT NULL)",
    )?;
    let names = rows.query_map([key.as_str()], |row| row.get::<_, String>(0))?;
    // A channel that this version does not know cannot be told anything.
    names.filter_map(|name| name.map(|name| name.parse().ok()).transpose()).collect()
}
