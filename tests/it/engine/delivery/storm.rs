//! Many alerts at once, and a critical one among them.

use operator::engine::commands::Command;
use rstest::rstest;

use super::fixtures::{MINUTE, critical, done, home, outbox_row, overdue};
use crate::support::engine_harness::{EngineHarness, pass};
use crate::support::fake_channel::{Behavior, FakeChannel};

#[rstest]
#[case::one_message(1)]
#[case::a_crowd(60)]
#[tokio::test(start_paused = true)]
async fn critical_alert_passes_a_slow_message(#[case] crowd: usize) {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(59)));
    let ids: Vec<String> = (0..crowd).map(|number| format!("t{number}")).collect();
    ids.iter().for_each(|id| drop(overdue(&home, id)));
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(10).await;
    assert_eq!((channel.attempts().len(), channel.shown().len()), (1, 0), "one message is in flight");
    let key = critical(&harness.home, "z");
    let asked = channel.now();
    assert!(harness.request(Command::RunNow).await.ok);
    pass(1).await;
    let attempts = channel.attempts();
    let urgent = attempts.iter().find(|sent| sent.items.contains_key(&key)).expect("it is sent within a second");
    assert!(urgent.at - asked < 1.0, "found at {asked} s, sent at {} s", urgent.at);
    assert_eq!(channel.shown().len(), 0, "the slow message is still in flight");
    pass(10 * MINUTE).await;
    let counts = channel.send_counts();
    assert_eq!((counts.len(), counts.values().max()), (50.min(crowd) + 1, Some(&1)));
    let shown = channel.shown();
    assert_eq!(shown.len(), 2);
    // So many active tasks are worth an alert of their own.
    let all = crowd + 1 + usize::from(crowd >= 10);
    assert_eq!(
        shown.iter().map(|message| message.items.len() + message.omitted).sum::<usize>(),
        all,
        "what is left out is counted"
    );
    channel.set_behavior(Behavior::Accept);
    for id in ids.iter().take(3) {
        done(&harness.home, id);
    }
    done(&harness.home, "z");
    pass(2 * MINUTE).await;
    let updates: Vec<_> = channel.shown().into_iter().skip(2).collect();
    assert_eq!(updates.len(), 2, "each message is brought up to date where it stands: {updates:?}");
}

#[tokio::test(start_paused = true)]
async fn escalation_in_flight_is_sent_separately() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Slow(55)));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(10).await;
    channel.set_behavior(Behavior::Accept);
    critical(&harness.home, "a");
    assert!(harness.request(Command::RunNow).await.ok);
    pass(2 * MINUTE).await;
    let messages = channel.new_messages();
    assert_eq!(
        (messages.len(), channel.send_counts()),
        (2, [(key.clone(), 2)].into()),
        "sent twice, the second time as critical"
    );
    done(&harness.home, "a");
    pass(2 * MINUTE).await;
    let urgent =
        channel.attempts().into_iter().rfind(|sent| sent.items.get(&key) == Some(&"open")).expect("the later one");
    let end = channel.shown().pop().expect("messages");
    assert_eq!((end.items, end.replaces), ([(key, "resolved")].into(), Some(urgent.id)));
}

#[tokio::test(start_paused = true)]
async fn failing_channel_gets_one_message_at_a_time() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::NoAnswer { shown: false }));
    overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    for number in 0..59 {
        critical(&harness.home, &format!("c{number}"));
        pass(MINUTE).await;
    }
    let attempts = channel.attempts();
    assert!(attempts.len() <= 40, "{}", attempts.len());
    assert!(attempts.windows(2).skip(1).all(|pair| pair[1].at - pair[0].at >= 10.0), "the patience of the one before");
}

#[tokio::test(start_paused = true)]
async fn acknowledged_digest_blocks_nothing() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Accept));
    let keys: Vec<String> = (0..30).map(|number| overdue(&home, &format!("t{number}"))).collect();
    let harness = EngineHarness::start_with_alerters(home, "06:59", channel.as_alerters());
    pass(30).await;
    // Everything was acknowledged in the night, so the morning digest is empty.
    for key in &keys {
        let command = Command::Acknowledge { key: key.parse().expect("a key") };
        assert!(harness.request(command).await.ok);
    }
    pass(29).await;
    let urgent = critical(&harness.home, "z");
    pass(2).await;
    assert_eq!(channel.send_counts(), [(urgent.clone(), 1)].into());
    assert_eq!(outbox_row(&harness.home, &urgent).0, "delivered");
}
