//! The cache of Oura's documents that another program keeps: an SQLite file, used as it is, however old.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;
use serde_json::Value;

use crate::core::facts::HealthReading;
use crate::sources::Error;
use crate::sources::oura::json::{Days, LONGEST_DOCUMENT};
use crate::sources::sqlite::{self, column_text};
use crate::sources::timestamps;

const SOURCE: &str = "oura_cache";
const FILE: &str = "oura-health.db";

/// The cache's file: `oura-health.db` in this folder. A path that is a file or ends in `.db` is the cache itself.
#[must_use]
pub fn file_in(place: &Path) -> PathBuf {
    if place.extension().is_some_and(|extension| extension == "db") || place.is_file() {
        place.to_path_buf()
    } else {
        place.join(FILE)
    }
}

/// Readiness and sleep of the days `from..=to`. Blocking.
///
/// # Errors
/// `Outage` if the cache is missing, locked, damaged or holds no days at all; `NeedsUser` if it is not a cache.
pub fn read(path: &Path, from: Date, to: Date) -> Result<HealthReading, Error> {
    sqlite::read(SOURCE, path, |connection| {
        for table in ["readiness_data", "sleep_data"] {
            sqlite::require_columns(SOURCE, path, connection, table, &["day", "data", "cached_at"])?;
        }
        let cached = cached_at(connection)?;
        if cached.rows == 0 {
            return Err(Error::transient(SOURCE, format!("no days in the cache ({})", path.display())).into());
        }
        let mut days = Days::new(from, to);
        documents(connection, "readiness_data", &mut days, Days::readiness)?;
        documents(connection, "sleep_data", &mut days, Days::sleep)?;
        let synced_at = last_sync(connection)?.or(cached.newest);
        let (days, notes) = days.finish();
        Ok(HealthReading { source: SOURCE, days, synced_at, rest: None, notes })
    })
}

/// Feeds a table's documents in the range to `take`, the oldest copy first so that the newest has the last word.
fn documents(
    connection: &Connection,
    table: &str,
    days: &mut Days,
    take: fn(&mut Days, &Value, Option<Timestamp>),
) -> Result<(), sqlite::Error> {
    // Too long a document is not even fetched.
    let sql = format!(
        "SELECT CASE WHEN octet_length(data) <= ?3 THEN data END, octet_length(data) > ?3, cached_at, day
         FROM {table} WHERE substr(day, 1, 10) BETWEEN ?1 AND ?2 ORDER BY julianday(cached_at)"
    );
    let mut statement = connection.prepare(&sql)?;
    let (from, to) = days.range();
    let mut rows = statement.query((from.to_string(), to.to_string(), LONGEST_DOCUMENT))?;
    while let Some(row) = rows.next()? {
        let as_of = column_text(row, 2)?.as_deref().and_then(timestamps::parse_utc);
        let day = column_text(row, 3)?.unwrap_or_default();
        let too_long = row.get::<_, Option<bool>>(1)?.unwrap_or(false);
        match column_text(row, 0)?.map(|data| serde_json::from_str(&data)) {
            Some(Ok(document)) => take(days, &document, as_of),
            _ if too_long => days.note(format!("A document of {day} in {table} is over 1 MiB and was passed over.")),
            _ => days.note(format!("A document of {day} in {table} is not JSON and was passed over.")),
        }
    }
    Ok(())
}

/// How many documents there are, and when the newest was fetched.
struct Cached {
    rows: usize,
    newest: Option<Timestamp>,
}

fn cached_at(connection: &Connection) -> rusqlite::Result<Cached> {
    let mut statement =
        connection.prepare("SELECT cached_at FROM readiness_data UNION ALL SELECT cached_at FROM sleep_data")?;
    let mut rows = statement.query(())?;
    let mut cached = Cached { rows: 0, newest: None };
    while let Some(row) = rows.next()? {
        cached.rows += 1;
        cached.newest = cached.newest.max(column_text(row, 0)?.as_deref().and_then(timestamps::parse_utc));
    }
    Ok(cached)
}

/// When the other program last fetched from Oura, if it says so.
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
