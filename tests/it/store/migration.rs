//! Databases of older versions after their migration: nothing is lost, and delivery goes on.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::AlertKey;
use operator::core::channel::Channel;
use operator::core::delivery::channel_backoff::{ChannelBackoff, SendWindow};
use operator::core::delivery::failure::{Failure, FailureKind};
use operator::core::delivery::lifecycle::OutboxState;
use operator::core::delivery::message::MessageKind;
use operator::core::policy::decision::{Decision, Reason};
use operator::store::Store;
use operator::store::outbox::claim::{ClaimOptions, OutboxBatch};
use rusqlite::Connection;

use super::{commit, day, decision, key, save_reading};
use crate::support::facts::{state_store, task_due};
use crate::support::old_schema::downgrade;

const CHANNEL: Channel = Channel::Notification;
const DUMP: &str = include_str!("../../fixtures/contract/operator_v3.sql");

fn open(path: &Path) -> Store {
    let opened = Store::open(path, day(1)).unwrap();
    assert_eq!(opened.quarantined, None);
    opened.store
}

fn claim(store: &mut Store) -> Option<OutboxBatch> {
    let options = ClaimOptions { send_window: SendWindow::Open, urgent_only: false, max_separate: 20 };
    store.claim_next(CHANNEL, options, day(0)).unwrap()
}

fn keys(batch: &OutboxBatch) -> Vec<AlertKey> {
    batch.items.iter().map(|item| item.incident.alert.key.clone()).collect()
}

/// A backoff with a value in every field, and a hash that SQLite has no integer for.
fn backoff() -> ChannelBackoff {
    let mut backoff = ChannelBackoff::new(u64::MAX - 1);
    backoff.record_success(day(0));
    let retry_after = Some(SignedDuration::from_mins(10));
    backoff.record_failure(&Failure::new(FailureKind::Retryable { retry_after }, "busy"), day(0), 0.5);
    backoff
}

/// Version 3 with a delivered, an unconfirmed and a pending message, in this order, and a value of every other kind.
fn version_three(path: &Path) -> OutboxBatch {
    let mut store = open(path);
    let deliver = |name: &str| decision(name, Decision::Deliver, Reason::First);
    commit(&mut store, day(0), &[deliver("delivered")], &[]);
    let batch = claim(&mut store).unwrap();
    store.record_result(&batch, &Ok(Some("external".into())), &backoff(), day(0)).unwrap();
    commit(&mut store, day(0), &[deliver("unconfirmed")], &[]);
    let unconfirmed = claim(&mut store).unwrap();
    let failure = Err(Failure::new(FailureKind::Unconfirmed, "no answer"));
    store.record_result(&unconfirmed, &failure, &backoff(), day(0)).unwrap();
    commit(&mut store, day(0), &[deliver("pending")], &[]);
    save_reading(&mut store, day(0), &state_store(day(0), vec![task_due("a", "2027-01-20")]));
    store.set_cursor(Channel::Telegram, "42").unwrap();
    store.database_id(|| "5be2c1d0".into()).unwrap();
    drop(store);
    let db = Connection::open(path).unwrap();
    downgrade(&db, 3);
    let names: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name IN ('told', 'lanes', 'fired', 'items')", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(names, 4, "the tables of version 3");
    unconfirmed
}

#[test]
fn version_three_keeps_every_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator.db");
    version_three(&path);
    let mut store = open(&path);
    assert_eq!(store.channel_backoffs().unwrap(), [(CHANNEL, backoff())].into());
    assert_eq!(store.cursor(Channel::Telegram).unwrap().as_deref(), Some("42"));
    assert_eq!(store.database_id(|| "new".into()).unwrap(), "5be2c1d0");
    let reading = store.task_snapshot("state_store").unwrap().expect("a snapshot").reading();
    assert_eq!((reading.tasks, reading.has_dates), (vec![task_due("a", "2027-01-20")], true));
    let audit = store.audit(day(1)).unwrap();
    assert!(audit.is_consistent() && (audit.fired, audit.delivered, audit.pending) == (3, 1, 2), "{audit:?}");
    let state = |name: &str| store.outbox_entries_for(&key(name), 1).unwrap()[0].state;
    assert_eq!(
        ["delivered", "unconfirmed", "pending"].map(state),
        [OutboxState::Delivered, OutboxState::Pending, OutboxState::Pending]
    );
}

#[test]
fn version_three_goes_on_delivering() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator.db");
    let before = version_three(&path);
    let mut store = open(&path);
    store.recover_outbox(&[CHANNEL], day(0)).unwrap();
    let again = claim(&mut store).unwrap();
    assert_eq!((again.id, keys(&again)), (before.id, vec![key("unconfirmed")]), "the same message");
    store.record_result(&again, &Ok(None), &backoff(), day(0)).unwrap();
    let pending = claim(&mut store).unwrap();
    assert_eq!(keys(&pending), [key("pending")]);
    store.record_result(&pending, &Ok(None), &backoff(), day(0)).unwrap();

    commit(&mut store, day(1), &[decision("delivered", Decision::Resolve, Reason::Resolved)], &[]);
    let update = claim(&mut store).unwrap();
    assert_eq!((update.kind, update.replaces.as_deref()), (MessageKind::Update, Some("external")));
    assert!(update.items[0].resolved && keys(&update) == [key("delivered")]);
    store.record_result(&update, &Ok(None), &backoff(), day(1)).unwrap();
    assert_eq!(claim(&mut store), None);
}

#[test]
fn recorded_database_is_read_completely() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator.db");
    let count = |db: &Connection, sql: &str| -> usize {
        db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
    };
    let db = Connection::open(&path).unwrap();
    db.execute_batch(DUMP).unwrap();
    let rows = |table: &str| count(&db, &format!("SELECT count(*) FROM {table}"));
    let [circuits, lanes, monitors, incidents, journal, postponements] =
        ["circuits", "lanes", "monitors", "incidents", "journal", "postponements"].map(rows);
    let told = count(&db, "SELECT count(*) FROM incidents WHERE body ->> '$.announced' IS NOT NULL");
    let standing = count(&db, "SELECT count(*) FROM told WHERE state = 'standing'");
    drop(db);

    let store = open(&path);
    assert_eq!(store.circuits().unwrap().len(), circuits);
    assert_eq!(store.channel_backoffs().unwrap().len(), lanes);
    assert_eq!(store.monitors().unwrap().len(), monitors);
    let state = store.incident_state().unwrap();
    assert_eq!(state.incidents.len(), incidents);
    assert_eq!(state.incidents.values().filter(|incident| incident.last_notified.is_some()).count(), told);
    assert_eq!(store.journal_since(Timestamp::MIN, 10_000).unwrap().len(), journal);
    assert_eq!(store.postponements(Timestamp::MIN).unwrap().len(), postponements);
    assert!(store.quiet_override().unwrap().is_some() && store.counters().unwrap().run_count == 10);
    assert_eq!(store.task_aliases().unwrap().len(), 1);
    assert_eq!(store.cursor(Channel::Telegram).unwrap().as_deref(), Some("100"));
    assert!(store.audit(day(1)).unwrap().is_consistent());
    let db = Connection::open(&path).unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM notification_log WHERE state = 'active'"), standing);
}
