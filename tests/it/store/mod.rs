//! The store by itself: retention, digests, snapshots and migrations.

mod migration;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::{Alert, AlertKey, Category, Facts, Monitor, Priority};
use operator::core::channel::Channel;
use operator::core::delivery::channel_backoff::SendWindow;
use operator::core::delivery::lifecycle::OutboxState;
use operator::core::facts::TaskReading;
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::store::outbox::claim::ClaimOptions;
use operator::store::task_snapshots::SnapshotDiff;
use operator::store::{CheckCommit, RetentionPolicy, Store};

use crate::support::facts::{state_store, task, task_due};

fn day(days: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(24 * days)
}

fn decision(name: &str, decision: Decision, reason: Reason) -> PolicyDecision {
    let alert = Alert {
        key: key(name),
        priority: Priority::High,
        title: name.into(),
        message: String::new(),
        facts: Facts::new(),
        monitor: Monitor::Tasks,
        at: day(0),
        occasion: None,
    };
    PolicyDecision { alert, decision, reason, channels: vec![Channel::Journal, Channel::Notification] }
}

fn key(name: &str) -> AlertKey {
    AlertKey::with_entity(Category::Task, "deadline_overdue", name)
}

fn commit(store: &mut Store, at: Timestamp, decisions: &[PolicyDecision], diffs: &[SnapshotDiff]) {
    commit_with_retention(400, store, at, decisions, diffs);
}

fn commit_with_retention(
    journal_days: u32,
    store: &mut Store,
    at: Timestamp,
    decisions: &[PolicyDecision],
    diffs: &[SnapshotDiff],
) {
    let state = store.incident_state().unwrap();
    let fired = decisions.iter().filter(|decision| decision.decision != Decision::Resolve);
    let fired = fired.map(|decision| decision.alert.key.clone()).collect();
    let check = CheckCommit {
        at,
        fired_keys: &fired,
        decisions,
        incident_state: &state,
        health_days: &[],
        rest_mode: None,
        snapshot_diffs: diffs,
        aliases: None,
        circuits: &BTreeMap::new(),
        monitors: &BTreeMap::new(),
        is_final: true,
        retention: RetentionPolicy { journal_days, history_days: 3660 },
    };
    store.commit(&check).unwrap();
}

fn save_reading(store: &mut Store, at: Timestamp, reading: &TaskReading) {
    let known = store.task_snapshot("state_store").unwrap();
    commit(store, at, &[], &[SnapshotDiff::between(known.as_ref(), reading)]);
}

#[test]
fn old_entries_survive_a_clock_jump() {
    let mut store = Store::in_memory().unwrap();
    commit(&mut store, day(0), &[decision("a", Decision::Deliver, Reason::First)], &[]);
    let count = |store: &Store| store.journal_since(Timestamp::MIN, 10).unwrap().len();
    commit(&mut store, day(500), &[], &[]);
    assert_eq!(count(&store), 1, "one check far ahead may have a wrong clock");
    commit(&mut store, day(0), &[], &[]);
    assert_eq!(count(&store), 1, "the clock was wrong");
    commit(&mut store, day(500), &[], &[]);
    commit(&mut store, day(501), &[], &[]);
    assert_eq!(count(&store), 0, "a second check confirms the time");
}

#[test]
fn digest_waits_while_any_of_its_alerts_is_open() {
    let mut store = Store::in_memory().unwrap();
    let coalesced = ["a", "b"].map(|name| decision(name, Decision::Coalesce, Reason::Digest));
    commit(&mut store, day(0), &coalesced, &[]);
    let state = |store: &Store| store.outbox_entries_for(&key("a"), 10).unwrap()[0].state;
    assert_eq!(state(&store), OutboxState::Pending);
    commit(&mut store, day(1), &[decision("a", Decision::Resolve, Reason::Resolved)], &[]);
    assert_eq!(state(&store), OutboxState::Pending, "b still holds");
    commit(&mut store, day(2), &[decision("b", Decision::Resolve, Reason::Resolved)], &[]);
    assert_eq!(state(&store), OutboxState::Superseded);
    let later = store.outbox_depth().unwrap();
    assert_eq!(later[&Channel::Notification].pending, 0, "there is no message to update");
}

#[test]
fn pending_digest_outlives_journal_retention() {
    let mut store = Store::in_memory().unwrap();
    let coalesced = ["a", "b"].map(|name| decision(name, Decision::Coalesce, Reason::Digest));
    for at in 0..4 {
        commit_with_retention(1, &mut store, day(at), if at == 0 { &coalesced } else { &[] }, &[]);
    }
    let options = ClaimOptions { send_window: SendWindow::Open, urgent_only: false, max_separate: 20 };
    let batch = store.claim_next(Channel::Notification, options, day(4)).unwrap().expect("a message");
    assert_eq!(batch.items.len(), 2);
}

#[test]
fn unreadable_task_keeps_its_last_state() {
    let mut store = Store::in_memory().unwrap();
    save_reading(&mut store, day(0), &state_store(day(0), vec![task_due("a", "2026-11-18"), task("b", "B")]));
    let broken = TaskReading { unreadable: vec!["a".into()], ..state_store(day(1), vec![task("a", "Task a")]) };
    save_reading(&mut store, day(1), &broken);
    let snapshot = store.task_snapshot("state_store").unwrap().unwrap().reading();
    assert_eq!(snapshot.tasks, [task_due("a", "2026-11-18")], "the due date is still known, and b is gone");
    assert!(store.postponements(Timestamp::MIN).unwrap().is_empty());
}
