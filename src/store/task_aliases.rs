//! What open alerts about tasks go by.

use jiff::civil::Date;
use rusqlite::Connection;

use super::{Result, Store, settings};
use crate::core::alert::AlertKey;
use crate::core::tasks::{Aliases, MatchKey, TaskIdentities};

/// The setting that the aliases are kept in.
const BONDS: &str = "told_tasks";

/// The later of two alerts about one task tells what it is now.
const OPEN: &str = "
    SELECT key, json_extract(body, '$.alert.facts.task'), json_extract(body, '$.alert.facts.due') FROM incidents
    WHERE key >= 'task:deadline_' AND key < 'task:deadline`' AND open = 1 ORDER BY touched_at";

impl Store {
    /// What alerts about the deadlines of tasks are open under; `aliases` are those of the last check.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn task_identities(&self, aliases: Aliases) -> Result<TaskIdentities> {
        let read = || -> rusqlite::Result<Vec<(String, Option<MatchKey>)>> {
            let mut statement = self.db.prepare_cached(OPEN)?;
            let rows = statement.query_map((), |row| {
                let (key, title, due): (String, Option<String>, Option<String>) =
                    (row.get(0)?, row.get(1).ok().flatten(), row.get(2).ok().flatten());
                Ok(named(&key, title.as_deref(), due.as_deref()))
            })?;
            rows.filter_map(rusqlite::Result::transpose).collect()
        };
        Ok(TaskIdentities::new(read().map_err(|error| self.wrap(error))?, aliases))
    }

    /// What such names stand for, as the last check left it; those of alerts that are over are among them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn task_aliases(&self) -> Result<Aliases> {
        Ok(settings::get(&self.db, BONDS).map_err(|error| self.wrap(error))?.unwrap_or_default())
    }
}

pub(crate) fn save(db: &Connection, aliases: &Aliases) -> rusqlite::Result<()> {
    settings::set(db, BONDS, aliases)
}

fn named(key: &str, title: Option<&str>, due: Option<&str>) -> Option<(String, Option<MatchKey>)> {
    let name = key.parse::<AlertKey>().ok()?.entity()?.to_owned();
    // With a time behind it, where there is one.
    let date = due.and_then(|due| due.get(..10)).and_then(|date| date.parse::<Date>().ok());
    Some((name, title.and_then(|title| MatchKey::new(title, date))))
}
