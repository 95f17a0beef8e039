//! The engine's snapshot, and the same from the database alone when no engine runs.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::core::policy::dedup;
use crate::core::policy::memory::{Incident, Pause};
use crate::core::schedule;
use crate::core::status::Status;
use crate::store::StoreError;

impl Engine {
    /// Everything worth showing, now. `running` is false when only the database is asked.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn status(&self, running: bool) -> Result<Status, StoreError> {
        let now = self.now();
        let at = now.timestamp();
        let counters = self.store.counters()?;
        let (mut open_alerts, mut dedup_cache_size) = (0, 0);
        self.store.each_incident(|incident| {
            open_alerts += usize::from(incident.open);
            dedup_cache_size += usize::from(self.remembers(&incident, at));
        })?;
        let pause = if running { self.pause } else { self.store.pause()? };
        let pause = pause.filter(|pause| pause.in_force(at));
        let uptime = at.duration_since(self.started).max(SignedDuration::ZERO);
        Ok(Status {
            running,
            pid: running.then(std::process::id),
            last_run: counters.last_run,
            next_run: if running { schedule::next_due(&self.intervals(), &self.last_runs, at) } else { None },
            run_count: counters.run_count,
            total_alerts: counters.total_alerts,
            uptime_seconds: running.then(|| uptime.as_secs().unsigned_abs()),
            uptime_start: running.then_some(self.started),
            dry_run: self.dry_run,
            paused: pause.is_some(),
            paused_until: match pause {
                Some(Pause::Until(end)) => Some(end),
                _ => None,
            },
            is_quiet_hours: self.is_quiet(&now),
            enabled_monitors: self.intervals().into_keys().collect(),
            monitor_states: self.store.monitors()?,
            circuit_states: self.circuit_states(),
            open_alerts,
            dedup_cache_size,
            outbox: self.store.outbox_depth()?.into_iter().collect::<BTreeMap<_, _>>(),
            channel_states: self.channel_states()?,
            config: self.shown_config.clone(),
            warnings: self.warnings.clone(),
        })
    }

    /// Whether an incident would be a duplicate if it fired again now.
    pub(super) fn remembers(&self, incident: &Incident, now: Timestamp) -> bool {
        let least = SignedDuration::from_secs(self.config.deduplication.window_seconds.into());
        dedup::remembers(incident, least, now)
    }
}
