//! What the rules found, counted by key: the other side of the self-audit. It knows nothing of what was decided.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::millis;
use crate::core::alert::AlertKey;

/// A check found these, each once.
pub(crate) fn raise(db: &Connection, found: &BTreeSet<AlertKey>, now: Timestamp) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached(
        "INSERT INTO fired (key, times, last_at) VALUES (?1, 1, ?2)
         ON CONFLICT (key) DO UPDATE SET times = times + 1, last_at = excluded.last_at",
    )?;
    found.iter().try_for_each(|key| write.execute(params![key.as_str(), millis(now)]).map(drop))
}

/// The journal forgot so much of each key, all of it from before `until`. A key of which it knows nothing any more is forgotten
/// here too, so that what was once lost is not mourned for ever.
pub(crate) fn lower(db: &Connection, forgotten: &BTreeMap<String, i64>, until: i64) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached("UPDATE fired SET times = times - ?2 WHERE key = ?1")?;
    for (key, times) in forgotten {
        write.execute(params![key, times])?;
    }
    let mut forget = db.prepare_cached(
        "DELETE FROM fired WHERE last_at < ?1
           AND NOT EXISTS (SELECT 1 FROM journal WHERE journal.key = fired.key AND decision <> 'resolve')",
    )?;
    forget.execute([until]).map(drop)
}
