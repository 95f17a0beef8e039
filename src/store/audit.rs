//! The self-audit: what fired, compared with the decisions and the results of their messages.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::{Result, Store, count, settings};
use crate::core::audit::{Audit, DecisionRecord, MAX_UNACCOUNTED_NAMED};

/// Two equal versions of one open database mean that no connection has written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataVersion {
    own_changes: u64,
    other_connections: i64,
}

/// Every decision with its messages, from two covering indexes. One transaction wrote both, so they have the same time.
const DECISIONS: &str = "
    SELECT id, key, times, decision, channels, CASE decision
        WHEN 'deliver' THEN
          (SELECT group_concat(channel || ' ' || state) FROM outbox
           WHERE outbox.key = journal.key AND created_at = first_at AND kind = 'alert')
        WHEN 'coalesce' THEN
          (SELECT group_concat(channel || ' ' || state) FROM outbox WHERE outbox.digest = journal.digest AND kind = 'digest')
      END
    FROM journal WHERE decision <> 'resolve'";

/// The keys that fired more or less often than the journal has them.
const MISCOUNTED: &str = "
    SELECT key FROM fire_counts
      WHERE count <> (SELECT ifnull(sum(times), 0) FROM journal WHERE journal.key = fire_counts.key AND decision <> 'resolve')
    UNION SELECT key FROM journal WHERE decision <> 'resolve' AND key NOT IN (SELECT key FROM fire_counts)";

impl Store {
    pub fn audit(&self, now: Timestamp) -> Result<Audit> {
        self.read(|db| {
            // Another connection may write meanwhile.
            let snapshot = db.unchecked_transaction()?;
            audit(&snapshot, now)
        })
    }

    pub fn data_version(&self) -> Result<DataVersion> {
        let other_connections =
            self.read(|db| db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0)))?;
        Ok(DataVersion { own_changes: self.db.total_changes(), other_connections })
    }
}

fn audit(db: &Connection, now: Timestamp) -> rusqlite::Result<Audit> {
    let fired: i64 =
        db.prepare_cached("SELECT ifnull(sum(count), 0) FROM fire_counts")?.query_row([], |row| row.get(0))?;
    let mut audit = Audit { at: now, fired: count(fired), ..Audit::default() };
    let mut unaccounted: BTreeSet<String> = BTreeSet::new();
    let kept_since: i64 = settings::get(db, "messages_kept_since")?.unwrap_or(0);
    let mut decisions = db.prepare_cached(DECISIONS)?;
    let mut rows = decisions.query([])?;
    while let Some(row) = rows.next()? {
        match decision_record(row, kept_since).and_then(|record| record.outcome()) {
            Some(outcome) => audit.add(outcome, count(row.get(2)?)),
            None => drop(unaccounted.insert(row.get(1)?)),
        }
    }
    let mut miscounted = db.prepare_cached(MISCOUNTED)?;
    for key in miscounted.query_map([], |row| row.get(0))? {
        unaccounted.insert(key?);
    }
    audit.unaccounted_count = unaccounted.len() as u64;
    audit.unaccounted = unaccounted.iter().filter_map(|key| key.parse().ok()).take(MAX_UNACCOUNTED_NAMED).collect();
    Ok(audit)
}

/// `None` if a column has no valid value: the decision is unaccounted for then.
fn decision_record(row: &Row, kept_since: i64) -> Option<DecisionRecord> {
    let (id, channels, messages): (i64, String, Option<String>) =
        (row.get(0).ok()?, row.get(4).ok()?, row.get(5).ok()?);
    let message = |message: &str| {
        let (channel, state) = message.split_once(' ')?;
        Some((channel.parse().ok()?, state.parse().ok()?))
    };
    let messages = messages.as_deref().unwrap_or_default().split_terminator(',');
    Some(DecisionRecord {
        decision: row.get(3).ok()?,
        channels: serde_json::from_str(&channels).ok()?,
        messages: messages.map(message).collect::<Option<_>>()?,
        may_lack_messages: id <= kept_since,
    })
}
