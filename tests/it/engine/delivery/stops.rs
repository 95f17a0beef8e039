//! Stops, crashes, user actions and write errors while a message is in flight.

use std::sync::Arc;

use operator::core::delivery::message::MessageKind;
use operator::engine::commands::Command;
use serde_json::json;

use super::fixtures::{HOUR, MINUTE, done, home, outbox_row, overdue};
use crate::support::engine_harness::{EngineHarness, pass};
use crate::support::fake_channel::{Behavior, FakeChannel};
use crate::support::home::Home;

/// Abort the engine without a shutdown.
async fn crash(harness: EngineHarness) -> Home {
    harness.engine.abort();
    let _ = harness.engine.await;
    harness.home
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_a_message_in_flight() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(5)));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(2).await;
    let home = harness.end().await;
    assert_eq!(outbox_row(&home, &key).0, "delivered");
    let harness = EngineHarness::start_with_alerters(home, "09:01", channel.as_alerters());
    pass(HOUR).await;
    assert_eq!(channel.attempts().len(), 1);
    drop(harness);
}

#[tokio::test(start_paused = true)]
async fn unconfirmed_message_keeps_its_id_on_restart() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(50)));
    let key = overdue(&home, "a");
    let mut harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    for time in ["09:01", "09:02"] {
        pass(2).await;
        harness = EngineHarness::start_with_alerters(crash(harness).await, time, channel.as_alerters());
    }
    channel.set_behavior(Behavior::Accept);
    pass(HOUR).await;
    let attempts = channel.attempts();
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|again| again.id == attempts[0].id), "{attempts:?}");
    assert_eq!(outbox_row(&harness.home, &key).0, "delivered");
}

/// The next start updates the message that a crash left behind.
async fn assert_restart_sends_resolved(home: Home, channel: &Arc<FakeChannel>, key: String) {
    channel.set_behavior(Behavior::Accept);
    let _harness = EngineHarness::start_with_alerters(home, "09:01", channel.as_alerters());
    pass(2 * MINUTE).await;
    let last = channel.attempts().pop().expect("messages");
    assert_eq!((last.kind, last.items), (MessageKind::Update, [(key, "resolved")].into()));
}

/// The task is done while no engine runs. The first check after a crash comes before the outbox is recovered.
#[tokio::test(start_paused = true)]
async fn alert_sent_before_a_crash_is_updated_after() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(50)));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(2).await;
    let home = crash(harness).await;
    done(&home, "a");
    assert_restart_sends_resolved(home, &channel, key).await;
}

#[tokio::test(start_paused = true)]
async fn resolve_in_flight_is_updated_after_a_crash() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(50)));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(2).await;
    done(&harness.home, "a");
    assert!(harness.request(Command::RunNow).await.ok);
    let home = crash(harness).await;
    assert_restart_sends_resolved(home, &channel, key).await;
}

#[tokio::test(start_paused = true)]
async fn unrecorded_result_is_recorded_later() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(2)));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(1).await;
    harness.home.database().execute_batch(DISK_FULL_TRIGGER).unwrap();
    pass(5 * MINUTE).await;
    assert_eq!((channel.attempts().len(), outbox_row(&harness.home, &key).0.as_str()), (1, "pending"));
    harness.home.database().execute_batch("DROP TRIGGER full").unwrap();
    pass(MINUTE).await;
    assert_eq!((channel.attempts().len(), outbox_row(&harness.home, &key).0.as_str()), (1, "delivered"));
}

/// Makes the outbox fail like a full disk.
const DISK_FULL_TRIGGER: &str = "CREATE TRIGGER full BEFORE UPDATE OF state ON outbox WHEN NEW.state = 'delivered'
                    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";

#[tokio::test(start_paused = true)]
async fn unrecorded_result_is_recorded_at_the_stop() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Accept));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    harness.home.database().execute_batch(DISK_FULL_TRIGGER).unwrap();
    pass(5).await;
    assert_eq!((channel.attempts().len(), outbox_row(&harness.home, &key).0.as_str()), (1, "pending"));
    harness.home.database().execute_batch("DROP TRIGGER full").unwrap();
    let home = harness.end().await;
    assert_eq!(outbox_row(&home, &key).0, "delivered");
}

#[tokio::test(start_paused = true)]
async fn reenabled_channel_updates_its_old_messages() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Accept));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(2).await;
    let home = harness.end().await;
    home.set(json!({"alerters": {"webhook": {"enabled": false}}}));
    let harness = EngineHarness::start_with_alerters(home, "10:00", Vec::new());
    pass(2).await;
    done(&harness.home, "a");
    pass(2 * MINUTE).await;
    let home = harness.end().await;
    home.set(json!({"alerters": {"webhook": {"enabled": true}}}));
    let harness = EngineHarness::start_with_alerters(home, "11:00", channel.as_alerters());
    pass(2).await;
    assert_eq!(channel.shown().len(), 2);
    assert_eq!(channel.shown().pop().expect("messages").items, [(key, "resolved")].into());
    drop(harness);
}

#[tokio::test(start_paused = true)]
async fn resolve_in_a_sending_digest_updates_it() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(55)));
    home.set(json!({"deduplication": {"max_alerts_per_run": 5}}));
    let keys: Vec<String> = (0..8).map(|number| overdue(&home, &format!("t{number}"))).collect();
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(30).await;
    assert_eq!((channel.attempts().len(), channel.shown().len()), (1, 0));
    channel.set_behavior(Behavior::Accept);
    done(&harness.home, "t7");
    pass(2 * MINUTE).await;
    let shown = channel.shown();
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[1].replaces.as_ref(), Some(&shown[0].id));
    let resolved: Vec<_> = shown[1].items.iter().filter(|(_, state)| **state == "resolved").collect();
    assert_eq!(resolved, [(&keys[7], &"resolved")]);
    assert_eq!(shown[1].items.len(), 8);
}

/// A channel ignores a repeated message id, so a later resolve needs a new one.
#[tokio::test(start_paused = true)]
async fn resolve_after_unconfirmed_update_is_sent_anew() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Accept));
    home.set(json!({"deduplication": {"max_alerts_per_run": 5}}));
    let keys: Vec<String> = (0..8).map(|number| overdue(&home, &format!("t{number}"))).collect();
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(30).await;
    channel.set_behavior(Behavior::NoAnswer { shown: true });
    done(&harness.home, "t1");
    pass(MINUTE).await;
    done(&harness.home, "t2");
    pass(MINUTE).await;
    channel.set_behavior(Behavior::Accept);
    pass(HOUR / 2).await;
    let last = channel.shown().pop().expect("messages");
    let resolved: Vec<_> = last.items.iter().filter(|(_, state)| **state == "resolved").map(|(key, _)| key).collect();
    assert_eq!(resolved, [&keys[1], &keys[2]]);
}

#[tokio::test(start_paused = true)]
async fn acknowledge_in_flight_is_shown_afterwards() {
    for (behavior, shown) in
        [(Behavior::Slow(20), 2), (Behavior::NoAnswer { shown: true }, 2), (Behavior::NoAnswer { shown: false }, 1)]
    {
        let (home, channel) = (home(), FakeChannel::new(behavior));
        let key = overdue(&home, "a");
        let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
        pass(2).await;
        assert!(harness.request(Command::Acknowledge { key: key.parse().expect("a key") }).await.ok);
        channel.set_behavior(Behavior::Accept);
        pass(HOUR).await;
        assert_eq!(channel.send_counts().get(&key).copied().unwrap_or(0), shown - 1, "{behavior:?}");
        assert_eq!(channel.shown().len(), shown, "{behavior:?}");
        assert_eq!(channel.shown().pop().expect("messages").items, [(key, "acknowledged")].into());
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_alerter_blocks_its_channel_a_minute() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(100_000)));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(30).await;
    channel.set_behavior(Behavior::Accept);
    pass(MINUTE).await;
    assert_eq!(channel.send_counts(), [(key, 1)].into());
    assert_eq!(channel.attempts().len(), 2);
    drop(harness);
}

/// A home that keeps its journal for a day.
fn home_with_short_retention() -> Home {
    let home = home();
    home.set(json!({"retention": {"journal_days": 1}, "intervals": {"task_check": 3600}}));
    home
}

#[tokio::test(start_paused = true)]
async fn resolve_is_shown_after_the_journal_expired() {
    let (home, channel) = (home_with_short_retention(), FakeChannel::new(Behavior::Accept));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(2).await;
    assert!(harness.request(Command::Acknowledge { key: key.parse().expect("a key") }).await.ok);
    pass(70 * HOUR).await;
    done(&harness.home, "a");
    pass(2 * HOUR).await;
    let last = channel.shown().pop().expect("messages");
    assert_eq!((last.items, last.replaces.is_some()), ([(key, "resolved")].into(), true));
}

#[tokio::test(start_paused = true)]
async fn batch_id_is_never_reused() {
    let (home, channel) = (home_with_short_retention(), FakeChannel::new(Behavior::Accept));
    overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(HOUR).await;
    done(&harness.home, "a");
    pass(70 * HOUR).await;
    let key = overdue(&harness.home, "b");
    pass(HOUR).await;
    assert_eq!(channel.send_counts().get(&key), Some(&1), "{:?}", channel.attempts());
}
