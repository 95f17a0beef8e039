//! A channel that is away, and what comes after it.

use operator::core::alert::Priority;
use operator::core::delivery::message::MessageKind;
use operator::core::status::{ChannelHealth, QueueDepth};
use rstest::rstest;

use super::desk::{HOUR, MINUTE, critical, done, due_today, fate, home, overdue, shown};
use crate::support::bench::{Bench, pass};
use crate::support::scripted::{Scripted, Weather};

#[rstest]
#[case::refused(Weather::ConnectionRefused)]
#[case::broken_and_silent(Weather::Status500 { shown: false })]
#[case::broken_but_shown(Weather::Status500 { shown: true })]
#[case::mute(Weather::Mute { shown: false })]
#[case::mute_but_shown(Weather::Mute { shown: true })]
#[case::asks_for_little(Weather::Status429(1))]
#[case::asks_for_much(Weather::Status429(300))]
#[tokio::test(start_paused = true)]
async fn an_hour_of_outage_loses_nothing_doubles_nothing_and_ends_in_order(#[case] weather: Weather) {
    let (home, channel) = (home(), Scripted::new(weather));
    let mut keys = vec![overdue(&home, "first")];
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(10 * MINUTE).await;
    keys.push(due_today(&bench.home, "small"));
    pass(10 * MINUTE).await;
    // Critical ones are told every hour: this one again twenty minutes after the outage.
    keys.push(critical(&bench.home, "early"));
    keys.extend(["second", "third"].map(|id| overdue(&bench.home, id)));
    let over = overdue(&bench.home, "over");
    pass(20 * MINUTE).await;
    done(&bench.home, "over");
    pass(10 * MINUTE).await;
    keys.push(critical(&bench.home, "late"));
    pass(10 * MINUTE).await;
    let during = channel.tries();
    assert!(during.len() <= 40, "{} tries in an hour", during.len());
    assert_eq!(shown(&bench).1.state, ChannelHealth::Failing);

    channel.turn(Weather::Fine);
    let slot = shown(&bench).1.next_try.expect("a slot").duration_since(bench.now()).as_secs_f64().max(0.0);
    assert!(slot <= 15.0 * 60.0, "{slot} s");
    pass(slot.ceil() as u64 + 5).await;
    let told = channel.told();
    for key in &keys {
        assert_eq!(told.get(key), Some(&1), "{key}: {told:?}");
    }
    assert_eq!(told.contains_key(&over), during.iter().any(|early| early.shown && early.items.contains_key(&over)));
    let after: Vec<Priority> = channel.tries()[during.len()..].iter().map(|news| news.priority).collect();
    assert!(after.is_sorted_by(|a, b| a >= b), "the most urgent first: {after:?}");
    let (depth, state) = shown(&bench);
    assert_eq!((depth, state.state), (QueueDepth::default(), ChannelHealth::Ok));

    pass(4 * MINUTE).await;
    assert_eq!(channel.told().values().sum::<usize>(), told.values().sum::<usize>(), "and nothing of it again");
}

#[tokio::test(start_paused = true)]
async fn what_is_over_before_it_was_sent_is_never_sent() {
    let (home, channel) = (home(), Scripted::new(Weather::ConnectionRefused));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(10 * MINUTE).await;
    done(&bench.home, "a");
    pass(2 * MINUTE).await;
    channel.turn(Weather::Fine);
    pass(HOUR).await;
    assert_eq!(channel.shown().len(), 0, "neither it nor its end");
    assert_eq!(fate(&bench.home, &key).0, "superseded");
    assert_eq!(fate(&bench.home, &key).2.as_deref(), Some("resolved before it was sent"));
}

#[tokio::test(start_paused = true)]
async fn a_critical_alert_does_not_wait_out_the_pause_of_its_channel() {
    let (home, channel) = (home(), Scripted::new(Weather::ConnectionRefused));
    overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    let pause = || shown(&bench).1.next_try.map_or(0, |at| at.duration_since(bench.now()).as_secs());
    pass(MINUTE).await;
    while pause() < 5 * 60 {
        pass(MINUTE).await;
    }
    channel.turn(Weather::Fine);
    let key = critical(&bench.home, "b");
    pass(3 * MINUTE + 1).await;
    let first = channel.news().first().cloned().expect("a minute to see it, two to try");
    assert_eq!(first.items.keys().collect::<Vec<_>>(), [&key], "and it comes first");
}

#[tokio::test(start_paused = true)]
async fn critical_alerts_jump_the_queue() {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(8)));
    for id in ["a", "b", "c", "d", "e"] {
        overdue(&home, id);
    }
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(MINUTE - 2).await;
    let before = channel.tries().len();
    let key = critical(&bench.home, "z");
    pass(HOUR / 2).await;
    let tries = channel.tries();
    assert!(tries[..before].iter().all(|early| !early.items.contains_key(&key)));
    let place = tries.iter().position(|news| news.items.contains_key(&key)).expect("it was told");
    assert!(place <= before, "nothing that waited went before it");
    assert_eq!(channel.told().into_values().collect::<Vec<_>>(), [1; 6]);
}

#[tokio::test(start_paused = true)]
async fn without_a_network_nothing_counts_as_failed_and_its_return_is_found_soon() {
    let (home, channel) = (home(), Scripted::new(Weather::Offline));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(HOUR).await;
    assert_eq!(fate(&bench.home, &key).1, 0, "no attempt was made");
    let tries = channel.tries();
    assert!((100..=121).contains(&tries.len()), "a look every half minute: {}", tries.len());
    assert_eq!(shown(&bench).1.reason.as_deref(), Some("no network"));
    channel.turn(Weather::Fine);
    pass(31).await;
    assert_eq!(channel.told(), [(key, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_parked_once_shown_and_tried_again_with_other_settings() {
    let (home, channel) = (home(), Scripted::new(Weather::Status400));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(3 * HOUR).await;
    assert_eq!(channel.tries().len(), 1, "it is not tried again");
    let (depth, state) = shown(&bench);
    assert_eq!(depth, QueueDepth { pending: 0, failed: 1 });
    assert_eq!(state.reason.as_deref(), Some("answered 400 – see the server's log"));
    assert_eq!(fate(&bench.home, &key).0, "failed");

    let home = bench.end().await;
    let same = Scripted::new(Weather::Fine);
    let bench = Bench::start_with(home, "12:10", same.alone());
    pass(HOUR).await;
    assert_eq!(same.tries().len(), 0, "a restart alone changes nothing");

    let home = bench.end().await;
    let other = Scripted::with_config_hash(Weather::Fine, 2);
    let bench = Bench::start_with(home, "13:20", other.alone());
    pass(1).await;
    assert_eq!(other.told(), [(key, 1)].into());
    let (depth, state) = shown(&bench);
    assert_eq!((depth, state.state, state.reason), (QueueDepth::default(), ChannelHealth::Ok, None));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_holds_up_nothing_else() {
    let (home, channel) = (home(), Scripted::new(Weather::Status400));
    overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(30).await;
    channel.turn(Weather::Fine);
    let key = overdue(&bench.home, "b");
    pass(31).await;
    assert_eq!(channel.told(), [(key, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_names_a_time_is_left_alone_until_then_and_asked_in_that_second() {
    let (home, channel) = (home(), Scripted::new(Weather::Status429(137)));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(2).await;
    channel.turn(Weather::Fine);
    let urgent = critical(&bench.home, "b");
    pass(HOUR / 2).await;
    let tries = channel.tries();
    assert_eq!(tries.len(), 3, "{tries:?}");
    let waited = tries[1].at - tries[0].at;
    assert!((137.0..138.0).contains(&waited), "{waited} s");
    assert!(tries[1].items.contains_key(&urgent), "what is critical first, but not sooner");
    assert!(tries[2].items.contains_key(&key));
}

#[tokio::test(start_paused = true)]
async fn what_was_shown_and_then_doubted_is_taken_back_when_it_is_over() {
    let (home, channel) = (home(), Scripted::new(Weather::Mute { shown: true }));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(2 * MINUTE).await;
    done(&bench.home, "a");
    pass(2 * MINUTE).await;
    channel.turn(Weather::Fine);
    pass(HOUR / 2).await;
    let last = channel.shown().pop().expect("messages");
    assert_eq!((last.kind, last.items), (MessageKind::Update, [(key, "resolved")].into()));
}
