//! The snapshot of the whole engine for its front ends.

use std::cmp::Reverse;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::core::alert::{Alert, AlertKey, Priority};
use crate::core::audit::Audit;
use crate::core::policy::dedup;
use crate::core::policy::incident_state::{Incident, Pause};
use crate::core::status::{MAX_OPEN_SHOWN, OpenAlert, Status};
use crate::store::{self, Store};

/// Build the snapshot. `running` is false when no engine runs and only the database is read.
pub(crate) fn build(engine: &Engine, running: bool) -> Result<Status, store::Error> {
    let (now, store, config) = (engine.now(), &engine.database.store, &engine.config);
    let at = now.timestamp();
    let (counters, intervals) = (store.counters()?, config.intervals());
    let (mut open, mut dedup_cache_size) = (OpenAlerts::default(), 0);
    store.for_each_incident(|incident| {
        dedup_cache_size += usize::from(dedup::in_window(&incident, config.dedup_window(), at));
        open.add(incident, at);
    })?;
    let pause = engine.controls.active_pause(at);
    let audited = if running { Ok(engine.health.audit().cloned()) } else { audit(store, at) };
    let (audit, audit_error) = audited.map_or_else(|error| (None, Some(error.to_string())), |audit| (audit, None));
    let mismatch = audit.as_ref().and_then(Audit::error_message);
    let uptime = at.duration_since(engine.started_at).max(SignedDuration::ZERO);
    Ok(Status {
        running,
        pid: running.then(std::process::id),
        last_run: counters.last_run,
        next_run: if running { engine.runs.next_due(&intervals, at) } else { None },
        run_count: counters.run_count,
        total_alerts: counters.total_alerts,
        uptime_seconds: running.then(|| uptime.as_secs().unsigned_abs()),
        uptime_start: running.then_some(engine.started_at),
        dry_run: engine.dry_run,
        paused: pause.is_some(),
        paused_until: match pause {
            Some(Pause::Until(end)) => Some(end),
            _ => None,
        },
        is_quiet_hours: engine.is_quiet(&now),
        in_event_until: engine.in_event_until(at),
        next_quiet_boundary: Some(config.quiet_hours().next_boundary(&now)),
        enabled_monitors: intervals.into_keys().collect(),
        monitor_states: engine.monitor_states()?,
        circuit_states: engine.source_states.circuit_states(&config.sources),
        sources: engine.source_states.shown_states(&config.sources),
        oura_connection: config.sources.oura.connection(),
        open_alerts: open.count,
        unanswered_alerts: open.unanswered,
        open: open.most_urgent,
        dedup_cache_size,
        check_running: false,
        next_morning: config.quiet_hours().next_morning(&now),
        outbox: store.outbox_depth()?,
        channel_states: engine.dispatcher.channel_states(store)?,
        http: engine.http_state.borrow().clone(),
        audit,
        check_overdue_at: if running { engine.check_overdue_at() } else { None },
        database_error: engine.health.database_error().or(audit_error),
        config: config.shown.clone(),
        warnings: engine.warnings().into_iter().chain(mismatch).collect(),
        config_error: config.error.clone(),
    })
}

/// The audit when no engine runs. A copy in memory is not audited.
fn audit(store: &Store, now: Timestamp) -> Result<Option<Audit>, store::Error> {
    if store.is_ephemeral() { Ok(None) } else { store.audit(now).map(Some) }
}

/// The user's time zone, as the configuration in force names it.
#[must_use]
pub fn user_time_zone(status: &Status) -> TimeZone {
    let name = status.config.pointer("/quiet_hours/timezone").and_then(|name| name.as_str());
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(TimeZone::system)
}

/// The number of open alerts and the most urgent of them.
#[derive(Default)]
struct OpenAlerts {
    count: usize,
    unanswered: usize,
    /// At most `MAX_OPEN_SHOWN`: there may be many.
    most_urgent: Vec<OpenAlert>,
}

impl OpenAlerts {
    fn add(&mut self, incident: Incident, now: Timestamp) {
        if !incident.open {
            return;
        }
        let Incident { alert, opened_at: since, acknowledged, snoozed_until, .. } = incident;
        let snoozed_until = snoozed_until.filter(|until| *until > now);
        let Alert { key, priority, title, .. } = alert;
        let alert = OpenAlert { key, priority, title, since, acknowledged, snoozed_until };
        self.count += 1;
        self.unanswered += usize::from(alert.is_unanswered());
        let position = self.most_urgent.partition_point(|known| rank(known) < rank(&alert));
        if position < MAX_OPEN_SHOWN {
            self.most_urgent.insert(position, alert);
            self.most_urgent.truncate(MAX_OPEN_SHOWN);
        }
    }
}

/// Unanswered alerts first, then by urgency.
fn rank(alert: &OpenAlert) -> (bool, Reverse<Priority>, &AlertKey) {
    (!alert.is_unanswered(), Reverse(alert.priority), &alert.key)
}
