//! An unavailable channel, and the delivery after it.

use operator::core::alert::Priority;
use operator::core::delivery::message::MessageKind;
use operator::core::status::{ChannelHealth, QueueDepth};
use rstest::rstest;

use super::fixtures::{HOUR, MINUTE, critical, done, due_today, home, outbox_row, overdue, shown};
use crate::support::engine_harness::{EngineHarness, pass};
use crate::support::fake_channel::{Behavior, FakeChannel};

#[rstest]
#[case::refused(Behavior::ConnectionRefused)]
#[case::broken_and_silent(Behavior::Status500 { shown: false })]
#[case::broken_but_shown(Behavior::Status500 { shown: true })]
#[case::mute(Behavior::NoAnswer { shown: false })]
#[case::mute_but_shown(Behavior::NoAnswer { shown: true })]
#[case::asks_for_little(Behavior::Status429(1))]
#[case::asks_for_much(Behavior::Status429(300))]
#[tokio::test(start_paused = true)]
async fn outage_of_an_hour_loses_and_repeats_nothing(#[case] behavior: Behavior) {
    let (home, channel) = (home(), FakeChannel::new(behavior));
    let mut keys = vec![overdue(&home, "first")];
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(10 * MINUTE).await;
    keys.push(due_today(&harness.home, "small"));
    pass(10 * MINUTE).await;
    // Critical alerts repeat every hour: this one again twenty minutes after the outage.
    keys.push(critical(&harness.home, "early"));
    keys.extend(["second", "third"].map(|id| overdue(&harness.home, id)));
    let over = overdue(&harness.home, "over");
    pass(20 * MINUTE).await;
    done(&harness.home, "over");
    pass(10 * MINUTE).await;
    keys.push(critical(&harness.home, "late"));
    pass(10 * MINUTE).await;
    let during = channel.attempts();
    assert!(during.len() <= 40, "{} attempts in an hour", during.len());
    assert_eq!(shown(&harness).1.state, ChannelHealth::Failing);

    channel.set_behavior(Behavior::Accept);
    let slot = shown(&harness).1.next_try.expect("a slot").duration_since(harness.now()).as_secs_f64().max(0.0);
    assert!(slot <= 15.0 * 60.0, "{slot} s");
    pass(slot.ceil() as u64 + 5).await;
    let counts = channel.send_counts();
    for key in &keys {
        assert_eq!(counts.get(key), Some(&1), "{key}: {counts:?}");
    }
    assert_eq!(counts.contains_key(&over), during.iter().any(|early| early.shown && early.items.contains_key(&over)));
    let after: Vec<Priority> = channel.attempts()[during.len()..].iter().map(|sent| sent.priority).collect();
    assert!(after.is_sorted_by(|a, b| a >= b), "the most urgent first: {after:?}");
    let (depth, state) = shown(&harness);
    assert_eq!((depth, state.state), (QueueDepth::default(), ChannelHealth::Ok));

    pass(4 * MINUTE).await;
    assert_eq!(channel.send_counts().values().sum::<usize>(), counts.values().sum::<usize>(), "nothing is repeated");
}

#[tokio::test(start_paused = true)]
async fn alert_resolved_before_sending_is_not_sent() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::ConnectionRefused));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(10 * MINUTE).await;
    done(&harness.home, "a");
    pass(2 * MINUTE).await;
    channel.set_behavior(Behavior::Accept);
    pass(HOUR).await;
    assert_eq!(channel.shown().len(), 0, "neither it nor its end");
    assert_eq!(outbox_row(&harness.home, &key).0, "superseded");
    assert_eq!(outbox_row(&harness.home, &key).2.as_deref(), Some("resolved before it was sent"));
}

#[tokio::test(start_paused = true)]
async fn critical_alert_shortens_a_long_backoff() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::ConnectionRefused));
    overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    let pause = || shown(&harness).1.next_try.map_or(0, |at| at.duration_since(harness.now()).as_secs());
    pass(MINUTE).await;
    while pause() < 5 * 60 {
        pass(MINUTE).await;
    }
    channel.set_behavior(Behavior::Accept);
    let key = critical(&harness.home, "b");
    pass(3 * MINUTE + 1).await;
    let first = channel.new_messages().first().cloned().expect("a minute to see it, two to try");
    assert_eq!(first.items.keys().collect::<Vec<_>>(), [&key], "and it comes first");
}

#[tokio::test(start_paused = true)]
async fn critical_alerts_jump_the_queue() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(8)));
    for id in ["a", "b", "c", "d", "e"] {
        overdue(&home, id);
    }
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(MINUTE - 2).await;
    let before = channel.attempts().len();
    let key = critical(&harness.home, "z");
    pass(HOUR / 2).await;
    let attempts = channel.attempts();
    assert!(attempts[..before].iter().all(|early| !early.items.contains_key(&key)));
    let place = attempts.iter().position(|sent| sent.items.contains_key(&key)).expect("it was sent");
    assert!(place <= before, "nothing that waited went before it");
    assert_eq!(channel.send_counts().into_values().collect::<Vec<_>>(), [1; 6]);
}

#[tokio::test(start_paused = true)]
async fn offline_attempts_count_as_no_failure() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Offline));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(HOUR).await;
    assert_eq!(outbox_row(&harness.home, &key).1, 0, "no attempt was made");
    let attempts = channel.attempts();
    assert!((100..=121).contains(&attempts.len()), "an attempt every half minute: {}", attempts.len());
    assert_eq!(shown(&harness).1.reason.as_deref(), Some("no network"));
    channel.set_behavior(Behavior::Accept);
    pass(31).await;
    assert_eq!(channel.send_counts(), [(key, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn permanent_failure_is_retried_after_a_change() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Status400));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(3 * HOUR).await;
    assert_eq!(channel.attempts().len(), 1, "it is not tried again");
    let (depth, state) = shown(&harness);
    assert_eq!(depth, QueueDepth { pending: 0, failed: 1 });
    assert_eq!(state.reason.as_deref(), Some("answered 400 – see the server's log"));
    assert_eq!(outbox_row(&harness.home, &key).0, "failed");

    let home = harness.end().await;
    let same = FakeChannel::new(Behavior::Accept);
    let harness = EngineHarness::start_with_alerters(home, "12:10", same.as_alerters());
    pass(HOUR).await;
    assert_eq!(same.attempts().len(), 0, "a restart alone changes nothing");

    let home = harness.end().await;
    let other = FakeChannel::with_config_hash(Behavior::Accept, 2);
    let harness = EngineHarness::start_with_alerters(home, "13:20", other.as_alerters());
    pass(1).await;
    assert_eq!(other.send_counts(), [(key, 1)].into());
    let (depth, state) = shown(&harness);
    assert_eq!((depth, state.state, state.reason), (QueueDepth::default(), ChannelHealth::Ok, None));
}

#[tokio::test(start_paused = true)]
async fn permanent_failure_blocks_no_other_message() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Status400));
    overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(30).await;
    channel.set_behavior(Behavior::Accept);
    let key = overdue(&harness.home, "b");
    pass(31).await;
    assert_eq!(channel.send_counts(), [(key, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_to_the_second() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Status429(137)));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(2).await;
    channel.set_behavior(Behavior::Accept);
    let urgent = critical(&harness.home, "b");
    pass(HOUR / 2).await;
    let attempts = channel.attempts();
    assert_eq!(attempts.len(), 3, "{attempts:?}");
    let waited = attempts[1].at - attempts[0].at;
    assert!((137.0..138.0).contains(&waited), "{waited} s");
    assert!(attempts[1].items.contains_key(&urgent), "what is critical first, but not sooner");
    assert!(attempts[2].items.contains_key(&key));
}

#[tokio::test(start_paused = true)]
async fn unconfirmed_message_is_updated_on_resolve() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::NoAnswer { shown: true }));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(2 * MINUTE).await;
    done(&harness.home, "a");
    pass(2 * MINUTE).await;
    channel.set_behavior(Behavior::Accept);
    pass(HOUR / 2).await;
    let last = channel.shown().pop().expect("messages");
    assert_eq!((last.kind, last.items), (MessageKind::Update, [(key, "resolved")].into()));
}
