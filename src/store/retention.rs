//! What is old enough is forgotten, a little at every check.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::millis;
use crate::store::fire_counts;

/// How long things are kept, in days.
#[derive(Debug, Clone, Copy)]
pub struct RetentionPolicy {
    /// Journal entries and sent messages.
    pub journal_days: u32,
    /// Health days, closed tasks, postponements.
    pub history_days: u32,
}

/// After so long a closed incident is only of interest to the journal; a longer window or snooze ends with it.
const CLOSED_INCIDENT_DAYS: u32 = 60;

/// At most so many rows of each kind a check, so that a long absence is not paid for at once.
const AT_ONCE: u32 = 5_000;

/// A clock so far ahead of the last check is not trusted with forgetting; the next check shows whether it was right.
const SUSPICIOUS: SignedDuration = SignedDuration::from_hours(24 * 3);

pub(super) fn prune(
    db: &Connection,
    now: Timestamp,
    last: Option<Timestamp>,
    keep: &RetentionPolicy,
) -> rusqlite::Result<()> {
    if last.is_some_and(|last| now.duration_since(last) > SUSPICIOUS) {
        return Ok(());
    }
    let journal = before(now, keep.journal_days);
    let history = before(now, keep.history_days);
    let incidents = before(now, CLOSED_INCIDENT_DAYS);
    let forget = |sql: &str, until: i64| db.prepare_cached(sql)?.execute(params![until, AT_ONCE]).map(drop);
    forget_entries(db, journal)?;
    // What waits is still to be sent, and what stands told is still to be taken back. What became of a decision is known for as
    // long as the decision is ("not a resolve" is said too, for the index that knows it says so). The newest stays, so that no number is used again: a channel that takes a key would hold the new
    // message for the old one.
    forget(
        "DELETE FROM outbox WHERE id IN
           (SELECT id FROM outbox AS old WHERE created_at < ?1 AND state <> 'pending' AND under_way = 0
              AND id < (SELECT max(id) FROM outbox)
              AND NOT EXISTS (SELECT 1 FROM told WHERE told.parcel = old.parcel AND told.state = 'standing')
              AND NOT EXISTS (SELECT 1 FROM journal WHERE kind = 'alert' AND journal.key = old.key AND decision = 'deliver'
                                AND decision <> 'resolve' AND first_at = old.created_at)
              AND NOT EXISTS (SELECT 1 FROM journal WHERE kind = 'digest' AND journal.digest = old.digest)
            ORDER BY created_at LIMIT ?2)",
        journal,
    )?;
    db.execute("DELETE FROM told WHERE parcel < (SELECT min(id) FROM outbox)", [])?;
    forget(
        "DELETE FROM postponements WHERE id IN (SELECT id FROM postponements WHERE at < ?1 ORDER BY at LIMIT ?2)",
        history,
    )?;
    forget(
        "DELETE FROM items WHERE open = 0 AND (source, kind, id) IN
           (SELECT source, kind, id FROM items WHERE open = 0 AND seen_at < ?1 ORDER BY seen_at LIMIT ?2)",
        history,
    )?;
    forget(
        "DELETE FROM incidents WHERE key IN
           (SELECT key FROM incidents WHERE open = 0 AND touched_at < ?1 LIMIT ?2)",
        incidents,
    )?;
    let oldest = moment_days(now, keep.history_days);
    db.prepare_cached("DELETE FROM health_days WHERE date < ?1")?.execute([oldest]).map(drop)
}

/// What a digest that waits will tell, stands in the journal. What is forgotten there has not fired either.
fn forget_entries(db: &Connection, until: i64) -> rusqlite::Result<()> {
    let mut forget = db.prepare_cached(
        "DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE last_at < ?1 AND (digest IS NULL OR digest NOT IN
           (SELECT digest FROM outbox WHERE state = 'pending' AND digest IS NOT NULL)) ORDER BY last_at LIMIT ?2)
         RETURNING key, CASE decision WHEN 'resolve' THEN 0 ELSE times END",
    )?;
    let mut forgotten: BTreeMap<String, i64> = BTreeMap::new();
    for entry in forget.query_map(params![until, AT_ONCE], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))? {
        let (key, times) = entry?;
        let sum = forgotten.entry(key).or_default();
        *sum = sum.saturating_add(times);
    }
    fire_counts::lower(db, &forgotten, until)
}

fn before(now: Timestamp, days: u32) -> i64 {
    millis(past(now, days))
}

fn moment_days(now: Timestamp, days: u32) -> String {
    past(now, days).strftime("%Y-%m-%d").to_string()
}

fn past(now: Timestamp, days: u32) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}
