//! Engine health: database errors, overdue checks and the last audit.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::config::schema::Config;
use crate::core::alert::{AlertKey, Monitor};
use crate::core::audit::Audit;
use crate::core::schedule::{self, Intervals, LastRuns};
use crate::store::{self, DataVersion, Store};

/// The time of a check besides its fetches.
const CHECK_OVERHEAD: SignedDuration = SignedDuration::from_secs(30);

/// What the engine uses the database for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DbOperation {
    CommitCheck,
    ReadStatus,
    Audit,
}

/// What an audit means for the last snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuditChange {
    /// Only the time of the audit differs.
    TimeOnly,
    /// The numbers or the database error differ.
    Numbers,
}

#[derive(Debug)]
pub(crate) struct EngineHealth {
    audit: Option<Audit>,
    /// When an audit was last made or tried.
    audited_at: Option<Timestamp>,
    /// The version of the database that `audit` describes.
    audited_version: Option<DataVersion>,
    /// The last error of each operation, until the operation succeeds.
    database_errors: BTreeMap<DbOperation, String>,
    /// When each monitor was last evaluated.
    evaluated_at: LastRuns,
    /// Checks before this time are not expected.
    watching_since: Timestamp,
}

impl EngineHealth {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self {
            audit: None,
            audited_at: None,
            audited_version: None,
            database_errors: BTreeMap::new(),
            evaluated_at: LastRuns::new(),
            watching_since: now,
        }
    }

    pub(crate) const fn audit(&self) -> Option<&Audit> {
        self.audit.as_ref()
    }

    pub(crate) fn next_audit(&self) -> Option<Timestamp> {
        self.audited_at.and_then(|at| at.saturating_add(schedule::AUDIT_INTERVAL).ok())
    }

    pub(crate) fn database_error(&self) -> Option<String> {
        self.database_errors.values().next().cloned()
    }

    pub(crate) fn record<T>(&mut self, operation: DbOperation, result: &Result<T, store::Error>) {
        match result {
            Ok(_) => drop(self.database_errors.remove(&operation)),
            Err(error) => drop(self.database_errors.insert(operation, error.to_string())),
        }
    }

    pub(crate) fn on_evaluated(&mut self, monitors: &[Monitor], now: Timestamp) {
        self.evaluated_at.extend(monitors.iter().map(|monitor| (*monitor, now)));
    }

    /// After a sleep, a clock change or a new configuration, earlier checks say nothing about lateness.
    pub(crate) fn reset_watchdog(&mut self, now: Timestamp) {
        self.evaluated_at.clear();
        self.watching_since = now;
    }

    /// Another database has been adopted.
    pub(crate) fn on_store_adopted(&mut self) {
        (self.audit, self.audited_version) = (None, None);
        self.database_errors.clear();
    }

    /// The latest time of the next evaluation; none if all monitors are disabled.
    pub(crate) fn overdue_at(&self, intervals: &Intervals, config: &Config) -> Option<Timestamp> {
        schedule::overdue_at(intervals, &self.evaluated_at, self.watching_since, check_timeout(config))
    }

    /// Whether the heartbeat may be sent.
    pub(crate) fn is_healthy(&self, overdue_at: Option<Timestamp>, now: Timestamp) -> bool {
        let is_consistent = self.audit.as_ref().is_some_and(|audit| audit.at == now && audit.is_consistent());
        let is_overdue = overdue_at.is_some_and(|latest| now > latest);
        is_consistent && !is_overdue && self.database_errors.is_empty()
    }

    /// Audit the database if an audit is due.
    pub(crate) fn audit_if_due(&mut self, store: &Store, now: Timestamp) -> Option<AuditChange> {
        if !schedule::audit_is_due(self.audited_at, now) {
            return None;
        }
        let (before, error_before) = (self.audit.clone(), self.database_error());
        self.run_audit(store, now);
        let same_numbers = match (&before, &self.audit) {
            (Some(before), Some(audit)) => audit.agrees_with(before),
            (before, audit) => before == audit,
        };
        let no_errors = error_before.is_none() && self.database_error().is_none();
        Some(if same_numbers && no_errors { AuditChange::TimeOnly } else { AuditChange::Numbers })
    }

    /// While the database is unchanged the numbers stay, and only the time of the audit moves on. A copy in memory is not
    /// audited, because none of its messages are sent.
    fn run_audit(&mut self, store: &Store, now: Timestamp) {
        self.audited_at = Some(now);
        if store.is_ephemeral() {
            (self.audit, self.audited_version) = (None, None);
            return;
        }
        let before = self.audit.take();
        let version = store.data_version();
        let result = match (&version, &before) {
            (Ok(version), Some(known)) if self.audited_version == Some(*version) => {
                Ok(Audit { at: now, ..known.clone() })
            }
            _ => store.audit(now),
        };
        self.audited_version = version.ok().filter(|_| result.is_ok());
        self.record(DbOperation::Audit, &result);
        match result {
            Ok(audit) => {
                log_change(before.as_ref(), &audit);
                self.audit = Some(audit);
            }
            Err(error) => {
                tracing::error!(%error, "audit failed");
                self.audit = before;
            }
        }
    }
}

/// How long one check may take: its slowest fetches and the rest of the work.
fn check_timeout(config: &Config) -> SignedDuration {
    let sources = &config.sources;
    let chained = sources.oura.timeout_seconds.saturating_add(sources.workos.timeout_seconds);
    let plugins = config.exec_plugins().map(|(_, plugin)| plugin.timeout_seconds);
    let calendars = sources.calendars.iter().map(|calendar| calendar.timeout_seconds);
    let slowest = plugins.chain(calendars).fold(chained, u32::max);
    SignedDuration::from_secs(slowest.into()) + CHECK_OVERHEAD
}

/// A mismatch is logged when it appears, changes and ends, not every minute.
fn log_change(before: Option<&Audit>, now: &Audit) {
    fn unaccounted(audit: &Audit) -> Option<(&[AlertKey], u64)> {
        (!audit.is_consistent()).then_some((audit.unaccounted.as_slice(), audit.unaccounted_count))
    }
    match (before.and_then(unaccounted), unaccounted(now), now.error_message()) {
        (before, now, _) if before == now => {}
        (_, _, Some(error_message)) => tracing::error!("{error_message}"),
        _ => tracing::info!("audit is consistent again"),
    }
}
