//! Deletes old records, a limited number at every check.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{fire_counts, millis};
use crate::core::retention::Cutoffs;

/// At most this many rows of each kind at one check, so that a long absence does not block it.
const MAX_DELETED_ROWS: u32 = 5_000;

pub(super) fn prune(db: &Connection, cutoffs: &Cutoffs) -> rusqlite::Result<()> {
    let delete = |sql: &str, until: Timestamp| {
        db.prepare_cached(sql)?.execute(params![millis(until), MAX_DELETED_ROWS]).map(drop)
    };
    delete_journal(db, cutoffs.journal)?;
    // A message stays while it is pending, while a channel shows it, and as long as its decision. The newest row stays, so that
    // no id is used twice: a channel that recognises ids would take the new message for the old one. The condition on 'resolve'
    // lets SQLite use the partial index.
    delete(
        "DELETE FROM outbox WHERE id IN
           (SELECT id FROM outbox AS old WHERE created_at < ?1 AND state <> 'pending' AND in_flight = 0
              AND id < (SELECT max(id) FROM outbox)
              AND NOT EXISTS (SELECT 1 FROM notification_log AS log WHERE log.batch_id = old.batch_id AND log.state = 'active')
              AND NOT EXISTS (SELECT 1 FROM journal WHERE kind = 'alert' AND journal.key = old.key AND decision = 'deliver'
                                AND decision <> 'resolve' AND first_at = old.created_at)
              AND NOT EXISTS (SELECT 1 FROM journal WHERE kind = 'digest' AND journal.digest = old.digest)
            ORDER BY created_at LIMIT ?2)",
        cutoffs.journal,
    )?;
    db.execute("DELETE FROM notification_log WHERE batch_id < (SELECT min(id) FROM outbox)", [])?;
    delete(
        "DELETE FROM postponements WHERE id IN (SELECT id FROM postponements WHERE at < ?1 ORDER BY at LIMIT ?2)",
        cutoffs.history,
    )?;
    delete(
        "DELETE FROM task_items WHERE open = 0 AND (source, kind, id) IN
           (SELECT source, kind, id FROM task_items WHERE open = 0 AND seen_at < ?1 ORDER BY seen_at LIMIT ?2)",
        cutoffs.history,
    )?;
    delete(
        "DELETE FROM incidents WHERE key IN (SELECT key FROM incidents WHERE open = 0 AND updated_at < ?1 LIMIT ?2)",
        cutoffs.closed_incidents,
    )?;
    let oldest_day = cutoffs.history.strftime("%Y-%m-%d").to_string();
    db.prepare_cached("DELETE FROM health_days WHERE date < ?1")?.execute([oldest_day]).map(drop)
}

/// Entries of a pending digest stay: its message will list them.
fn delete_journal(db: &Connection, until: Timestamp) -> rusqlite::Result<()> {
    let mut delete = db.prepare_cached(
        "DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE last_at < ?1 AND (digest IS NULL OR digest NOT IN
           (SELECT digest FROM outbox WHERE state = 'pending' AND digest IS NOT NULL)) ORDER BY last_at LIMIT ?2)
         RETURNING key, CASE decision WHEN 'resolve' THEN 0 ELSE times END",
    )?;
    let mut deleted: BTreeMap<String, i64> = BTreeMap::new();
    let mut rows = delete.query(params![millis(until), MAX_DELETED_ROWS])?;
    while let Some(row) = rows.next()? {
        let sum = deleted.entry(row.get(0)?).or_default();
        *sum = sum.saturating_add(row.get(1)?);
    }
    fire_counts::decrement(db, &deleted, until)
}
