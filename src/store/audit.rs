//! The self-audit: what the rules found, put beside what was decided and what became of the messages.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::{Result, Store, settings};
use crate::core::audit::{Audit, DecisionRecord, MAX_UNACCOUNTED_NAMED};

/// How much was written so far, by this connection and by others. Equal ones of one open database mean that it is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataVersion {
    ours: u64,
    others: i64,
}

/// Every decision with its messages; all of it comes from two indexes. A message knows its decision by the moment: one
/// transaction wrote both.
const DECISIONS: &str = "
    SELECT id, key, times, decision, channels, CASE decision
        WHEN 'deliver' THEN
          (SELECT group_concat(channel || ' ' || state) FROM outbox
           WHERE outbox.key = journal.key AND created_at = first_at AND kind = 'alert')
        WHEN 'coalesce' THEN
          (SELECT group_concat(channel || ' ' || state) FROM outbox WHERE outbox.digest = journal.digest AND kind = 'digest')
      END
    FROM journal WHERE decision <> 'resolve'";

/// The keys that fired more or less often than the journal says.
const MISCOUNTED: &str = "
    SELECT key FROM fired
      WHERE times <> (SELECT ifnull(sum(times), 0) FROM journal WHERE journal.key = fired.key AND decision <> 'resolve')
    UNION SELECT key FROM journal WHERE decision <> 'resolve' AND key NOT IN (SELECT key FROM fired)";

impl Store {
    /// DecisionRecord for every alert that fired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn audit(&self, now: Timestamp) -> Result<Audit> {
        let audit = || -> rusqlite::Result<Audit> {
            // Somebody else may write meanwhile.
            let snapshot = self.db.unchecked_transaction()?;
            made_of(&snapshot, now)
        };
        audit().map_err(|error| self.wrap(error))
    }

    /// Whether anything was written since is seen by this alone.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn data_version(&self) -> Result<DataVersion> {
        let others =
            self.db.prepare_cached("PRAGMA data_version").and_then(|mut asked| asked.query_row([], |row| row.get(0)));
        Ok(DataVersion { ours: self.db.total_changes(), others: others.map_err(|error| self.wrap(error))? })
    }
}

fn made_of(db: &Connection, now: Timestamp) -> rusqlite::Result<Audit> {
    let fired: i64 = db.prepare_cached("SELECT ifnull(sum(times), 0) FROM fired")?.query_row([], |row| row.get(0))?;
    let mut audit = Audit { at: now, fired: unsigned(fired), ..Audit::default() };
    let mut unaccounted = BTreeSet::new();
    let kept_since: i64 = settings::get(db, "messages_kept_since")?.unwrap_or(0);
    let mut decisions = db.prepare_cached(DECISIONS)?;
    let mut rows = decisions.query([])?;
    while let Some(row) = rows.next()? {
        let (channels, messages): (String, Option<String>) = (row.get(4)?, row.get(5)?);
        match account(row, kept_since, &channels, messages.as_deref())?.and_then(|account| account.outcome()) {
            Some(fate) => audit.count(fate, unsigned(row.get(2)?)),
            None => drop(unaccounted.insert(row.get::<_, String>(1)?)),
        }
    }
    let mut miscounted = db.prepare_cached(MISCOUNTED)?;
    for key in miscounted.query_map([], |row| row.get(0))? {
        unaccounted.insert(key?);
    }
    audit.unaccounted_count = unaccounted.len() as u64;
    // Keys are ours: one that does not parse was not written by us, and is only counted.
    audit.unaccounted = unaccounted.iter().filter_map(|key| key.parse().ok()).take(MAX_UNACCOUNTED_NAMED).collect();
    Ok(audit)
}

/// None if it cannot be made out where the decision was to be told.
fn account<'a>(
    row: &'a Row,
    kept_since: i64,
    channels: &'a str,
    messages: Option<&'a str>,
) -> rusqlite::Result<Option<DecisionRecord<'a>>> {
    let id: i64 = row.get(0)?;
    let messages = messages.into_iter().flat_map(|all| all.split(',')).filter_map(|message| message.split_once(' '));
    Ok(serde_json::from_str(channels).ok().map(|channels| DecisionRecord {
        decision: row.get_ref(3).ok().and_then(|word| word.as_str().ok()).unwrap_or_default(),
        channels,
        messages: messages.collect(),
        may_lack_messages: id <= kept_since,
    }))
}

fn unsigned(number: i64) -> u64 {
    number.max(0).unsigned_abs()
}
