//! The self-audit: it finds and names whatever is missing, and never cries wolf.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::{Alert, AlertKey, Category, Facts, Monitor, Priority};
use operator::core::audit::{Audit, MAX_UNACCOUNTED_NAMED};
use operator::core::channel::Channel;
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::engine::commands::Command;
use operator::store::{CheckCommit, RetentionPolicy, Store};
use rstest::rstest;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::engine::Running;
use crate::support::engine_harness::{EngineHarness, pass};
use crate::support::home::Home;
use crate::support::old_schema::downgrade;
use crate::support::screen::Screen;

const MINUTE: u64 = 60;

fn hour(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(hours)
}

fn key(name: &str) -> AlertKey {
    AlertKey::with_entity(Category::Task, "deadline_overdue", name)
}

fn policy_decision(name: &str, decision: Decision, reason: Reason, channels: &[Channel]) -> PolicyDecision {
    let alert = Alert {
        key: key(name),
        priority: Priority::High,
        title: name.into(),
        message: String::new(),
        facts: Facts::new(),
        monitor: Monitor::Tasks,
        at: hour(0),
        occasion: None,
    };
    PolicyDecision { alert, decision, reason, channels: [&[Channel::Journal], channels].concat() }
}

const BOTH: &[Channel] = &[Channel::Notification, Channel::Telegram];

fn notified(name: &str) -> PolicyDecision {
    policy_decision(name, Decision::Deliver, Reason::First, BOTH)
}

/// A check that finds what it decides about.
fn check(store: &mut Store, at: Timestamp, keep: u32, verdicts: &[PolicyDecision]) {
    let found = verdicts.iter().filter(|verdict| verdict.decision != Decision::Resolve);
    check_that_found(found.map(|verdict| verdict.alert.key.clone()).collect(), store, at, keep, verdicts);
}

fn check_that_found(
    found: BTreeSet<AlertKey>,
    store: &mut Store,
    at: Timestamp,
    keep: u32,
    verdicts: &[PolicyDecision],
) {
    let memory = store.incident_state().unwrap();
    let record = CheckCommit {
        at,
        fired_keys: &found,
        decisions: verdicts,
        incident_state: &memory,
        health_days: &[],
        rest_mode: None,
        snapshot_diffs: &[],
        aliases: None,
        circuits: &BTreeMap::new(),
        monitors: &BTreeMap::new(),
        is_final: true,
        retention: RetentionPolicy { journal_days: keep, history_days: 3660 },
    };
    store.commit(&record).unwrap();
}

/// A database in which something of every kind has happened: a was notified and is a duplicate since, b and c went into one digest, d
/// waits for the morning, e is notified in the journal alone, f was notified and is over.
fn full() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("operator.db"), hour(0)).unwrap().store;
    let digest = |name| policy_decision(name, Decision::Coalesce, Reason::Storm, BOTH);
    let held = policy_decision("d", Decision::Hold, Reason::QuietHours, &[]);
    let quiet = policy_decision("e", Decision::Deliver, Reason::First, &[]);
    check(&mut store, hour(0), 400, &[notified("a"), digest("b"), digest("c"), held.clone(), quiet, notified("f")]);
    let again = policy_decision("a", Decision::Suppress, Reason::Duplicate, &[]);
    check(&mut store, hour(1), 400, &[again.clone(), held.clone()]);
    let over = policy_decision("f", Decision::Resolve, Reason::Resolved, &[]);
    check(&mut store, hour(2), 400, &[again, held, over]);
    (folder, store)
}

fn other(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

#[test]
fn audit_counts_every_outcome() {
    let (_folder, store) = full();
    let audit = store.audit(hour(3)).unwrap();
    let expected = Audit {
        at: hour(3),
        fired: 10,
        delivered: 1,
        pending: 1,
        suppressed: 3,
        held: 3,
        coalesced: 2,
        failed: 0,
        unaccounted: Vec::new(),
        unaccounted_count: 0,
    };
    assert_eq!(audit, expected);
    assert!(audit.is_consistent());
    other(store.path()).execute_batch("UPDATE outbox SET state = 'failed' WHERE channel = 'telegram'").unwrap();
    let refused = store.audit(hour(3)).unwrap();
    assert_eq!((refused.pending, refused.failed), (1, 1), "f was refused on one channel; a still waits on the other");
    assert!(refused.is_consistent());
}

#[rstest]
#[case::message("DELETE FROM outbox WHERE key LIKE '%:a' AND channel = 'telegram'", "a")]
#[case::all_messages("DELETE FROM outbox WHERE kind = 'alert'", "a f")]
#[case::message_elsewhere("UPDATE outbox SET channel = 'pigeon' WHERE key LIKE '%:a' AND channel = 'telegram'", "a")]
#[case::message_of_another("UPDATE outbox SET key = 'task:pileup' WHERE key LIKE '%:a'", "a")]
#[case::message_of_another_time("UPDATE outbox SET created_at = created_at + 1 WHERE key LIKE '%:a'", "a")]
#[case::no_news("UPDATE outbox SET kind = 'update' WHERE key LIKE '%:a'", "a")]
#[case::strange_state("UPDATE outbox SET state = 'sent' WHERE key LIKE '%:a' AND channel = 'telegram'", "a")]
#[case::empty_state("UPDATE outbox SET state = '' WHERE key LIKE '%:a'", "a")]
#[case::digest_on_one_channel("DELETE FROM outbox WHERE digest IS NOT NULL AND channel = 'telegram'", "b c")]
#[case::digest("DELETE FROM outbox WHERE digest IS NOT NULL", "b c")]
#[case::digest_of_another_number("UPDATE outbox SET digest = digest + 1 WHERE digest IS NOT NULL", "b c")]
#[case::digest_in_a_strange_state("UPDATE outbox SET state = 'gone' WHERE digest IS NOT NULL", "b c")]
#[case::entry_without_its_digest("UPDATE journal SET digest = NULL WHERE key LIKE '%:b'", "b")]
#[case::entry("DELETE FROM journal WHERE key LIKE '%:a' AND decision = 'suppress'", "a")]
#[case::all_entries("DELETE FROM journal", "a b c d e f")]
#[case::entry_of_another("UPDATE journal SET key = 'task:deadline_overdue:z' WHERE key LIKE '%:d'", "d z")]
#[case::too_few_times("UPDATE journal SET times = 1 WHERE key LIKE '%:d'", "d")]
#[case::too_many_times("UPDATE journal SET times = 7 WHERE key LIKE '%:d'", "d")]
#[case::strange_decision("UPDATE journal SET decision = 'forget' WHERE key LIKE '%:e'", "e")]
#[case::as_if_it_had_resolved("UPDATE journal SET decision = 'resolve' WHERE key LIKE '%:d'", "d")]
#[case::unreadable_channels("UPDATE journal SET channels = 'journal' WHERE key LIKE '%:e'", "e")]
#[case::tally("UPDATE fire_counts SET count = count + 1 WHERE key LIKE '%:e'", "e")]
#[case::lost_tally("DELETE FROM fire_counts WHERE key LIKE '%:e'", "e")]
#[case::never_decided("INSERT INTO fire_counts VALUES ('health:hrv_low', 1, 0)", "health:hrv_low")]
#[case::two_that_cancel_out(
    "UPDATE fire_counts SET count = count + iif(key LIKE '%:e', 1, -1) WHERE key LIKE '%:e' OR key LIKE '%:d'",
    "d e"
)]
fn audit_names_every_missing_record(#[case] tamper: &str, #[case] unaccounted: &str) {
    let (_folder, store) = full();
    assert!(store.audit(hour(3)).unwrap().is_consistent());
    other(store.path()).execute_batch(tamper).unwrap();
    let audit = store.audit(hour(3)).unwrap();
    let parsed = |name: &str| if name.len() == 1 { key(name) } else { name.parse().unwrap() };
    let expected: BTreeSet<AlertKey> = unaccounted.split(' ').map(parsed).collect();
    assert_eq!(audit.unaccounted.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(audit.unaccounted_count, expected.len() as u64);
    assert!(!audit.is_consistent());
}

#[test]
fn alert_without_decision_is_unaccounted() {
    let (_folder, mut store) = full();
    check_that_found([key("a"), key("lost")].into(), &mut store, hour(3), 400, &[notified("a")]);
    assert_eq!(store.audit(hour(3)).unwrap().unaccounted, [key("lost")]);
}

#[test]
fn decision_without_alert_is_unaccounted() {
    let (_folder, mut store) = full();
    check_that_found([].into(), &mut store, hour(3), 400, &[notified("made up")]);
    assert_eq!(store.audit(hour(3)).unwrap().unaccounted, [key("made up")]);
}

#[test]
fn audit_counts_all_and_names_some() {
    let (_folder, mut store) = full();
    check_that_found((0..50).map(|n| key(&n.to_string())).collect(), &mut store, hour(3), 400, &[]);
    let audit = store.audit(hour(3)).unwrap();
    assert_eq!((audit.unaccounted.len(), audit.unaccounted_count), (MAX_UNACCOUNTED_NAMED, 50));
    assert!(audit.error_message().unwrap().contains("and 30 more"));
}

// What must never raise an alarm

/// Entries and messages of an old database, many at once: more than are forgotten at one check.
fn long_ago(store: &Store, entries: i64) {
    let first = hour(0).as_millisecond();
    let db = other(store.path());
    let sql = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
        INSERT INTO journal (first_at, last_at, key, priority, title, message, facts, monitor, decision, reason, channels)
        SELECT ?2 + i, ?2 + i, 'task:deadline_overdue:o' || i, 'high', '', '', '{}', 'tasks', 'deliver', 'first',
          '[\"journal\",\"notification\",\"telegram\"]' FROM n";
    db.execute(sql, [entries, first]).unwrap();
    db.execute_batch(
        // What resolved before that has entries and no messages: those are forgotten faster.
        "INSERT INTO journal (first_at, last_at, key, priority, title, message, facts, monitor, decision, reason, channels)
           SELECT first_at - 100000, last_at - 100000, key, priority, '', '', '{}', monitor, 'resolve', 'resolved', channels
           FROM journal WHERE key LIKE '%:o%';
         INSERT INTO outbox (channel, kind, key, priority, state, created_at)
           SELECT channel, 'alert', key, 'high', 'delivered', first_at FROM journal,
             (SELECT 'notification' AS channel UNION ALL SELECT 'telegram') WHERE key LIKE '%:o%' AND decision = 'deliver' ORDER BY first_at;
         INSERT INTO fire_counts SELECT key, times, last_at FROM journal WHERE key LIKE '%:o%' AND decision = 'deliver';",
    )
    .unwrap();
}

fn count(store: &Store, sql: &str) -> i64 {
    other(store.path()).query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn expiry_in_portions_stays_consistent() {
    let (_folder, mut store) = full();
    long_ago(&store, 12_000);
    assert!(store.audit(hour(3)).unwrap().is_consistent());
    for day in 1..14 {
        check(&mut store, hour(day * 24), 1, &[]);
        let audit = store.audit(hour(day * 24)).unwrap();
        assert!(audit.is_consistent(), "day {day}: {:?}", audit.error_message());
    }
    let old = |table: &str| count(&store, &format!("SELECT count(*) FROM {table} WHERE key LIKE '%:o%'"));
    assert_eq!(
        [old("journal"), old("outbox"), old("fire_counts")],
        [0, 1, 0],
        "all but the newest number is forgotten"
    );
}

#[test]
fn mismatch_ends_when_the_journal_expires() {
    let (_folder, mut store) = full();
    check_that_found([key("lost")].into(), &mut store, hour(3), 1, &[]);
    check(&mut store, hour(26), 1, &[]);
    assert!(!store.audit(hour(26)).unwrap().is_consistent());
    check(&mut store, hour(28), 1, &[]);
    assert!(store.audit(hour(28)).unwrap().is_consistent());
}

#[test]
fn pending_digest_keeps_its_delivered_rows() {
    let (_folder, mut store) = full();
    let done = "UPDATE outbox SET state = 'delivered' WHERE channel = 'notification'";
    other(store.path()).execute_batch(done).unwrap();
    for day in 1..6 {
        check(&mut store, hour(day * 24), 1, &[]);
        let audit = store.audit(hour(day * 24)).unwrap();
        assert!(audit.is_consistent(), "day {day}: {:?}", audit.error_message());
    }
    assert_eq!(store.audit(hour(200)).unwrap().coalesced, 2);
}

/// The database as an older Operator left it: that one deleted messages before their decisions.
fn downgraded(store: Store, version: i64) {
    let path = store.path().to_owned();
    drop(store);
    let db = other(&path);
    downgrade(&db, version);
    db.execute_batch("DELETE FROM outbox WHERE key LIKE '%:f' OR channel = 'telegram'").unwrap();
}

#[rstest]
#[case(1)]
#[case(2)]
fn migrated_database_is_consistent(#[case] layout: i64) {
    let (folder, store) = full();
    downgraded(store, layout);
    let mut store = Store::open(&folder.path().join("operator.db"), hour(3)).unwrap().store;
    let audit = store.audit(hour(3)).unwrap();
    assert!(audit.is_consistent(), "{audit:?}");
    assert_eq!((audit.fired, audit.pending), (10, 1));
    check(&mut store, hour(4), 400, &[notified("g")]);
    assert!(store.audit(hour(4)).unwrap().is_consistent());
    other(store.path()).execute_batch("DELETE FROM outbox WHERE key LIKE '%:g'").unwrap();
    assert_eq!(store.audit(hour(4)).unwrap().unaccounted, [key("g")], "what came since is watched");
}

#[test]
fn new_database_is_consistent_and_empty() {
    let audit = Store::in_memory().unwrap().audit(hour(0)).unwrap();
    assert_eq!(audit, Audit { at: hour(0), ..Audit::default() });
    assert!(audit.is_consistent());
}

#[test]
fn data_version_changes_with_every_write() {
    let (_folder, mut store) = full();
    let before = store.data_version().unwrap();
    assert!(store.audit(hour(3)).is_ok() && store.data_version().unwrap() == before, "looking is not writing");
    check(&mut store, hour(3), 400, &[]);
    let ours = store.data_version().unwrap();
    assert_ne!(ours, before);
    other(store.path()).execute_batch("DELETE FROM outbox").unwrap();
    assert_ne!(store.data_version().unwrap(), ours, "somebody else's hand is noticed too");
}

// The engine

/// A home whose checks are an hour apart.
fn home() -> Home {
    let home = Home::new();
    home.set(json!({"intervals": {"health_check": 3600, "task_check": 3600, "pattern_check": 3600}}));
    home
}

fn audit(harness: &EngineHarness) -> Audit {
    harness.status().audit.expect("an audit")
}

/// A key that was notified on an outside channel.
fn notified_key(home: &Home) -> String {
    let sql = "SELECT key FROM outbox WHERE kind = 'alert' AND channel = 'notification' ORDER BY id LIMIT 1";
    home.database().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn audit_runs_every_minute_and_wakes_no_one() {
    let home = home();
    home.set(json!({"alerters": {"notification": {"enabled": false}}}));
    let mut harness = EngineHarness::start(home, "09:00");
    pass(1).await;
    assert_eq!(
        (audit(&harness).at, audit(&harness).fired),
        (harness.now() - SignedDuration::from_secs(1), 0),
        "at the start"
    );
    pass(MINUTE).await;
    let first = audit(&harness);
    assert!(first.fired > 0 && first.is_consistent(), "{first:?}");
    harness.snapshots.borrow_and_update();
    for minute in 1..30 {
        pass(MINUTE).await;
        assert_eq!(audit(&harness), Audit { at: first.at + SignedDuration::from_mins(minute), ..first.clone() });
    }
    assert!(!harness.snapshots.has_changed().unwrap(), "nothing was painted");
    harness.jump(-7200);
    pass(2 * MINUTE).await;
    assert!(harness.now().duration_since(audit(&harness).at) <= SignedDuration::from_mins(1), "a clock set back");
}

#[tokio::test(start_paused = true)]
async fn lost_message_is_reported_once_in_a_minute() {
    let (screen, _guard) = Screen::watch();
    let harness = EngineHarness::start(home(), "09:00");
    pass(MINUTE + 1).await;
    assert!(audit(&harness).is_consistent());
    let lost = notified_key(&harness.home);
    let take = format!(
        "CREATE TABLE aside AS SELECT * FROM outbox WHERE key = '{lost}'; DELETE FROM outbox WHERE key = '{lost}'"
    );
    harness.home.database().execute_batch(&take).unwrap();
    pass(MINUTE).await;
    let status = harness.status();
    assert_eq!(audit(&harness).unaccounted.iter().map(AlertKey::as_str).collect::<Vec<_>>(), [lost.as_str()]);
    let warning = status.warnings.iter().find(|warning| warning.contains("self-audit")).expect("a warning");
    assert!(warning.contains(&lost) && warning.contains("operator why KEY"), "{warning}");
    pass(30 * MINUTE).await;
    let lines = screen.lines_with("self-audit");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("ERROR") && lines[0].contains(&lost), "{lines:?}");
    harness.home.database().execute_batch("INSERT INTO outbox SELECT * FROM aside; DROP TABLE aside").unwrap();
    pass(MINUTE).await;
    assert!(
        audit(&harness).is_consistent()
            && harness.status().warnings.iter().all(|warning| !warning.contains("self-audit"))
    );
    assert_eq!(screen.lines_with("audit is consistent again").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn dry_run_leaves_the_audit_unchanged() {
    let harness = EngineHarness::start(home(), "09:00");
    pass(MINUTE + 1).await;
    let real = audit(&harness);
    assert!(harness.request(Command::DryRun { on: true }).await.ok);
    pass(5 * 60 * MINUTE).await;
    assert!(audit(&harness).agrees_with(&real), "{:?}", audit(&harness));
    assert!(harness.status().check_overdue_at.unwrap() > harness.now());
}

#[tokio::test(start_paused = true)]
async fn check_is_overdue_after_twice_its_interval() {
    let harness = EngineHarness::start(home(), "09:00");
    let began = harness.now();
    pass(1).await;
    let late = |hours| began + SignedDuration::from_hours(hours);
    assert!(harness.status().check_overdue_at.unwrap() >= late(2));
    pass(60 * MINUTE).await;
    let next = harness.status().check_overdue_at.unwrap();
    assert!(next >= late(3) && next < late(3) + SignedDuration::from_mins(1), "{next}");
    harness.jump(8 * 3600);
    pass(30).await;
    assert!(harness.status().check_overdue_at.unwrap() > harness.now() + SignedDuration::from_mins(119));
    let off = json!({"enabled": false});
    harness.home.set(json!({"monitors": {"health": off, "tasks": off, "patterns": off}}));
    harness.reload().await;
    pass(1).await;
    assert_eq!(harness.status().check_overdue_at, None);
}

#[tokio::test(start_paused = true)]
async fn failed_commit_is_shown_as_database_error() {
    let harness = EngineHarness::start(home(), "09:00");
    // Nothing that is shown stands in it.
    harness.home.database().execute_batch("ALTER TABLE task_items RENAME TO elsewhere").unwrap();
    pass(30).await;
    let error = harness.status().database_error.expect("an error");
    assert!(error.contains("operator.db") && error.contains("task_items"), "{error}");
    assert!(harness.request(Command::Pause { until: None }).await.ok);
    assert_eq!(harness.status().database_error, Some(error), "though all else works");
    harness.home.database().execute_batch("ALTER TABLE elsewhere RENAME TO task_items").unwrap();
    pass(2 * MINUTE).await;
    assert_eq!(harness.status().database_error, None);
    assert!(audit(&harness).fired > 0);
}

#[tokio::test(start_paused = true)]
async fn unreadable_status_keeps_the_last_snapshot() {
    let harness = EngineHarness::start(home(), "09:00");
    pass(MINUTE).await;
    let known = harness.status();
    harness.home.database().execute_batch("ALTER TABLE monitors RENAME TO elsewhere").unwrap();
    assert!(!harness.request(Command::Status).await.ok);
    assert!(harness.request(Command::Resume).await.ok);
    let now = harness.status();
    let error = now.database_error.clone().expect("an error");
    assert!(error.contains("operator.db") && error.contains("monitors"), "{error}");
    assert_eq!((now.run_count, &now.open), (known.run_count, &known.open));
    harness.home.database().execute_batch("ALTER TABLE elsewhere RENAME TO monitors").unwrap();
    pass(2 * MINUTE).await;
    assert_eq!(harness.status().database_error, None, "it is tried again with the next audit");
}

#[tokio::test(start_paused = true)]
async fn failed_audit_is_shown_as_database_error() {
    let harness = EngineHarness::start(home(), "09:00");
    pass(MINUTE + 1).await;
    let known = audit(&harness);
    harness.home.database().execute_batch("ALTER TABLE fire_counts RENAME TO elsewhere").unwrap();
    pass(MINUTE).await;
    assert!(harness.status().database_error.is_some_and(|error| error.contains("fire_counts")));
    assert_eq!(audit(&harness), known, "with what was known last");
    harness.home.database().execute_batch("ALTER TABLE elsewhere RENAME TO fire_counts").unwrap();
    pass(MINUTE).await;
    assert_eq!((harness.status().database_error, audit(&harness).is_consistent()), (None, true));
}

// The program

#[test]
fn status_command_reports_a_lost_message() {
    let home = home();
    home.check(&home.at("12:00"));
    let sound = home.run(&["--status"]).ok().out;
    let line = sound.lines().find(|line| line.starts_with("Audit")).expect("a line");
    assert!(line.contains(" fired: ") && line.ends_with(" – consistent"), "{line}");
    let lost = notified_key(&home);
    home.database().execute_batch(&format!("DELETE FROM outbox WHERE key = '{lost}'")).unwrap();
    let notified = home.run(&["--status"]).ok().out;
    assert!(notified.contains(&format!(" – unaccounted: {lost}")), "{notified}");
    // An engine audits at its start.
    let mut engine = Running::start(&home);
    let status = home.run(&["--status", "--json"]).ok().json();
    assert_eq!((&status["running"], &status["audit"]["unaccounted"]), (&json!(true), &json!([lost])), "{status:#}");
    assert!(status["check_overdue_at"].is_string() && status["database_error"].is_null());
    assert_eq!(engine.stop("TERM"), Some(0));
    assert!(engine.stderr_text().contains(&format!("unaccounted: {lost}")), "{}", engine.stderr_text());
}
