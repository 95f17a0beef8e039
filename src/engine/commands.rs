//! The user's commands, and what they change in the database: the same with a running engine or without one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::core::alert::AlertKey;
use crate::core::channel::Channel;
use crate::core::circuit::Circuit;
use crate::core::policy::incident_state::Pause;
use crate::core::policy::quiet_hours::QuietOverride;
use crate::store::{self, Store};

/// A command to a running engine and where its reply goes.
#[derive(Debug)]
pub struct Request {
    pub command: Command,
    pub reply: oneshot::Sender<Reply>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Reply with the snapshot.
    Status,
    /// Check all monitors now.
    RunNow,
    /// Hold alerts until a time; none: until resumed.
    Pause {
        until: Option<Timestamp>,
    },
    Resume,
    /// Turn quiet hours on or off until a time.
    QuietHours {
        quiet: bool,
        until: Timestamp,
    },
    Acknowledge {
        key: AlertKey,
    },
    Snooze {
        key: AlertKey,
        until: Timestamp,
    },
    /// Close a circuit and fetch its source now.
    ResetCircuit {
        name: String,
    },
    /// Oura was connected: fetch its history now.
    OuraConnected,
    /// Send a test message; none: on every channel.
    TestAlert {
        channel: Option<Channel>,
    },
    DryRun {
        on: bool,
    },
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub ok: bool,
    /// One sentence for the user.
    pub message: String,
    /// The requested data: a status, a report.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

impl Reply {
    #[must_use]
    pub fn done(message: impl Into<String>) -> Self {
        Self { ok: true, message: message.into(), body: Value::Null }
    }

    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self { ok: false, message: message.into(), body: Value::Null }
    }

    #[must_use]
    pub fn with<T: Serialize>(body: &T) -> Self {
        match serde_json::to_value(body) {
            Ok(body) => Self { ok: true, message: String::new(), body },
            Err(error) => Self::refused(format!("cannot be written as JSON: {error}")),
        }
    }
}

/// Carry out a command that only changes the database; none: the command is not of that kind. `circuits` are the names of the
/// configured sources' circuits.
pub fn apply(store: &mut Store, command: &Command, circuits: &[String], now: Timestamp) -> Option<Reply> {
    let result = match command {
        Command::Pause { until } => {
            let pause = until.map_or(Pause::UntilResumed, Pause::Until);
            store.set_pause(Some(pause)).map(|()| Reply::done("Paused: alerts wait and come as one digest afterwards."))
        }
        Command::QuietHours { quiet, until } => quiet_hours(store, *quiet, *until),
        Command::Resume => store.set_pause(None).map(|()| Reply::done("Resumed.")),
        Command::Acknowledge { key } => acknowledge(store, key, now),
        Command::Snooze { key, until } if *until <= now => Ok(Reply::refused(format!("{key}: {until} is past"))),
        Command::Snooze { key, until } => snooze(store, key, *until, now),
        Command::ResetCircuit { name } => reset_circuit(store, name, circuits),
        Command::Status
        | Command::RunNow
        | Command::TestAlert { .. }
        | Command::DryRun { .. }
        | Command::OuraConnected => {
            return None;
        }
    };
    Some(result.unwrap_or_else(|error| Reply::refused(error.to_string())))
}

type Done = Result<Reply, store::Error>;

fn quiet_hours(store: &mut Store, quiet: bool, until: Timestamp) -> Done {
    store.set_quiet_override(Some(QuietOverride { quiet, until }))?;
    Ok(Reply::done(if quiet {
        "Quiet until the quiet hours next begin or end: only critical alerts are sent."
    } else {
        "No quiet hours until they next begin or end."
    }))
}

fn acknowledge(store: &mut Store, key: &AlertKey, now: Timestamp) -> Done {
    let incident = store.update_incident(key, now, |incident| {
        let changed = incident.open && !incident.acknowledged;
        incident.acknowledged = incident.open;
        changed
    })?;
    Ok(match incident {
        Some(incident) if incident.open => {
            Reply::done(format!("Acknowledged: {}. Silent until it resolves.", incident.alert.title))
        }
        Some(incident) => Reply::refused(format!("{key}: \"{}\" has resolved already", incident.alert.title)),
        None => unknown(key),
    })
}

fn snooze(store: &mut Store, key: &AlertKey, until: Timestamp, now: Timestamp) -> Done {
    let incident = store.update_incident(key, now, |incident| incident.snoozed_until.replace(until) != Some(until))?;
    Ok(incident.map_or_else(|| unknown(key), |incident| Reply::done(format!("Snoozed: {}.", incident.alert.title))))
}

fn unknown(key: &AlertKey) -> Reply {
    Reply::refused(format!("no alert with key {key}; list them with `operator alerts --all`"))
}

fn reset_circuit(store: &mut Store, name: &str, circuits: &[String]) -> Done {
    if !circuits.iter().any(|known| known == name) && !store.circuits()?.contains_key(name) {
        return Ok(Reply::refused(format!("no circuit '{name}': there are {}", circuits.join(", "))));
    }
    store.save_circuit(name, &Circuit::default())?;
    Ok(Reply::done(format!("Circuit {name} is closed: its source is fetched again.")))
}
