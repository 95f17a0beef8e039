//! The engine's snapshot, and the same from the database alone when no engine runs.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::core::alert::{Alert, AlertKey, Monitor, Priority};
use crate::core::audit::Audit;
use crate::core::circuit::Circuit;
use crate::core::policy::dedup;
use crate::core::policy::incident_state::{Incident, Pause};
use crate::core::schedule;
use crate::core::status::{MAX_OPEN_SHOWN, MonitorState, OpenAlert, SourceState, Status};
use crate::sources::ErrorKind;
use crate::sources::Source;
use crate::store;

impl Engine {
    /// Everything worth showing, now. `running` is false when only the database is asked.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn status(&self, running: bool) -> Result<Status, store::Error> {
        let now = self.now();
        let at = now.timestamp();
        let counters = self.store.counters()?;
        let (mut open, mut dedup_cache_size) = (Open::default(), 0);
        self.store.for_each_incident(|incident| {
            dedup_cache_size += usize::from(self.remembers(&incident, at));
            open.see(incident, at);
        })?;
        let pause = if running { self.pause } else { self.store.pause()? };
        let pause = pause.filter(|pause| pause.in_force(at));
        let audited = if running { Ok(self.health.audit().cloned()) } else { self.audit_alone(at) };
        let (audit, trouble) = audited.map_or_else(|error| (None, Some(error.to_string())), |audit| (audit, None));
        let error_message = audit.as_ref().and_then(Audit::error_message);
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
            in_event_until: self.in_event_until(&now),
            next_quiet_boundary: Some(self.config.quiet_hours.resolve().next_boundary(&now)),
            enabled_monitors: self.intervals().into_keys().collect(),
            monitor_states: self.monitor_states()?,
            circuit_states: self.circuit_states(),
            sources: self.source_states(),
            oura_connection: self.setup.oura.connection(),
            open_alerts: open.count,
            unanswered_alerts: open.waiting,
            open: open.most_urgent,
            dedup_cache_size,
            check_running: false,
            next_morning: self.config.quiet_hours.resolve().next_morning(&now),
            outbox: self.store.outbox_depth()?.into_iter().collect::<BTreeMap<_, _>>(),
            channel_states: self.channel_states()?,
            http: self.page.borrow().clone(),
            audit,
            check_overdue_at: if running { self.check_overdue_at() } else { None },
            database_error: self.health.database_error().or(trouble),
            config: self.shown_config.clone(),
            warnings: self.all_warnings(error_message),
            config_error: self.config_error.clone(),
        })
    }

    /// Each monitor's last run; of programs, only those that still are in the configuration.
    pub(crate) fn monitor_states(&self) -> Result<BTreeMap<Monitor, MonitorState>, store::Error> {
        let known: Vec<Monitor> = self.config.monitors.exec.iter().filter_map(|p| p.name.map(Monitor::Exec)).collect();
        let mut states = self.store.monitors()?;
        states.retain(|monitor, _| !matches!(monitor, Monitor::Exec(_)) || known.contains(monitor));
        Ok(states)
    }

    fn all_warnings(&self, audit: Option<String>) -> Vec<String> {
        let page = self.page.borrow().error.as_ref().map(|trouble| format!("The dashboard is not served: {trouble}"));
        self.config_warnings.iter().chain(&self.warnings).cloned().chain(page).chain(audit).collect()
    }

    fn source_states(&self) -> BTreeMap<String, SourceState> {
        let state = |source: &Source, circuit: &Circuit| SourceState {
            circuit: circuit.state(),
            as_of: self.told_as_of.get(source).copied(),
            next_try: circuit.retry_at(),
            error: self
                .failures
                .get(source)
                .filter(|error| error.kind != ErrorKind::NotConfigured)
                .map(ToString::to_string),
        };
        self.shown_circuits().map(|(source, circuit)| (source.to_string(), state(&source, circuit))).collect()
    }

    /// Whether an incident would be a duplicate if it fired again now.
    pub(crate) fn remembers(&self, incident: &Incident, now: Timestamp) -> bool {
        let least = SignedDuration::from_secs(self.config.deduplication.window_seconds.into());
        dedup::in_window(incident, least, now)
    }
}

/// The person's zone, as the configuration in force names it.
#[must_use]
pub fn zone_of(status: &Status) -> TimeZone {
    let named = status.config.pointer("/quiet_hours/timezone").and_then(|name| name.as_str());
    named.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(TimeZone::system)
}

/// The open alerts: how many, and the most urgent of them. There may be many, and only those that are shown are kept.
#[derive(Default)]
struct Open {
    count: usize,
    waiting: usize,
    most_urgent: Vec<OpenAlert>,
}

impl Open {
    fn see(&mut self, incident: Incident, now: Timestamp) {
        if !incident.open {
            return;
        }
        let Incident { alert, opened_at: since, acknowledged, snoozed_until, .. } = incident;
        let snoozed_until = snoozed_until.filter(|until| *until > now);
        let Alert { key, priority, title, .. } = alert;
        let alert = OpenAlert { key, priority, title, since, acknowledged, snoozed_until };
        self.count += 1;
        self.waiting += usize::from(alert.is_unanswered());
        let place = self.most_urgent.partition_point(|known| rank(known) < rank(&alert));
        if place < MAX_OPEN_SHOWN {
            self.most_urgent.insert(place, alert);
            self.most_urgent.truncate(MAX_OPEN_SHOWN);
        }
    }
}

/// Those that wait first, the most urgent first.
fn rank(alert: &OpenAlert) -> (bool, Reverse<Priority>, &AlertKey) {
    (!alert.is_unanswered(), Reverse(alert.priority), &alert.key)
}
