//! One transaction a check: journal, incidents, outbox, history, circuits, monitors and counters, all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::Connection;

use super::retention::RetentionPolicy;
use super::{Error, Result, Store, history, incidents, journal, outbox, retention, settings};
use crate::core::alert::{AlertKey, Monitor};
use crate::core::circuit::Circuit;
use crate::core::facts::{HealthDay, RestMode};
use crate::core::policy::decision::{Decision, PolicyDecision};
use crate::core::policy::incident_state::IncidentState;
use crate::core::status::{Counters, MonitorState};
use crate::core::tasks::Aliases;
use crate::store::task_snapshots::SnapshotDiff;
use crate::store::{fire_counts, task_aliases, task_snapshots};

/// All that a check has to say to the database.
#[derive(Debug)]
pub struct CheckCommit<'a> {
    /// When it was made.
    pub at: Timestamp,
    /// What the rules found, before anything was decided of it: the self-audit counts by it.
    pub fired_keys: &'a BTreeSet<AlertKey>,
    /// What was decided.
    pub decisions: &'a [PolicyDecision],
    /// The memory that the decisions rested on.
    pub incident_state: &'a IncidentState,
    /// Days that are new or changed.
    pub health_days: &'a [HealthDay],
    /// Periods of rest mode, if they were read.
    pub rest_mode: Option<&'a [RestMode]>,
    /// Sources of tasks that were read.
    pub snapshot_diffs: &'a [SnapshotDiff],
    /// What the names of told tasks stand for, if that has changed.
    pub aliases: Option<&'a Aliases>,
    /// The circuits as they are now.
    pub circuits: &'a BTreeMap<String, Circuit>,
    /// The monitors that ran.
    pub monitors: &'a BTreeMap<Monitor, MonitorState>,
    /// Whether this ends a check; a part of one that waits for slow sources does not count.
    pub is_final: bool,
    /// How long journal and history are kept.
    pub retention: RetentionPolicy,
}

impl Store {
    /// Record a check. Either all of it is recorded, durably, or nothing.
    ///
    /// # Errors
    /// When the database cannot be written; nothing has changed then, and the next check finds the same alerts again.
    pub fn commit(&mut self, record: &CheckCommit) -> Result<Counters> {
        let path = self.path.clone();
        let write = |db: &mut Connection| -> rusqlite::Result<Counters> {
            let transaction = db.transaction()?;
            fire_counts::raise(&transaction, record.fired_keys, record.at)?;
            write_verdicts(&transaction, record)?;
            for day in record.health_days {
                history::save_day(&transaction, day)?;
            }
            for update in record.snapshot_diffs {
                task_snapshots::save(&transaction, update)?;
            }
            for (name, circuit) in record.circuits {
                settings::save_circuit(&transaction, name, circuit)?;
            }
            for (monitor, state) in record.monitors {
                settings::save_monitor(&transaction, *monitor, state)?;
            }
            if let Some(rest) = record.rest_mode {
                settings::set(&transaction, "rest_mode", &rest)?;
            }
            if let Some(aliases) = record.aliases {
                task_aliases::save(&transaction, aliases)?;
            }
            let before: Counters = settings::get(&transaction, "counters")?.unwrap_or_default();
            let counters = count(&before, record);
            settings::set(&transaction, "counters", &counters)?;
            retention::prune(&transaction, record.at, before.last_run, &record.retention)?;
            transaction.commit()?;
            Ok(counters)
        };
        write(&mut self.db).map_err(|error| Error::new(&path, error))
    }
}

fn write_verdicts(transaction: &rusqlite::Transaction, record: &CheckCommit) -> rusqlite::Result<()> {
    if record.decisions.is_empty() {
        return Ok(());
    }
    let last = incidents::last_entries(transaction)?;
    let digest = journal::next_digest(transaction)?;
    for verdict in record.decisions {
        let key = &verdict.alert.key;
        let told_in = (verdict.decision == Decision::Coalesce).then_some(digest);
        let entry = journal::write(transaction, verdict, last.get(key).copied(), told_in, record.at)?;
        let mut incident = record.incident_state.incident_after(verdict, record.at);
        if verdict.decision == Decision::Resolve && outbox::was_never_seen(transaction, key)? {
            // It was decided to tell it, and nobody was: should it come back, it is news.
            incident.last_notified = None;
        }
        incidents::save(transaction, &incident, record.incident_state.incidents.get(key), entry, record.at)?;
        outbox::queue(transaction, verdict, record.at)?;
    }
    outbox::queue_digest(transaction, record.decisions, digest, record.at)
}

fn count(before: &Counters, record: &CheckCommit) -> Counters {
    let told = record.decisions.iter().filter(|v| matches!(v.decision, Decision::Deliver | Decision::Coalesce)).count();
    Counters {
        run_count: before.run_count.saturating_add(u64::from(record.is_final)),
        total_alerts: before.total_alerts.saturating_add(told as u64),
        last_run: Some(record.at),
    }
}
