//! The memory of policy, row by row.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Transaction;

use super::{Result, Store, millis, outbox};
use crate::core::alert::AlertKey;
use crate::core::policy::incident_state::{Incident, IncidentState};

/// The journal entry that speaks of each key last.
pub(super) type LastEntries = BTreeMap<AlertKey, i64>;

impl Store {
    /// Everything that policy remembers.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn incident_state(&self) -> Result<IncidentState> {
        self.incident_state_without_facts(|_| false)
    }

    /// The same, without what the alerts of some keys rested on: most of the memory that memory takes, and seldom needed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn incident_state_without_facts(&self, omitted: impl Fn(&AlertKey) -> bool) -> Result<IncidentState> {
        let mut incidents = Vec::new();
        self.for_each_incident(|mut incident| {
            if omitted(&incident.alert.key) {
                incident.alert.facts.clear();
            }
            incidents.push((incident.alert.key.clone(), incident));
        })?;
        Ok(IncidentState { incidents: incidents.into_iter().collect(), pause: self.pause()? })
    }

    /// Show what is remembered of every key, one after the other: there may be many.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn for_each_incident(&self, mut see: impl FnMut(Incident)) -> Result<()> {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.db.prepare_cached("SELECT body FROM incidents")?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                // A body that cannot be read was not written by us; forgetting it makes its alert news again.
                if let Ok(incident) = serde_json::from_str(row.get_ref(0)?.as_str()?) {
                    see(incident);
                }
            }
            Ok(())
        };
        read().map_err(|error| self.wrap(error))
    }

    /// Change what is remembered of one key because the person spoke about it, if anything is. Where `change` says that it
    /// changed something, what waits of the key is not told any more, and what was told is brought up to date.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn update_incident(
        &mut self,
        key: &AlertKey,
        now: Timestamp,
        change: impl FnOnce(&mut Incident) -> bool,
    ) -> Result<Option<Incident>> {
        let path = self.path.clone();
        let update = |db: &mut rusqlite::Connection| -> rusqlite::Result<Option<Incident>> {
            let transaction = db.transaction()?;
            let body: Option<String> = super::optional(transaction.query_row(
                "SELECT body FROM incidents WHERE key = ?1",
                [key.as_str()],
                |row| row.get(0),
            ))?;
            let Some(mut incident) = body.and_then(|body| serde_json::from_str::<Incident>(&body).ok()) else {
                return Ok(None);
            };
            if change(&mut incident) {
                transaction.execute(
                    "UPDATE incidents SET body = ?2 WHERE key = ?1",
                    rusqlite::params![key.as_str(), json(&incident)],
                )?;
                outbox::answered(&transaction, key, incident.alert.priority, now)?;
                transaction.commit()?;
            }
            Ok(Some(incident))
        };
        update(&mut self.db).map_err(|error| super::Error::new(&path, error))
    }
}

pub(super) fn last_entries(transaction: &Transaction) -> rusqlite::Result<LastEntries> {
    let mut rows = transaction.prepare_cached("SELECT key, entry FROM incidents")?;
    let pairs = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    pairs
        .filter_map(|pair| match pair {
            Ok((key, entry)) => key.parse().ok().map(|key| Ok((key, entry))),
            Err(error) => Some(Err(error)),
        })
        .collect()
}

pub(super) fn save(
    transaction: &Transaction,
    incident: &Incident,
    known: Option<&Incident>,
    entry: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let key = incident.alert.key.as_str();
    if known.is_some_and(|known| says_the_same(known, incident)) {
        let mut touch = transaction.prepare_cached("UPDATE incidents SET entry = ?2 WHERE key = ?1 AND entry <> ?2")?;
        return touch.execute(rusqlite::params![key, entry]).map(drop);
    }
    let mut write = transaction.prepare_cached(
        "INSERT INTO incidents (key, open, entry, touched_at, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (key) DO UPDATE SET open = ?2, entry = ?3, touched_at = ?4, body = ?5",
    )?;
    write.execute(rusqlite::params![key, incident.open, entry, millis(now), json(incident)]).map(drop)
}

/// An incident that goes on unchanged is not written again at every check: only the moment of its alert differs.
fn says_the_same(known: &Incident, now: &Incident) -> bool {
    known.open == now.open
        && known.held == now.held
        && known.acknowledged == now.acknowledged
        && known.last_notified == now.last_notified
        && known.alert.priority == now.alert.priority
        && known.alert.title == now.alert.title
        && known.alert.message == now.alert.message
        && known.alert.occasion == now.alert.occasion
}

/// Our own values always serialise; should one not, an empty body is read back as forgotten.
pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
