//! The journal as a reader leafs through it: filtered, page by page, with what became of every message.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{COLUMNS, JournalEntry, parse_entry};
use crate::core::alert::{AlertKey, Priority};
use crate::core::policy::decision::Decision;
use crate::core::policy::incident_state::Incident;
use crate::store::outbox::{self, OutboxEntry};
use crate::store::{Result, Store, millis, moment, optional};

/// Which entries are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalFilter {
    /// Last made at or after this moment.
    pub since: Timestamp,
    /// Of this urgency alone.
    pub priority: Option<Priority>,
    /// Decided so.
    pub decision: Option<Decision>,
    /// With this in key or title, whatever the case of its ASCII letters; empty is anything.
    pub text: String,
    /// Older than the entry of this number: where the last page ended.
    pub before: Option<i64>,
}

/// One stretch of time in which a key fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiringSpan {
    /// Of which alert.
    pub key: String,
    /// How urgent it was.
    pub priority: Priority,
    /// Its title.
    pub title: String,
    /// When it was first found.
    pub first_at: Timestamp,
    /// When it was last found.
    pub last_at: Timestamp,
}

impl Store {
    /// The entries that pass the filter, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn query_journal(&self, filter: &JournalFilter, limit: u32) -> Result<Vec<JournalEntry>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM journal
             WHERE last_at >= ?1 AND (?2 IS NULL OR priority = ?2) AND (?3 IS NULL OR decision = ?3)
               AND (?4 = '' OR key LIKE ?5 ESCAPE '\\' OR title LIKE ?5 ESCAPE '\\')
               AND (?6 IS NULL OR (last_at, id) < ((SELECT last_at FROM journal WHERE id = ?6), ?6))
             ORDER BY last_at DESC, id DESC LIMIT ?7"
        );
        let (priority, decision) = (filter.priority.map(Priority::as_str), filter.decision.map(Decision::as_str));
        let read = || -> rusqlite::Result<Vec<JournalEntry>> {
            let mut rows = self.db.prepare_cached(&sql)?;
            let pattern = format!("%{}%", literal(&filter.text));
            let wanted = params![millis(filter.since), priority, decision, filter.text, pattern, filter.before, limit];
            rows.query_map(wanted, parse_entry)?.collect()
        };
        read().map_err(|error| self.wrap(error))
    }

    /// What became of the messages that an entry asked for, by channel.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn outbox_entries_of_decision(&self, entry: &JournalEntry) -> Result<Vec<OutboxEntry>> {
        let read = || -> rusqlite::Result<Vec<OutboxEntry>> {
            if let Some(digest) = entry.digest {
                let sql = format!("SELECT {} FROM outbox WHERE digest = ?1 ORDER BY id", outbox::COLUMNS);
                return self.db.prepare_cached(&sql)?.query_map([digest], outbox::dispatch)?.collect();
            }
            // All messages of one check stand in a row and bear its moment, as its entries do.
            let mut row = self.db.prepare_cached(&format!(
                "SELECT {} FROM outbox WHERE key = ?1 AND channel = ?2 AND kind IN ('alert', 'resolve')
                   AND id BETWEEN (SELECT min(id) FROM outbox WHERE created_at = ?3)
                              AND (SELECT max(id) FROM outbox WHERE created_at = ?3)",
                outbox::COLUMNS
            ))?;
            let mut dispatches = Vec::new();
            for channel in entry.channels.iter().filter(|_| matches!(entry.decision.as_str(), "deliver" | "resolve")) {
                let wanted = params![entry.key, channel, millis(entry.first_at)];
                dispatches.extend(optional(row.query_row(wanted, outbox::dispatch))?);
            }
            Ok(dispatches)
        };
        self.as_channels_wait(read().map_err(|error| self.wrap(error))?)
    }

    /// When alerts of these rules fired since a moment, whatever was decided; by time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn firing_spans(&self, rules: &[&str], since: Timestamp) -> Result<Vec<FiringSpan>> {
        let read = || -> rusqlite::Result<Vec<FiringSpan>> {
            let mut statement = self.db.prepare_cached(
                "SELECT key, priority, title, first_at, last_at FROM journal WHERE key = ?1 AND decision <> 'resolve'
                 ORDER BY id DESC",
            )?;
            let mut firings = Vec::new();
            for rule in rules {
                let mut rows = statement.query([rule])?;
                while let Some(row) = rows.next()? {
                    // Only the last entry of a key goes on: those before it ended earlier.
                    if row.get::<_, i64>(4)? < millis(since) {
                        break;
                    }
                    firings.extend(firing(row)?);
                }
            }
            firings.sort_by_key(|firing| firing.first_at);
            Ok(firings)
        };
        read().map_err(|error| self.wrap(error))
    }

    /// What is remembered of one key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn incident(&self, key: &AlertKey) -> Result<Option<Incident>> {
        crate::store::outbox::batch_items::incident(&self.db, key).map_err(|error| self.wrap(error))
    }
}

/// None if the urgency is none of ours.
fn firing(row: &Row) -> rusqlite::Result<Option<FiringSpan>> {
    let Ok(priority) = row.get_ref(1)?.as_str()?.parse() else { return Ok(None) };
    let (first_at, last_at) = (moment(row.get(3)?), moment(row.get(4)?));
    Ok(Some(FiringSpan { key: row.get(0)?, priority, title: row.get(2)?, first_at, last_at }))
}

/// Text that LIKE takes as it stands.
fn literal(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect()
}
