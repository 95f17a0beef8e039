//! The store by itself: what it forgets, what it keeps, and what it no longer sends.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::{Alert, AlertKey, Category, Facts, Monitor, Priority};
use operator::core::channel::Channel;
use operator::core::delivery::channel_backoff::SendWindow;
use operator::core::facts::TaskReading;
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::store::outbox::claim::ClaimOptions;
use operator::store::task_snapshots::SnapshotDiff;
use operator::store::{CheckCommit, RetentionPolicy, Store};

use crate::support::facts::{state_store, task, task_due};

fn day(days: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(24 * days)
}

fn verdict(name: &str, decision: Decision, reason: Reason) -> PolicyDecision {
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

fn commit(store: &mut Store, at: Timestamp, verdicts: &[PolicyDecision], updates: &[SnapshotDiff]) {
    commit_keeping(400, store, at, verdicts, updates);
}

fn commit_keeping(
    journal_days: u32,
    store: &mut Store,
    at: Timestamp,
    verdicts: &[PolicyDecision],
    updates: &[SnapshotDiff],
) {
    let memory = store.incident_state().unwrap();
    let found = verdicts.iter().filter(|verdict| verdict.decision != Decision::Resolve);
    let found = found.map(|verdict| verdict.alert.key.clone()).collect();
    let record = CheckCommit {
        at,
        fired_keys: &found,
        decisions: verdicts,
        incident_state: &memory,
        health_days: &[],
        rest_mode: None,
        snapshot_diffs: updates,
        aliases: None,
        circuits: &BTreeMap::new(),
        monitors: &BTreeMap::new(),
        is_final: true,
        retention: RetentionPolicy { journal_days, history_days: 3660 },
    };
    store.commit(&record).unwrap();
}

fn read(store: &mut Store, at: Timestamp, reading: &TaskReading) {
    let known = store.task_snapshot("state_store").unwrap();
    commit(store, at, &[], &[SnapshotDiff::between(known.as_ref(), reading)]);
}

#[test]
fn what_is_old_is_forgotten_but_not_on_the_word_of_a_clock_that_jumped() {
    let mut store = Store::in_memory().unwrap();
    commit(&mut store, day(0), &[verdict("a", Decision::Deliver, Reason::First)], &[]);
    let kept = |store: &Store| store.journal_since(Timestamp::MIN, 10).unwrap().len();
    commit(&mut store, day(500), &[], &[]);
    assert_eq!(kept(&store), 1, "one check that is years ahead may be a wrong clock");
    commit(&mut store, day(0), &[], &[]);
    assert_eq!(kept(&store), 1, "and it was");
    commit(&mut store, day(500), &[], &[]);
    commit(&mut store, day(501), &[], &[]);
    assert_eq!(kept(&store), 0, "two that agree are believed");
}

#[test]
fn a_digest_waits_as_long_as_anything_of_it_holds() {
    let mut store = Store::in_memory().unwrap();
    let told = ["a", "b"].map(|name| verdict(name, Decision::Coalesce, Reason::Digest));
    commit(&mut store, day(0), &told, &[]);
    let state = |store: &Store| store.outbox_entries_for(&key("a"), 10).unwrap()[0].state;
    assert_eq!(state(&store), OutboxState::Pending);
    commit(&mut store, day(1), &[verdict("a", Decision::Resolve, Reason::Resolved)], &[]);
    assert_eq!(state(&store), OutboxState::Pending, "b still holds");
    commit(&mut store, day(2), &[verdict("b", Decision::Resolve, Reason::Resolved)], &[]);
    assert_eq!(state(&store), OutboxState::Superseded);
    let later = store.outbox_depth().unwrap();
    assert_eq!(later[&Channel::Notification].pending, 0, "nor is there anything to update");
}

#[test]
fn a_digest_that_waits_outlives_what_is_kept_of_the_journal() {
    let mut store = Store::in_memory().unwrap();
    let told = ["a", "b"].map(|name| verdict(name, Decision::Coalesce, Reason::Digest));
    for at in 0..4 {
        commit_keeping(1, &mut store, day(at), if at == 0 { &told } else { &[] }, &[]);
    }
    let access = ClaimOptions { send_window: SendWindow::Open, urgent_only: false, max_separate: 20 };
    let parcel = store.claim_next(Channel::Notification, access, day(4)).unwrap().expect("a message");
    assert_eq!(parcel.items.len(), 2);
}

#[test]
fn a_row_that_could_not_be_read_keeps_its_good_copy() {
    let mut store = Store::in_memory().unwrap();
    read(&mut store, day(0), &state_store(day(0), vec![task_due("a", "2026-11-18"), task("b", "B")]));
    let broken = TaskReading { unreadable: vec!["a".into()], ..state_store(day(1), vec![task("a", "Task a")]) };
    read(&mut store, day(1), &broken);
    let copy = store.task_snapshot("state_store").unwrap().unwrap().reading();
    assert_eq!(copy.tasks, [task_due("a", "2026-11-18")], "the due date is still known, and b is gone");
    assert!(store.postponements(Timestamp::MIN).unwrap().is_empty());
}
