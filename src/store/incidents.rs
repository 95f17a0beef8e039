//! The incidents of policy, one row a key.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::outbox::{batch_items, queue};
use super::{Result, Store, json, millis};
use crate::core::alert::AlertKey;
use crate::core::policy::incident_state::{Incident, IncidentState};

/// The latest journal entry of each key.
pub(super) type LastEntries = BTreeMap<AlertKey, i64>;

impl Store {
    pub fn incident_state(&self) -> Result<IncidentState> {
        self.incident_state_without_facts(|_| false)
    }

    /// Without the facts of the keys that `omitted` selects: they are most of the memory, and seldom needed.
    pub fn incident_state_without_facts(&self, omitted: impl Fn(&AlertKey) -> bool) -> Result<IncidentState> {
        let mut incidents = BTreeMap::new();
        self.for_each_incident(|mut incident| {
            if omitted(&incident.alert.key) {
                incident.alert.facts.clear();
            }
            incidents.insert(incident.alert.key.clone(), incident);
        })?;
        Ok(IncidentState { incidents, pause: self.pause()? })
    }

    /// One incident after the other, because there may be many.
    pub fn for_each_incident(&self, mut visit: impl FnMut(Incident)) -> Result<()> {
        self.read(|db| {
            let mut statement = db.prepare_cached("SELECT body FROM incidents")?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                // An invalid body counts as missing: its alert is new then.
                if let Ok(incident) = serde_json::from_str(row.get_ref(0)?.as_str()?) {
                    visit(incident);
                }
            }
            Ok(())
        })
    }

    /// Applies an answer of the user. If `change` returns true, pending messages of the key are superseded and shown ones are
    /// updated. `None` if the key is unknown.
    pub fn update_incident(
        &mut self,
        key: &AlertKey,
        now: Timestamp,
        change: impl FnOnce(&mut Incident) -> bool,
    ) -> Result<Option<Incident>> {
        self.write(|db| {
            let Some(mut incident) = batch_items::incident(db, key)? else { return Ok(None) };
            if change(&mut incident) {
                db.execute("UPDATE incidents SET body = ?2 WHERE key = ?1", params![key, json(&incident)])?;
                queue::queue_answer(db, key, incident.alert.priority, now)?;
            }
            Ok(Some(incident))
        })
    }
}

pub(super) fn last_entries(db: &Transaction) -> rusqlite::Result<LastEntries> {
    let mut rows = db.prepare_cached("SELECT key, journal_id FROM incidents")?;
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

pub(super) fn save(
    db: &Transaction,
    incident: &Incident,
    known: Option<&Incident>,
    journal_id: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let key = &incident.alert.key;
    if known.is_some_and(|known| has_same_content(known, incident)) {
        let mut touch =
            db.prepare_cached("UPDATE incidents SET journal_id = ?2 WHERE key = ?1 AND journal_id <> ?2")?;
        return touch.execute(params![key, journal_id]).map(drop);
    }
    let mut write = db.prepare_cached(
        "INSERT INTO incidents (key, open, journal_id, updated_at, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (key) DO UPDATE SET open = ?2, journal_id = ?3, updated_at = ?4, body = ?5",
    )?;
    write.execute(params![key, incident.open, journal_id, millis(now), json(incident)]).map(drop)
}

/// An unchanged incident is not written at every check; only the time of its alert differs.
fn has_same_content(known: &Incident, now: &Incident) -> bool {
    known.open == now.open
        && known.held == now.held
        && known.acknowledged == now.acknowledged
        && known.last_notified == now.last_notified
        && known.alert.priority == now.alert.priority
        && known.alert.title == now.alert.title
        && known.alert.message == now.alert.message
        && known.alert.occasion == now.alert.occasion
}
