//! `operator_state.json`: a window on the database for other programs, replaced as a whole.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::Engine;
use crate::core::alert::AlertKey;
use crate::core::status::StateFile;
use crate::store;
use crate::sys::atomic_file;

/// The file's name in the state directory.
const FILE_NAME: &str = "operator_state.json";

impl Engine {
    /// Replace the state file. A failure is a warning: the database is the truth.
    pub(crate) fn write_state_file(&self) {
        let written = self
            .state()
            .map_err(|error| error.to_string())
            .and_then(|state| replace(&self.state_dir, &state).map_err(|error| error.to_string()));
        if let Err(what) = written {
            tracing::warn!("{}: cannot be written: {what}", self.state_dir.join(FILE_NAME).display());
        }
    }

    fn state(&self) -> Result<StateFile, store::Error> {
        let counters = self.store.counters()?;
        Ok(StateFile {
            last_run: counters.last_run,
            run_count: counters.run_count,
            total_alerts: counters.total_alerts,
            uptime_start: Some(self.started),
            recent_dedup_keys: self.recent()?,
            monitor_states: self.monitor_states()?,
            circuit_states: self.circuit_states(),
        })
    }

    /// When each key was last told, for those that dedup still remembers.
    fn recent(&self) -> Result<BTreeMap<AlertKey, Timestamp>, store::Error> {
        let (mut recent, now) = (BTreeMap::new(), self.clock.now());
        self.store.for_each_incident(|incident| {
            let remembered = self.remembers(&incident, now);
            if let Some(told) = incident.last_notified.filter(|_| remembered) {
                recent.insert(incident.alert.key, told.at);
            }
        })?;
        Ok(recent)
    }
}

fn replace(state_dir: &Path, state: &StateFile) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(state)?;
    text.push(b'\n');
    atomic_file::replace(&state_dir.join(FILE_NAME), &text, atomic_file::PRIVATE)
}
