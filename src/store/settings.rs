//! Single values and small tables that are read and written whole: counters, the pause, circuits, monitors.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::incidents::json;
use super::{Result, Store};
use crate::core::alert::Monitor;
use crate::core::channel::Channel;
use crate::core::circuit::Circuit;
use crate::core::delivery::channel_backoff::ChannelBackoff;
use crate::core::facts::RestMode;
use crate::core::policy::incident_state::Pause;
use crate::core::policy::quiet_hours::QuietOverride;
use crate::core::status::{Counters, MonitorState};

impl Store {
    /// Checks made and alerts told, ever.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn counters(&self) -> Result<Counters> {
        Ok(get(&self.db, "counters").map_err(|error| self.wrap(error))?.unwrap_or_default())
    }

    /// Whether the person asked for silence.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn pause(&self) -> Result<Option<Pause>> {
        Ok(get(&self.db, "pause").map_err(|error| self.wrap(error))?.flatten())
    }

    /// When the wearer asked Oura for rest, as last told.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn rest_mode(&self) -> Result<Vec<RestMode>> {
        Ok(get(&self.db, "rest_mode").map_err(|error| self.wrap(error))?.unwrap_or_default())
    }

    /// Pause, or resume.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_pause(&mut self, pause: Option<Pause>) -> Result<()> {
        set(&self.db, "pause", &pause).map_err(|error| self.wrap(error))
    }

    /// What the person said against the quiet hours' clock.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn quiet_override(&self) -> Result<Option<QuietOverride>> {
        Ok(get(&self.db, "quiet_override").map_err(|error| self.wrap(error))?.flatten())
    }

    /// Keep it, or forget it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_quiet_override(&mut self, said: Option<QuietOverride>) -> Result<()> {
        set(&self.db, "quiet_override", &said).map_err(|error| self.wrap(error))
    }

    /// The circuits as they were left.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn circuits(&self) -> Result<BTreeMap<String, Circuit>> {
        bodies(&self.db, "SELECT name, body FROM circuits").map_err(|error| self.wrap(error))
    }

    /// Keep one circuit.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn save_circuit(&mut self, name: &str, circuit: &Circuit) -> Result<()> {
        save_circuit(&self.db, name, circuit).map_err(|error| self.wrap(error))
    }

    /// How each channel does.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn channel_backoffs(&self) -> Result<BTreeMap<Channel, ChannelBackoff>> {
        let named: BTreeMap<String, ChannelBackoff> =
            bodies(&self.db, "SELECT name, body FROM lanes").map_err(|error| self.wrap(error))?;
        Ok(named.into_iter().filter_map(|(name, lane)| Some((name.parse().ok()?, lane))).collect())
    }

    /// Keep how a channel does.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn save_channel_backoff(&mut self, channel: Channel, lane: &ChannelBackoff) -> Result<()> {
        save_channel_backoff(&self.db, channel, lane).map_err(|error| self.wrap(error))
    }

    /// Where a channel's listener stopped reading.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn cursor(&self, channel: Channel) -> Result<Option<String>> {
        get(&self.db, &format!("bookmark:{channel}")).map_err(|error| self.wrap(error))
    }

    /// Keep where a channel's listener stopped reading.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_cursor(&mut self, channel: Channel, bookmark: &str) -> Result<()> {
        set(&self.db, &format!("bookmark:{channel}"), &bookmark).map_err(|error| self.wrap(error))
    }

    /// A word that no other database has: with it the numbers of messages are unlike those of any other. Made, from `fresh`,
    /// when it is first asked for.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn database_id(&mut self, fresh: impl FnOnce() -> String) -> Result<String> {
        let mark = || -> rusqlite::Result<String> {
            if let Some(mark) = get(&self.db, "mark")? {
                return Ok(mark);
            }
            let mark = fresh();
            set(&self.db, "mark", &mark)?;
            Ok(mark)
        };
        mark().map_err(|error| self.wrap(error))
    }

    /// The monitors' last runs.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn monitors(&self) -> Result<BTreeMap<Monitor, MonitorState>> {
        let named: BTreeMap<String, MonitorState> =
            bodies(&self.db, "SELECT name, body FROM monitors").map_err(|error| self.wrap(error))?;
        Ok(named.into_iter().filter_map(|(name, state)| Some((name.parse().ok()?, state))).collect())
    }
}

pub(super) fn get<T: DeserializeOwned>(db: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    let value: Option<String> =
        super::optional(db.query_row("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0)))?;
    Ok(value.and_then(|value| serde_json::from_str(&value).ok()))
}

pub(super) fn set<T: Serialize>(db: &Connection, name: &str, value: &T) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)", params![name, json(value)]).map(drop)
}

pub(super) fn save_circuit(db: &Connection, name: &str, circuit: &Circuit) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO circuits (name, body) VALUES (?1, ?2)", params![name, json(circuit)]).map(drop)
}

pub(super) fn save_channel_backoff(db: &Connection, channel: Channel, lane: &ChannelBackoff) -> rusqlite::Result<()> {
    let row = params![channel.as_str(), json(lane)];
    db.execute("INSERT OR REPLACE INTO lanes (name, body) VALUES (?1, ?2)", row).map(drop)
}

pub(super) fn save_monitor(db: &Connection, monitor: Monitor, state: &MonitorState) -> rusqlite::Result<()> {
    let row = params![monitor.to_string(), json(state)];
    db.execute("INSERT OR REPLACE INTO monitors (name, body) VALUES (?1, ?2)", row).map(drop)
}

fn bodies<T: DeserializeOwned>(db: &Connection, sql: &str) -> rusqlite::Result<BTreeMap<String, T>> {
    let mut rows = db.prepare(sql)?;
    let pairs = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let mut known = BTreeMap::new();
    for pair in pairs {
        let (name, body): (String, String) = pair?;
        if let Ok(value) = serde_json::from_str(&body) {
            known.insert(name, value);
        }
    }
    Ok(known)
}
