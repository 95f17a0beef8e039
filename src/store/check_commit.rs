//! One transaction a check: journal, incidents, outbox, history, circuits, monitors and counters, all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::Transaction;

use super::outbox::queue;
use super::task_snapshots::{self, SnapshotDiff};
use super::{
    Result, RetentionPolicy, Store, fire_counts, history, incidents, journal, retention, settings, task_aliases,
};
use crate::core::alert::{AlertKey, Monitor};
use crate::core::circuit::Circuit;
use crate::core::facts::{HealthDay, RestMode};
use crate::core::policy::decision::{Decision, PolicyDecision};
use crate::core::policy::incident_state::IncidentState;
use crate::core::status::{Counters, MonitorState};
use crate::core::tasks::Aliases;

/// The results of a check.
#[derive(Debug)]
pub struct CheckCommit<'a> {
    pub at: Timestamp,
    /// The keys that fired, before any decision: the self-audit counts by them.
    pub fired_keys: &'a BTreeSet<AlertKey>,
    pub decisions: &'a [PolicyDecision],
    /// The state that the decisions are based on.
    pub incident_state: &'a IncidentState,
    /// New or changed days.
    pub health_days: &'a [HealthDay],
    /// `None` if it was not fetched.
    pub rest_mode: Option<&'a [RestMode]>,
    pub snapshot_diffs: &'a [SnapshotDiff],
    /// `None` if they are unchanged.
    pub aliases: Option<&'a Aliases>,
    pub circuits: &'a BTreeMap<String, Circuit>,
    /// The monitors that ran.
    pub monitors: &'a BTreeMap<Monitor, MonitorState>,
    /// False for a part of a check that waits for slow sources; it does not count as a check.
    pub is_final: bool,
    pub retention: RetentionPolicy,
}

impl Store {
    /// After an error nothing has changed, and the next check finds the same alerts again.
    pub fn commit(&mut self, check: &CheckCommit) -> Result<Counters> {
        self.write(|db| {
            fire_counts::increment(db, check.fired_keys, check.at)?;
            record_decisions(db, check)?;
            for day in check.health_days {
                history::save_day(db, day)?;
            }
            for diff in check.snapshot_diffs {
                task_snapshots::save(db, diff)?;
            }
            for (name, circuit) in check.circuits {
                settings::save_circuit(db, name, circuit)?;
            }
            for (monitor, state) in check.monitors {
                settings::save_monitor(db, *monitor, state)?;
            }
            if let Some(rest) = check.rest_mode {
                settings::set(db, "rest_mode", &rest)?;
            }
            if let Some(aliases) = check.aliases {
                task_aliases::save(db, aliases)?;
            }
            let before: Counters = settings::get(db, "counters")?.unwrap_or_default();
            let counters = updated(&before, check);
            settings::set(db, "counters", &counters)?;
            if let Some(cutoffs) = check.retention.cutoffs(check.at, before.last_run) {
                retention::prune(db, &cutoffs)?;
            }
            Ok(counters)
        })
    }
}

fn record_decisions(db: &Transaction, check: &CheckCommit) -> rusqlite::Result<()> {
    if check.decisions.is_empty() {
        return Ok(());
    }
    let last = incidents::last_entries(db)?;
    let digest = journal::next_digest(db)?;
    for decision in check.decisions {
        let key = &decision.alert.key;
        let in_digest = (decision.decision == Decision::Coalesce).then_some(digest);
        let entry = journal::record(db, decision, last.get(key).copied(), in_digest, check.at)?;
        let mut incident = check.incident_state.incident_after(decision, check.at);
        if decision.decision == Decision::Resolve && queue::is_unseen(db, key)? {
            incident.last_notified = None;
        }
        incidents::save(db, &incident, check.incident_state.incidents.get(key), entry, check.at)?;
        queue::queue_decision(db, decision, check.at)?;
    }
    queue::queue_digest(db, check.decisions, digest, check.at)
}

fn updated(before: &Counters, check: &CheckCommit) -> Counters {
    let is_sent = |decision: &&PolicyDecision| matches!(decision.decision, Decision::Deliver | Decision::Coalesce);
    let sent = check.decisions.iter().filter(is_sent).count();
    Counters {
        run_count: before.run_count.saturating_add(u64::from(check.is_final)),
        total_alerts: before.total_alerts.saturating_add(sent as u64),
        last_run: Some(check.at),
    }
}
