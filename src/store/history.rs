//! What is learned over time: health days and what was put off.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, params};

use super::incidents::json;
use super::{Result, Store, millis};
use crate::core::facts::{HealthDay, Postponement};

impl Store {
    /// The days from `since` on, ascending.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn health_days(&self, since: Date) -> Result<Vec<HealthDay>> {
        self.bodies("SELECT body FROM health_days WHERE date >= ?1 ORDER BY date", &since.to_string())
    }

    /// What was put off after `since`, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn postponements(&self, since: Timestamp) -> Result<Vec<Postponement>> {
        self.bodies("SELECT body FROM postponements WHERE at > ?1 ORDER BY at, id", &millis(since))
    }

    fn bodies<T: serde::de::DeserializeOwned>(&self, sql: &str, since: &dyn rusqlite::ToSql) -> Result<Vec<T>> {
        let read = || -> rusqlite::Result<Vec<T>> {
            let mut rows = self.db.prepare_cached(sql)?;
            let bodies: rusqlite::Result<Vec<String>> = rows.query_map([since], |row| row.get(0))?.collect();
            Ok(bodies?.iter().filter_map(|body| serde_json::from_str(body).ok()).collect())
        };
        read().map_err(|error| self.wrap(error))
    }
}

pub(super) fn save_day(db: &Connection, day: &HealthDay) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached("INSERT OR REPLACE INTO health_days (date, body) VALUES (?1, ?2)")?;
    write.execute(params![day.date.to_string(), json(day)]).map(drop)
}

pub(super) fn save_postponement(db: &Connection, event: &Postponement) -> rusqlite::Result<()> {
    let mut write = db.prepare_cached("INSERT INTO postponements (at, body) VALUES (?1, ?2)")?;
    write.execute(params![millis(event.at), json(event)]).map(drop)
}
