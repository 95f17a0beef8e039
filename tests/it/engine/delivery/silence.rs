//! Alerts held by quiet hours or a pause are sent once and together.

use operator::engine::commands::Command;
use rstest::rstest;

use super::fixtures::{HOUR, MINUTE, critical, done, home, overdue};
use crate::support::engine_harness::{EngineHarness, pass};
use crate::support::fake_channel::{Behavior, FakeChannel};

#[tokio::test(start_paused = true)]
async fn quiet_hours_end_with_one_message() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Accept));
    let mut keys: Vec<String> = ["a", "b", "c"].iter().map(|id| overdue(&home, id)).collect();
    overdue(&home, "over");
    let harness = EngineHarness::start_with_alerters(home, "06:30", channel.as_alerters());
    pass(10 * MINUTE).await;
    assert_eq!(channel.attempts().len(), 0);
    let loud = critical(&harness.home, "loud");
    pass(2 * MINUTE).await;
    assert_eq!(channel.send_counts(), [(loud.clone(), 1)].into(), "critical passes");
    keys.push(overdue(&harness.home, "d"));
    done(&harness.home, "over");
    pass(18 * MINUTE + 2).await;
    let messages = channel.new_messages();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!(messages[1].items.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    pass(HOUR / 2).await;
    assert_eq!(channel.shown().len(), 2, "and that was all");
}

#[rstest]
#[case::down(Behavior::ConnectionRefused)]
#[case::mute(Behavior::NoAnswer { shown: false })]
#[tokio::test(start_paused = true)]
async fn failed_evening_message_waits_for_the_morning(#[case] behavior: Behavior) {
    let (home, channel) = (home(), FakeChannel::new(behavior));
    let mut keys = vec![overdue(&home, "a")];
    let harness = EngineHarness::start_with_alerters(home, "21:50", channel.as_alerters());
    pass(15 * MINUTE).await;
    channel.set_behavior(Behavior::Accept);
    keys.extend(["b", "c"].map(|id| overdue(&harness.home, id)));
    pass(8 * HOUR).await;
    assert_eq!(channel.shown().len(), 0, "quiet hours hold for what waits too");
    pass(HOUR).await;
    let messages = channel.new_messages();
    let sent: Vec<_> = messages.iter().flat_map(|messages| messages.items.keys()).collect();
    assert_eq!(sent, keys.iter().collect::<Vec<_>>());
    // An unconfirmed message keeps its own id.
    assert_eq!(messages.len(), if behavior == Behavior::ConnectionRefused { 1 } else { 2 }, "{messages:?}");
}

#[tokio::test(start_paused = true)]
async fn pause_ends_with_one_message() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::ConnectionRefused));
    let mut keys = vec![overdue(&home, "a")];
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(2 * MINUTE).await;
    assert!(harness.request(Command::Pause { until: None }).await.ok);
    channel.set_behavior(Behavior::Accept);
    keys.push(critical(&harness.home, "b"));
    keys.push(overdue(&harness.home, "c"));
    overdue(&harness.home, "over");
    pass(HOUR).await;
    assert_eq!(channel.shown().len(), 0, "not even what is critical, nor what waited before");
    done(&harness.home, "over");
    pass(2 * MINUTE).await;
    assert!(harness.request(Command::Resume).await.ok);
    pass(5).await;
    let messages = channel.new_messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0].items.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn clock_set_back_ends_the_backoff_soon() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::ConnectionRefused));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(50 * MINUTE).await;
    channel.set_behavior(Behavior::Accept);
    harness.jump(-86_400);
    pass(31).await;
    assert_eq!(channel.send_counts(), [(key, 1)].into());
    pass(25 * HOUR).await;
    assert!(channel.send_counts().into_values().all(|times| times <= 2), "{:?}", channel.send_counts());
}

#[tokio::test(start_paused = true)]
async fn resolve_during_a_pause_is_shown_at_once() {
    let (home, channel) = (home(), FakeChannel::new(Behavior::Accept));
    let key = overdue(&home, "a");
    let harness = EngineHarness::start_with_alerters(home, "09:00", channel.as_alerters());
    pass(MINUTE).await;
    assert!(harness.request(Command::Pause { until: None }).await.ok);
    done(&harness.home, "a");
    pass(2 * MINUTE).await;
    assert_eq!(channel.shown().pop().expect("messages").items, [(key, "resolved")].into());
}
