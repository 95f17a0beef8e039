//! `operator_state.json`: a summary of the database for other programs. Invariant: the database is the truth.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::Engine;
use crate::core::policy::dedup;
use crate::core::status::StateFile;
use crate::store;
use crate::sys::atomic_file;

/// The file's name in the state directory.
const FILE_NAME: &str = "operator_state.json";

/// Replace the state file. A failure is only a warning.
pub(crate) fn write(engine: &Engine) {
    let state_dir = &engine.database.state_dir;
    let written = build(engine)
        .map_err(|error| error.to_string())
        .and_then(|state| replace(state_dir, &state).map_err(|error| error.to_string()));
    if let Err(error) = written {
        tracing::warn!(file = %state_dir.join(FILE_NAME).display(), %error, "state file not written");
    }
}

fn build(engine: &Engine) -> Result<StateFile, store::Error> {
    let (store, now) = (&engine.database.store, engine.clock.now());
    let counters = store.counters()?;
    let mut recent_dedup_keys = BTreeMap::new();
    store.for_each_incident(|incident| {
        let is_recent = dedup::in_window(&incident, engine.config.dedup_window(), now);
        if let Some(notified) = incident.last_notified.filter(|_| is_recent) {
            recent_dedup_keys.insert(incident.alert.key, notified.at);
        }
    })?;
    Ok(StateFile {
        last_run: counters.last_run,
        run_count: counters.run_count,
        total_alerts: counters.total_alerts,
        uptime_start: Some(engine.started_at),
        recent_dedup_keys,
        monitor_states: engine.monitor_states()?,
        circuit_states: engine.source_states.circuit_states(&engine.config.sources),
    })
}

fn replace(state_dir: &Path, state: &StateFile) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(state)?;
    text.push(b'\n');
    atomic_file::replace(&state_dir.join(FILE_NAME), &text, atomic_file::PRIVATE)
}
