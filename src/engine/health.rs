//! How the engine itself does: whether its database works, its checks are made, and every alert is accounted for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::core::alert::{AlertKey, Monitor};
use crate::core::audit::Audit;
use crate::core::schedule::{self, LastRuns};
use crate::core::status::Status;
use crate::engine::event_loop::EventLoop;
use crate::store::{self, DataVersion};

/// What a check does besides asking its sources.
const REST_OF_A_CHECK: SignedDuration = SignedDuration::from_secs(30);

/// What the database is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DbOperation {
    /// Recording a check.
    Record,
    /// Reading the status.
    Read,
    /// The self-audit.
    Audit,
}

/// What is known of it.
#[derive(Debug)]
pub(crate) struct EngineHealth {
    audit: Option<Audit>,
    /// When the audit was last made, or tried.
    audited_at: Option<Timestamp>,
    /// The database as it was then.
    version: Option<DataVersion>,
    /// What the database failed at, for as long as it does.
    troubles: BTreeMap<DbOperation, String>,
    /// When each monitor was last concluded.
    concluded: LastRuns,
    /// Since when checks can be expected.
    watched_since: Timestamp,
}

impl EngineHealth {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self {
            audit: None,
            audited_at: None,
            version: None,
            troubles: BTreeMap::new(),
            concluded: LastRuns::new(),
            watched_since: now,
        }
    }

    /// The last self-audit.
    pub(crate) const fn audit(&self) -> Option<&Audit> {
        self.audit.as_ref()
    }

    /// When the next one is due.
    pub(crate) fn next_audit(&self) -> Option<Timestamp> {
        self.audited_at.and_then(|at| at.saturating_add(schedule::AUDIT_INTERVAL).ok())
    }

    /// Why the database fails.
    pub(crate) fn database_error(&self) -> Option<String> {
        self.troubles.values().next().cloned()
    }

    /// The database did its work, or failed at it.
    pub(crate) fn note<T>(&mut self, work: DbOperation, done: &Result<T, store::Error>) {
        match done {
            Ok(_) => drop(self.troubles.remove(&work)),
            Err(error) => drop(self.troubles.insert(work, error.to_string())),
        }
    }

    /// These were concluded, whatever came of it.
    pub(crate) fn note_concluded(&mut self, monitors: &[Monitor], now: Timestamp) {
        self.concluded.extend(monitors.iter().map(|monitor| (*monitor, now)));
    }

    /// The machine slept, its clock was set, or other monitors run now: what was before says nothing of how late it is.
    pub(crate) fn watch_anew(&mut self, now: Timestamp) {
        self.concluded.clear();
        self.watched_since = now;
    }

    /// Another database takes over.
    pub(crate) fn start_over(&mut self) {
        (self.audit, self.version) = (None, None);
        self.troubles.clear();
    }
}

impl Engine {
    /// When a check must have been made at the latest; none if all monitors are switched off.
    pub(crate) fn check_overdue_at(&self) -> Option<Timestamp> {
        let (health, sources) = (&self.health, &self.config.sources);
        let longest = sources.oura.timeout_seconds.saturating_add(sources.workos.timeout_seconds);
        let programs = self.config.exec_plugins().map(|(_, program)| program.timeout_seconds);
        let calendars = sources.calendars.iter().map(|calendar| calendar.timeout_seconds);
        let longest = programs.chain(calendars).fold(longest, u32::max);
        let patience = SignedDuration::from_secs(longest.into()) + REST_OF_A_CHECK;
        schedule::overdue_at(&self.intervals(), &health.concluded, health.watched_since, patience)
    }

    /// Make the self-audit. While nothing is written its numbers stay, and only its time moves on. A copy in memory is not looked
    /// at: nothing of it is ever told, so that it says nothing of what the person heard.
    fn audit(&mut self, now: Timestamp) {
        self.health.audited_at = Some(now);
        if self.store.is_ephemeral() {
            (self.health.audit, self.health.version) = (None, None);
            return;
        }
        let before = self.health.audit.take();
        let version = self.store.data_version();
        let is_known = |version: &DataVersion| self.health.version == Some(*version);
        let made = match (&version, &before) {
            (Ok(version), Some(known)) if is_known(version) => Ok(Audit { at: now, ..known.clone() }),
            _ => self.store.audit(now),
        };
        self.health.version = version.ok().filter(|_| made.is_ok());
        self.health.note(DbOperation::Audit, &made);
        match made {
            Ok(audit) => {
                tell_change(before.as_ref(), &audit);
                self.health.audit = Some(audit);
            }
            Err(error) => {
                tracing::error!("The self-audit cannot be made: {error}");
                self.health.audit = before;
            }
        }
    }

    /// The same when no engine runs.
    pub(crate) fn audit_alone(&self, now: Timestamp) -> Result<Option<Audit>, store::Error> {
        if self.store.is_ephemeral() { Ok(None) } else { self.store.audit(now).map(Some) }
    }

    /// Whether a watcher elsewhere may be told that all is well.
    fn is_well(&self, now: Timestamp) -> bool {
        let is_consistent = self.health.audit().is_some_and(|audit| audit.at == now && audit.is_consistent());
        let is_late = self.check_overdue_at().is_some_and(|latest| now > latest);
        is_consistent && !is_late && self.health.troubles.is_empty() && !self.dry_run
    }

    fn beat(&self, now: Timestamp) {
        if let Some(heartbeat) = self.heartbeat.clone().filter(|_| self.is_well(now)) {
            tokio::spawn(async move { heartbeat.send().await });
        }
    }
}

impl EventLoop {
    /// Make the self-audit when its time has come. A snapshot goes out when it tells something new, for it may be painted.
    pub(crate) fn audit(&mut self) {
        let now = self.engine.clock.now();
        if !schedule::audit_is_due(self.engine.health.audited_at, now) {
            return;
        }
        let before = (self.engine.health.audit.clone(), self.engine.health.database_error());
        self.engine.audit(now);
        let health = &self.engine.health;
        let says_the_same = match (&before.0, &health.audit) {
            (Some(before), Some(audit)) => audit.agrees_with(before),
            (before, audit) => before == audit,
        };
        // What could not be read is tried again with every audit.
        if says_the_same && before.1.is_none() && health.database_error().is_none() {
            let audit = health.audit.clone();
            self.revise(|status| status.audit = audit);
        } else {
            self.publish();
        }
        self.engine.beat(now);
    }

    /// Change the last snapshot for whoever looks, without waking those who wait for a new one.
    fn revise(&self, change: impl FnOnce(&mut Status)) {
        self.snapshots.send_if_modified(|last| {
            if let Some(status) = last {
                change(status);
            }
            false
        });
    }
}

/// A difference is logged when it comes, changes and goes, not every minute.
fn tell_change(before: Option<&Audit>, now: &Audit) {
    fn unaccounted(audit: &Audit) -> Option<(&[AlertKey], u64)> {
        (!audit.is_consistent()).then_some((audit.unaccounted.as_slice(), audit.unaccounted_count))
    }
    match (before.and_then(unaccounted), unaccounted(now), now.error_message()) {
        (before, now, _) if before == now => {}
        (_, _, Some(error_message)) => tracing::error!("{error_message}"),
        _ => tracing::info!("The self-audit adds up again"),
    }
}
