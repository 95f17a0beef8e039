//! The journal: every decision with its reason, as it was made and as it can be asked for.

pub mod query;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::{Deserialize, Serialize};

use super::incidents::json;
use super::{Result, Store, millis, moment};
use crate::core::alert::{AlertKey, Facts};
use crate::core::policy::decision::{Decision, PolicyDecision};

/// One decision; the same one again and again is one entry that counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its number.
    pub id: i64,
    /// When it was first made.
    pub first_at: Timestamp,
    /// When it was last made.
    pub last_at: Timestamp,
    /// How often.
    pub times: u64,
    /// Of which alert.
    pub key: String,
    /// How urgent it was.
    pub priority: String,
    /// Its title.
    pub title: String,
    /// Its message.
    pub message: String,
    /// What it rested on.
    pub facts: Facts,
    /// Who found it.
    pub monitor: String,
    /// Its reminder slot.
    pub occasion: Option<String>,
    /// What was decided.
    pub decision: String,
    /// Why.
    pub reason: String,
    /// Where it went.
    pub channels: Vec<String>,
    /// The digest that told it.
    pub digest: Option<i64>,
}

pub(super) const COLUMNS: &str = "id, first_at, last_at, times, key, priority, title, message, facts, monitor, occasion, decision, \
     reason, channels, digest";

impl Store {
    /// Entries last made at or after `since`, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn journal_since(&self, since: Timestamp, limit: u32) -> Result<Vec<JournalEntry>> {
        let sql = format!("SELECT {COLUMNS} FROM journal WHERE last_at >= ?1 ORDER BY last_at DESC, id DESC LIMIT ?2");
        self.entries(&sql, &[&millis(since), &limit])
    }

    /// Entries of one key, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn journal_for(&self, key: &AlertKey, limit: u32) -> Result<Vec<JournalEntry>> {
        let sql = format!("SELECT {COLUMNS} FROM journal WHERE key = ?1 ORDER BY id DESC LIMIT ?2");
        self.entries(&sql, &[&key.as_str(), &limit])
    }

    fn entries(&self, sql: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<JournalEntry>> {
        let read = || -> rusqlite::Result<Vec<JournalEntry>> {
            let mut rows = self.db.prepare_cached(sql)?;
            rows.query_map(params_from_iter(parameters), parse_entry)?.collect()
        };
        read().map_err(|error| self.wrap(error))
    }
}

pub(super) fn parse_entry(row: &Row) -> rusqlite::Result<JournalEntry> {
    let parse = |text: String| serde_json::from_str(&text).ok();
    Ok(JournalEntry {
        id: row.get(0)?,
        first_at: moment(row.get(1)?),
        last_at: moment(row.get(2)?),
        times: row.get::<_, i64>(3)?.max(0).unsigned_abs(),
        key: row.get(4)?,
        priority: row.get(5)?,
        title: row.get(6)?,
        message: row.get(7)?,
        facts: parse(row.get(8)?).unwrap_or_default(),
        monitor: row.get(9)?,
        occasion: row.get(10)?,
        decision: row.get(11)?,
        reason: row.get(12)?,
        channels: serde_json::from_str(&row.get::<_, String>(13)?).unwrap_or_default(),
        digest: row.get(14)?,
    })
}

/// Write a decision and say under which number. One that waits or is suppressed as it was last time is counted there.
pub(super) fn write(
    db: &Connection,
    verdict: &PolicyDecision,
    last: Option<i64>,
    digest: Option<i64>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    if let Some(last) = last
        && matches!(verdict.decision, Decision::Suppress | Decision::Hold)
        && count(db, verdict, last, now)?
    {
        return Ok(last);
    }
    let alert = &verdict.alert;
    let mut write = db.prepare_cached(
        "INSERT INTO journal (first_at, last_at, key, priority, title, message, facts, monitor, occasion, decision,
           reason, channels, digest) VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    write.insert(params![
        millis(now),
        alert.key.as_str(),
        alert.priority.as_str(),
        alert.title,
        alert.message,
        json(&alert.facts),
        alert.monitor.to_string(),
        alert.occasion,
        verdict.decision.as_str(),
        verdict.reason.as_str(),
        json(&verdict.channels),
        digest,
    ])
}

fn count(db: &Connection, verdict: &PolicyDecision, last: i64, now: Timestamp) -> rusqlite::Result<bool> {
    let alert = &verdict.alert;
    let mut again = db.prepare_cached(
        "UPDATE journal SET last_at = ?2, times = times + 1, message = ?3
         WHERE id = ?1 AND decision = ?4 AND reason = ?5 AND priority = ?6 AND title = ?7 AND occasion IS ?8 AND key = ?9",
    )?;
    let changed = again.execute(params![
        last,
        millis(now),
        alert.message,
        verdict.decision.as_str(),
        verdict.reason.as_str(),
        alert.priority.as_str(),
        alert.title,
        alert.occasion,
        alert.key.as_str(),
    ])?;
    Ok(changed == 1)
}

/// The number that the next digest goes by.
pub(super) fn next_digest(db: &Connection) -> rusqlite::Result<i64> {
    // A message may outlive the entries that it told.
    let sql = "SELECT 1 + max(ifnull((SELECT max(id) FROM journal), 0), ifnull((SELECT max(digest) FROM outbox), 0))";
    db.query_row(sql, [], |row| row.get(0))
}
