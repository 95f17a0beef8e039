//! Single values, and small tables that are read whole: circuits, channels, monitors.

use std::collections::BTreeMap;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Result, Store, json};
use crate::core::alert::Monitor;
use crate::core::channel::Channel;
use crate::core::circuit::Circuit;
use crate::core::delivery::channel_backoff::ChannelBackoff;
use crate::core::facts::RestMode;
use crate::core::policy::incident_state::Pause;
use crate::core::policy::quiet_hours::QuietOverride;
use crate::core::status::{Counters, MonitorState};

impl Store {
    pub fn counters(&self) -> Result<Counters> {
        Ok(self.setting("counters")?.unwrap_or_default())
    }

    pub fn pause(&self) -> Result<Option<Pause>> {
        Ok(self.setting("pause")?.flatten())
    }

    pub fn set_pause(&mut self, pause: Option<Pause>) -> Result<()> {
        self.set_setting("pause", &pause)
    }

    /// The rest-mode periods of Oura, as last fetched.
    pub fn rest_mode(&self) -> Result<Vec<RestMode>> {
        Ok(self.setting("rest_mode")?.unwrap_or_default())
    }

    /// The user's override of the quiet hours.
    pub fn quiet_override(&self) -> Result<Option<QuietOverride>> {
        Ok(self.setting("quiet_override")?.flatten())
    }

    pub fn set_quiet_override(&mut self, quiet: Option<QuietOverride>) -> Result<()> {
        self.set_setting("quiet_override", &quiet)
    }

    /// The position up to which the inbound events of a channel are processed.
    pub fn cursor(&self, channel: Channel) -> Result<Option<String>> {
        self.setting(&format!("cursor:{channel}"))
    }

    pub fn set_cursor(&mut self, channel: Channel, cursor: &str) -> Result<()> {
        self.set_setting(&format!("cursor:{channel}"), &cursor)
    }

    /// A random id that makes message ids unique to this database. `new_id` makes it at the first call.
    pub fn database_id(&mut self, new_id: impl FnOnce() -> String) -> Result<String> {
        if let Some(id) = self.setting("database_id")? {
            return Ok(id);
        }
        let id = new_id();
        self.set_setting("database_id", &id)?;
        Ok(id)
    }

    pub fn circuits(&self) -> Result<BTreeMap<String, Circuit>> {
        self.read(|db| bodies(db, "SELECT name, body FROM circuits"))
    }

    pub fn save_circuit(&mut self, name: &str, circuit: &Circuit) -> Result<()> {
        self.write(|db| save_circuit(db, name, circuit))
    }

    pub fn channel_backoffs(&self) -> Result<BTreeMap<Channel, ChannelBackoff>> {
        self.read(|db| bodies(db, "SELECT channel, body FROM channel_state"))
    }

    pub fn save_channel_backoff(&mut self, channel: Channel, backoff: &ChannelBackoff) -> Result<()> {
        self.write(|db| save_channel_backoff(db, channel, backoff))
    }

    /// The last run of each monitor.
    pub fn monitors(&self) -> Result<BTreeMap<Monitor, MonitorState>> {
        self.read(|db| bodies(db, "SELECT name, body FROM monitors"))
    }

    pub(super) fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.read(|db| get(db, name))
    }

    fn set_setting<T: Serialize>(&mut self, name: &str, value: &T) -> Result<()> {
        self.write(|db| set(db, name, value))
    }
}

/// An invalid value counts as missing.
pub(super) fn get<T: DeserializeOwned>(db: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    let value: Option<String> =
        db.query_row("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0)).optional()?;
    Ok(value.and_then(|value| serde_json::from_str(&value).ok()))
}

pub(super) fn set<T: Serialize>(db: &Connection, name: &str, value: &T) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)", params![name, json(value)]).map(drop)
}

pub(super) fn save_circuit(db: &Connection, name: &str, circuit: &Circuit) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO circuits (name, body) VALUES (?1, ?2)", params![name, json(circuit)]).map(drop)
}

pub(super) fn save_channel_backoff(
    db: &Connection,
    channel: Channel,
    backoff: &ChannelBackoff,
) -> rusqlite::Result<()> {
    let row = params![channel, json(backoff)];
    db.execute("INSERT OR REPLACE INTO channel_state (channel, body) VALUES (?1, ?2)", row).map(drop)
}

pub(super) fn save_monitor(db: &Connection, monitor: Monitor, state: &MonitorState) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO monitors (name, body) VALUES (?1, ?2)", params![monitor, json(state)]).map(drop)
}

/// Rows with an unknown name or an invalid body count as missing.
fn bodies<K: FromStr + Ord, T: DeserializeOwned>(db: &Connection, sql: &str) -> rusqlite::Result<BTreeMap<K, T>> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut values = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let (Ok(name), Ok(value)) =
            (row.get_ref(0)?.as_str()?.parse(), serde_json::from_str(row.get_ref(1)?.as_str()?))
        {
            values.insert(name, value);
        }
    }
    Ok(values)
}
