//! The journal page by page: filtered, with the messages of every decision.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{COLUMNS, JournalEntry, parse_entry};
use crate::core::alert::{AlertKey, Priority};
use crate::core::policy::decision::Decision;
use crate::core::policy::incident_state::Incident;
use crate::store::outbox::{self, OutboxEntry, batch_items};
use crate::store::{Result, Store, millis, timestamp};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalFilter {
    /// Made at or after this time.
    pub since: Timestamp,
    pub priority: Option<Priority>,
    pub decision: Option<Decision>,
    /// A part of the key or title, without regard to ASCII case; empty for any.
    pub text: String,
    /// Older than this entry, the last one of the previous page.
    pub before: Option<i64>,
}

/// A time span in which a key fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiringSpan {
    pub key: AlertKey,
    pub priority: Priority,
    pub title: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

impl Store {
    /// The entries that pass the filter, the newest first.
    pub fn query_journal(&self, filter: &JournalFilter, limit: u32) -> Result<Vec<JournalEntry>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM journal
             WHERE last_at >= ?1 AND (?2 IS NULL OR priority = ?2) AND (?3 IS NULL OR decision = ?3)
               AND (?4 = '' OR key LIKE ?5 ESCAPE '\\' OR title LIKE ?5 ESCAPE '\\')
               AND (?6 IS NULL OR (last_at, id) < ((SELECT last_at FROM journal WHERE id = ?6), ?6))
             ORDER BY last_at DESC, id DESC LIMIT ?7"
        );
        let JournalFilter { since, priority, decision, text, before } = filter;
        let pattern = format!("%{}%", escape_like(text));
        let parameters = params![millis(*since), priority, decision, text, pattern, before, limit];
        self.read(|db| db.prepare_cached(&sql)?.query_map(parameters, parse_entry)?.collect())
    }

    /// The messages of a decision, by channel.
    pub fn outbox_entries_of_decision(&self, entry: &JournalEntry) -> Result<Vec<OutboxEntry>> {
        let entries = self.read(|db| {
            if let Some(digest) = entry.digest {
                let sql = format!("SELECT {} FROM outbox WHERE digest = ?1 ORDER BY id", outbox::COLUMNS);
                return db.prepare_cached(&sql)?.query_map([digest], outbox::parse_entry)?.collect();
            }
            // The rows of one check have adjacent ids and its time.
            let mut row = db.prepare_cached(&format!(
                "SELECT {} FROM outbox WHERE key = ?1 AND channel = ?2 AND kind IN ('alert', 'resolve')
                   AND id BETWEEN (SELECT min(id) FROM outbox WHERE created_at = ?3)
                              AND (SELECT max(id) FROM outbox WHERE created_at = ?3)",
                outbox::COLUMNS
            ))?;
            let mut entries = Vec::new();
            if matches!(entry.decision, Decision::Deliver | Decision::Resolve) {
                for channel in &entry.channels {
                    let parameters = params![entry.key, channel, millis(entry.first_at)];
                    entries.extend(row.query_row(parameters, outbox::parse_entry).optional()?);
                }
            }
            Ok(entries)
        })?;
        self.with_next_attempts(entries)
    }

    /// When these rules fired since a time, whatever the decision; the earliest first.
    pub fn firing_spans(&self, rules: &[&str], since: Timestamp) -> Result<Vec<FiringSpan>> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT key, priority, title, first_at, last_at FROM journal WHERE key = ?1 AND decision <> 'resolve'
                 ORDER BY id DESC",
            )?;
            let mut spans = Vec::new();
            for rule in rules {
                let mut rows = statement.query([rule])?;
                while let Some(row) = rows.next()? {
                    let (first_at, last_at) = (timestamp(row.get(3)?), timestamp(row.get(4)?));
                    // Only the last entry of a key can grow, so all entries before this one ended earlier.
                    if last_at < since {
                        break;
                    }
                    let (key, priority, title) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    spans.push(FiringSpan { key, priority, title, first_at, last_at });
                }
            }
            spans.sort_by_key(|span| span.first_at);
            Ok(spans)
        })
    }

    pub fn incident(&self, key: &AlertKey) -> Result<Option<Incident>> {
        self.read(|db| batch_items::incident(db, key))
    }
}

/// LIKE takes the text literally.
fn escape_like(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect()
}
