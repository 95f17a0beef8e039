//! The history that builds up over time: health days and postponements.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, ToSql, params};
use serde::de::DeserializeOwned;

use super::{Result, Store, json, millis};
use crate::core::facts::{HealthDay, Postponement};

impl Store {
    /// The days from `since` on, ascending.
    pub fn health_days(&self, since: Date) -> Result<Vec<HealthDay>> {
        self.bodies("SELECT body FROM health_days WHERE date >= ?1 ORDER BY date", &since.to_string())
    }

    /// The postponements after `since`, the oldest first.
    pub fn postponements(&self, since: Timestamp) -> Result<Vec<Postponement>> {
        self.bodies("SELECT body FROM postponements WHERE at > ?1 ORDER BY at, id", &millis(since))
    }

    fn bodies<T: DeserializeOwned>(&self, sql: &str, since: &dyn ToSql) -> Result<Vec<T>> {
        self.read(|db| {
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query([since])?;
            let mut values = Vec::new();
            while let Some(row) = rows.next()? {
                values.extend(serde_json::from_str(row.get_ref(0)?.as_str()?).ok());
            }
            Ok(values)
        })
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
