//! The journal: every decision with its reason.

pub mod query;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Result, Store, count, json, millis, timestamp};
use crate::core::alert::{AlertKey, Facts, Monitor, Priority};
use crate::core::channel::Channel;
use crate::core::policy::decision::{Decision, PolicyDecision, Reason};

/// One decision. Repeated suppressions and holds of the same alert share an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub id: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// How often the same decision was made.
    pub times: u64,
    pub key: AlertKey,
    pub priority: Priority,
    pub title: String,
    pub message: String,
    pub facts: Facts,
    pub monitor: Monitor,
    pub occasion: Option<String>,
    pub decision: Decision,
    pub reason: Reason,
    pub channels: Vec<Channel>,
    /// The number of the digest that lists the alert.
    pub digest: Option<i64>,
}

pub(super) const COLUMNS: &str = "id, first_at, last_at, times, key, priority, title, message, facts, monitor, occasion, decision, \
     reason, channels, digest";

impl Store {
    /// Entries made at or after `since`, the newest first.
    pub fn journal_since(&self, since: Timestamp, limit: u32) -> Result<Vec<JournalEntry>> {
        let sql = format!("SELECT {COLUMNS} FROM journal WHERE last_at >= ?1 ORDER BY last_at DESC, id DESC LIMIT ?2");
        self.entries(&sql, &[&millis(since), &limit])
    }

    /// Entries of one key, the newest first.
    pub fn journal_for(&self, key: &AlertKey, limit: u32) -> Result<Vec<JournalEntry>> {
        let sql = format!("SELECT {COLUMNS} FROM journal WHERE key = ?1 ORDER BY id DESC LIMIT ?2");
        self.entries(&sql, &[key, &limit])
    }

    fn entries(&self, sql: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<JournalEntry>> {
        self.read(|db| db.prepare_cached(sql)?.query_map(params_from_iter(parameters), parse_entry)?.collect())
    }
}

pub(super) fn parse_entry(row: &Row) -> rusqlite::Result<JournalEntry> {
    Ok(JournalEntry {
        id: row.get(0)?,
        first_at: timestamp(row.get(1)?),
        last_at: timestamp(row.get(2)?),
        times: count(row.get(3)?),
        key: row.get(4)?,
        priority: row.get(5)?,
        title: row.get(6)?,
        message: row.get(7)?,
        facts: parse_json(row, 8)?,
        monitor: row.get(9)?,
        occasion: row.get(10)?,
        decision: row.get(11)?,
        reason: row.get(12)?,
        channels: parse_json(row, 13)?,
        digest: row.get(14)?,
    })
}

fn parse_json<T: DeserializeOwned>(row: &Row, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// The id of the entry. A hold or suppression that repeats the entry `last` only counts there.
pub(super) fn record(
    db: &Connection,
    decision: &PolicyDecision,
    last: Option<i64>,
    digest: Option<i64>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    if let Some(last) = last
        && matches!(decision.decision, Decision::Suppress | Decision::Hold)
        && count_repeat(db, decision, last, now)?
    {
        return Ok(last);
    }
    let alert = &decision.alert;
    let mut write = db.prepare_cached(
        "INSERT INTO journal (first_at, last_at, key, priority, title, message, facts, monitor, occasion, decision,
           reason, channels, digest) VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    write.insert(params![
        millis(now),
        alert.key,
        alert.priority,
        alert.title,
        alert.message,
        json(&alert.facts),
        alert.monitor,
        alert.occasion,
        decision.decision,
        decision.reason,
        json(&decision.channels),
        digest,
    ])
}

fn count_repeat(db: &Connection, decision: &PolicyDecision, last: i64, now: Timestamp) -> rusqlite::Result<bool> {
    let alert = &decision.alert;
    let mut update = db.prepare_cached(
        "UPDATE journal SET last_at = ?2, times = times + 1, message = ?3
         WHERE id = ?1 AND decision = ?4 AND reason = ?5 AND priority = ?6 AND title = ?7 AND occasion IS ?8 AND key = ?9",
    )?;
    let changed = update.execute(params![
        last,
        millis(now),
        alert.message,
        decision.decision,
        decision.reason,
        alert.priority,
        alert.title,
        alert.occasion,
        alert.key,
    ])?;
    Ok(changed == 1)
}

/// A number that no digest has had: a message may outlive the entries of its digest.
pub(super) fn next_digest(db: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT 1 + max(ifnull((SELECT max(id) FROM journal), 0), ifnull((SELECT max(digest) FROM outbox), 0))";
    db.query_row(sql, [], |row| row.get(0))
}
