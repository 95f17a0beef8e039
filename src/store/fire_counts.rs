//! How often each key fired: the other side of the self-audit, independent of the decisions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::millis;
use crate::core::alert::AlertKey;

pub(super) fn increment(db: &Connection, keys: &BTreeSet<AlertKey>, now: Timestamp) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "INSERT INTO fire_counts (key, count, last_at) VALUES (?1, 1, ?2)
         ON CONFLICT (key) DO UPDATE SET count = count + 1, last_at = excluded.last_at",
    )?;
    keys.iter().try_for_each(|key| write.execute(params![key, millis(now)]).map(drop))
}

/// Follows the journal after it deleted entries from before `until`. A key without entries is deleted too, so that an old
/// difference does not stay for ever.
pub(super) fn decrement(db: &Connection, deleted: &BTreeMap<String, i64>, until: Timestamp) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached("UPDATE fire_counts SET count = count - ?2 WHERE key = ?1")?;
    for (key, times) in deleted {
        write.execute(params![key, times])?;
    }
    let mut delete = db.prepare_cached(
        "DELETE FROM fire_counts WHERE last_at < ?1
           AND NOT EXISTS (SELECT 1 FROM journal WHERE journal.key = fire_counts.key AND decision <> 'resolve')",
    )?;
    delete.execute([millis(until)]).map(drop)
}
