//! What a person can ask of Operator, and what that changes in the database: the same with an engine running or without.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::alert::AlertKey;
use crate::core::channel::Channel;
use crate::core::circuit::Circuit;
use crate::core::policy::incident_state::Pause;
use crate::core::policy::quiet_hours::QuietOverride;
use crate::store::Store;

/// A request to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Show the snapshot.
    Status,
    /// Check everything at once.
    RunNow,
    /// Hold alerts.
    Pause {
        /// Until then; none until resumed.
        until: Option<Timestamp>,
    },
    /// Hold them no longer.
    Resume,
    /// Quiet hours begin or end now, whatever the clock says.
    QuietHours {
        /// Which of the two.
        quiet: bool,
        /// Until then.
        until: Timestamp,
    },
    /// The person knows.
    Acknowledge {
        /// Of what.
        key: AlertKey,
    },
    /// The person wants to hear of it later.
    Snooze {
        /// Of what.
        key: AlertKey,
        /// When.
        until: Timestamp,
    },
    /// Ask a source again at once.
    ResetCircuit {
        /// The circuit's name.
        name: String,
    },
    /// Oura was connected: fetch its last two months at once.
    OuraConnected,
    /// Send a test, through everything that an alert goes through.
    TestAlert {
        /// Where; none: everywhere.
        channel: Option<Channel>,
    },
    /// Decide and report, and write nothing; or write again.
    DryRun {
        /// Which.
        on: bool,
    },
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Whether it was done.
    pub ok: bool,
    /// What was done, or why not, in a sentence.
    pub message: String,
    /// What was asked for: a status, a report.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

impl Reply {
    /// It was done.
    #[must_use]
    pub fn done(message: impl Into<String>) -> Self {
        Self { ok: true, message: message.into(), body: Value::Null }
    }

    /// It could not be done.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self { ok: false, message: message.into(), body: Value::Null }
    }

    /// Here it is.
    #[must_use]
    pub fn with<T: Serialize>(body: &T) -> Self {
        match serde_json::to_value(body) {
            Ok(body) => Self { ok: true, message: String::new(), body },
            Err(error) => Self::refused(format!("cannot be shown: {error}")),
        }
    }
}

/// Carry out a command that only changes what is remembered. None: the command is not of that kind. `circuits` are the
/// circuits of the configured sources.
pub fn remember(store: &mut Store, command: &Command, circuits: &[String], now: Timestamp) -> Option<Reply> {
    let done = match command {
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
    Some(done.unwrap_or_else(|error| Reply::refused(error.to_string())))
}

type Done = Result<Reply, crate::store::Error>;

fn quiet_hours(store: &mut Store, quiet: bool, until: Timestamp) -> Done {
    store.set_quiet_override(Some(QuietOverride { quiet, until }))?;
    Ok(Reply::done(if quiet {
        "Quiet until the quiet hours next begin or end: only critical alerts are told."
    } else {
        "No quiet hours until they next begin or end."
    }))
}

fn acknowledge(store: &mut Store, key: &AlertKey, now: Timestamp) -> Done {
    let incident = store.update_incident(key, now, |incident| {
        let news = incident.open && !incident.acknowledged;
        incident.acknowledged = incident.open;
        news
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
    Reply::refused(format!("{key}: there is no such alert; see `operator alerts --all`"))
}

fn reset_circuit(store: &mut Store, name: &str, circuits: &[String]) -> Done {
    if !circuits.iter().any(|known| known == name) && !store.circuits()?.contains_key(name) {
        return Ok(Reply::refused(format!("no circuit '{name}': there are {}", circuits.join(", "))));
    }
    store.save_circuit(name, &Circuit::default())?;
    Ok(Reply::done(format!("Circuit {name} is closed: its source is asked again.")))
}
