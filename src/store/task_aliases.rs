//! The identities of tasks with open alerts.

use jiff::civil::Date;
use rusqlite::Connection;

use super::{Result, Store, settings};
use crate::core::alert::AlertKey;
use crate::core::tasks::{Aliases, MatchKey, TaskIdentities};

const SETTING: &str = "task_aliases";

/// Of two alerts about one task the later one has its current title and date.
const OPEN_DEADLINES: &str = "
    SELECT key, json_extract(body, '$.alert.facts.task'), json_extract(body, '$.alert.facts.due') FROM incidents
    WHERE key >= 'task:deadline_' AND key < 'task:deadline`' AND open = 1 ORDER BY updated_at";

impl Store {
    /// The identities under which alerts about deadlines are open; `aliases` are those of the last check.
    pub fn task_identities(&self, aliases: Aliases) -> Result<TaskIdentities> {
        let open = self.read(|db| -> rusqlite::Result<Vec<(String, Option<MatchKey>)>> {
            let mut statement = db.prepare_cached(OPEN_DEADLINES)?;
            let rows = statement.query_map((), |row| {
                let text = |column| row.get::<_, Option<String>>(column).ok().flatten();
                Ok(identity(&row.get(0)?, text(1).as_deref(), text(2).as_deref()))
            })?;
            rows.filter_map(rusqlite::Result::transpose).collect()
        })?;
        Ok(TaskIdentities::new(open, aliases))
    }

    /// The aliases of the last check; they may include tasks whose alerts are closed.
    pub fn task_aliases(&self) -> Result<Aliases> {
        Ok(self.setting(SETTING)?.unwrap_or_default())
    }
}

pub(super) fn save(db: &Connection, aliases: &Aliases) -> rusqlite::Result<()> {
    settings::set(db, SETTING, aliases)
}

fn identity(key: &AlertKey, title: Option<&str>, due: Option<&str>) -> Option<(String, Option<MatchKey>)> {
    // A due time follows the date.
    let date = due.and_then(|due| due.get(..10)).and_then(|date| date.parse::<Date>().ok());
    Some((key.entity()?.to_owned(), title.and_then(|title| MatchKey::new(title, date))))
}
