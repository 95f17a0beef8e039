//! The cache of Oura's documents that another program keeps: an SQLite file, used as it is, however old.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;
use serde_json::Value;

use crate::core::facts::HealthReading;
use crate::sources::Error;
use crate::sources::oura::json::{DayAccumulator, MAX_DOCUMENT_BYTES};
use crate::sources::sqlite::{self, column_text};
use crate::sources::timestamps;

const SOURCE: &str = "oura_cache";
const FILE_NAME: &str = "oura-health.db";

/// The cache file: `oura-health.db` in this folder, or the path itself if it is a file or ends in `.db`.
#[must_use]
pub fn resolve_path(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "db") || path.is_file() {
        path.to_path_buf()
    } else {
        path.join(FILE_NAME)
    }
}

/// Readiness and sleep of the days `from..=to`. Blocking. A cache without any days is a transient error.
pub fn fetch(path: &Path, from: Date, to: Date) -> Result<HealthReading, Error> {
    sqlite::with_snapshot(SOURCE, path, |connection| {
        for table in ["readiness_data", "sleep_data"] {
            sqlite::require_columns(SOURCE, path, connection, table, &["day", "data", "cached_at"])?;
        }
        let summary = summarize(connection)?;
        if summary.rows == 0 {
            return Err(Error::transient(SOURCE, format!("no days in the cache ({})", path.display())).into());
        }
        let mut days = DayAccumulator::new(from, to);
        add_documents(connection, "readiness_data", &mut days, DayAccumulator::add_readiness)?;
        add_documents(connection, "sleep_data", &mut days, DayAccumulator::add_sleep)?;
        let synced_at = last_sync(connection)?.or(summary.newest);
        let (days, notes) = days.finish();
        Ok(HealthReading { source: SOURCE, days, synced_at, rest: None, notes })
    })
}

/// Passes the documents of a table to `add`, oldest first, so that the newest copy wins.
fn add_documents(
    connection: &Connection,
    table: &str,
    days: &mut DayAccumulator,
    add: fn(&mut DayAccumulator, &Value, Option<Timestamp>),
) -> Result<(), sqlite::Error> {
    // A document that is too long is not fetched.
    let sql = format!(
        "SELECT CASE WHEN octet_length(data) <= ?3 THEN data END, octet_length(data) > ?3, cached_at, day
         FROM {table} WHERE substr(day, 1, 10) BETWEEN ?1 AND ?2 ORDER BY julianday(cached_at)"
    );
    let mut statement = connection.prepare(&sql)?;
    let (from, to) = days.range();
    let mut rows = statement.query((from.to_string(), to.to_string(), MAX_DOCUMENT_BYTES))?;
    while let Some(row) = rows.next()? {
        let as_of = column_text(row, 2)?.as_deref().and_then(timestamps::parse_utc);
        let day = column_text(row, 3)?.unwrap_or_default();
        let too_long = row.get::<_, Option<bool>>(1)?.unwrap_or(false);
        match column_text(row, 0)?.map(|data| serde_json::from_str(&data)) {
            Some(Ok(document)) => add(days, &document, as_of),
            _ if too_long => days.add_note(format!("A document of {day} in {table} is over 1 MiB and was skipped.")),
            _ => days.add_note(format!("A document of {day} in {table} is not JSON and was skipped.")),
        }
    }
    Ok(())
}

struct CacheSummary {
    rows: usize,
    /// When the newest document was fetched.
    newest: Option<Timestamp>,
}

fn summarize(connection: &Connection) -> rusqlite::Result<CacheSummary> {
    let mut statement =
        connection.prepare("SELECT cached_at FROM readiness_data UNION ALL SELECT cached_at FROM sleep_data")?;
    let mut rows = statement.query(())?;
    let mut summary = CacheSummary { rows: 0, newest: None };
    while let Some(row) = rows.next()? {
        summary.rows += 1;
        summary.newest = summary.newest.max(column_text(row, 0)?.as_deref().and_then(timestamps::parse_utc));
    }
    Ok(summary)
}

/// When the program that fills the cache last fetched from Oura, if it stores that.
fn last_sync(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let known = sqlite::columns(connection, "cache_meta")?;
    if !known.contains("key") || !known.contains("value") {
        return Ok(None);
    }
    let mut statement = connection.prepare("SELECT value FROM cache_meta WHERE key = 'last_sync_time'")?;
    let mut rows = statement.query(())?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(column_text(row, 0)?.as_deref().and_then(timestamps::parse_utc))
}
