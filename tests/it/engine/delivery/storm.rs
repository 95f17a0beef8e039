//! Much at once, and what is urgent in the middle of it.

use operator::engine::commands::Command;
use rstest::rstest;

use super::desk::{MINUTE, critical, done, fate, home, overdue};
use crate::support::bench::{Bench, pass};
use crate::support::scripted::{Scripted, Weather};

#[rstest]
#[case::one_message(1)]
#[case::a_crowd(60)]
#[tokio::test(start_paused = true)]
async fn a_critical_alert_does_not_wait_for_a_message_on_its_way_to_a_slow_server(#[case] crowd: usize) {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(59)));
    let ids: Vec<String> = (0..crowd).map(|number| format!("t{number}")).collect();
    ids.iter().for_each(|id| drop(overdue(&home, id)));
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(10).await;
    assert_eq!((channel.tries().len(), channel.shown().len()), (1, 0), "one message is under way");
    let key = critical(&bench.home, "z");
    let asked = channel.now();
    assert!(bench.ask(Command::RunNow).await.ok);
    pass(1).await;
    let tries = channel.tries();
    let urgent = tries.iter().find(|sent| sent.items.contains_key(&key)).expect("it is sent within a second");
    assert!(urgent.at - asked < 1.0, "found at {asked} s, sent at {} s", urgent.at);
    assert_eq!(channel.shown().len(), 0, "the one before it is still under way");
    pass(10 * MINUTE).await;
    let told = channel.told();
    assert_eq!((told.len(), told.values().max()), (50.min(crowd) + 1, Some(&1)));
    let shown = channel.shown();
    assert_eq!(shown.len(), 2);
    // So many active tasks are worth an alert of their own.
    let all = crowd + 1 + usize::from(crowd >= 10);
    assert_eq!(
        shown.iter().map(|news| news.items.len() + news.omitted).sum::<usize>(),
        all,
        "what is left out is counted"
    );
    channel.turn(Weather::Fine);
    for id in ids.iter().take(3) {
        done(&bench.home, id);
    }
    done(&bench.home, "z");
    pass(2 * MINUTE).await;
    let updates: Vec<_> = channel.shown().into_iter().skip(2).collect();
    assert_eq!(updates.len(), 2, "each message is brought up to date where it stands: {updates:?}");
}

#[tokio::test(start_paused = true)]
async fn what_becomes_critical_while_it_is_under_way_stands_where_it_was_told_last() {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(55)));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(10).await;
    channel.turn(Weather::Fine);
    critical(&bench.home, "a");
    assert!(bench.ask(Command::RunNow).await.ok);
    pass(2 * MINUTE).await;
    let news = channel.news();
    assert_eq!((news.len(), channel.told()), (2, [(key.clone(), 2)].into()), "told, and told as urgent");
    done(&bench.home, "a");
    pass(2 * MINUTE).await;
    let urgent =
        channel.tries().into_iter().rfind(|told| told.items.get(&key) == Some(&"open")).expect("the later one");
    let end = channel.shown().pop().expect("messages");
    assert_eq!((end.items, end.replaces), ([(key, "resolved")].into(), Some(urgent.id)));
}

#[tokio::test(start_paused = true)]
async fn a_channel_in_trouble_is_tried_with_one_message_at_a_time() {
    let (home, channel) = (home(), Scripted::new(Weather::Mute { shown: false }));
    overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    for number in 0..59 {
        critical(&bench.home, &format!("c{number}"));
        pass(MINUTE).await;
    }
    let tries = channel.tries();
    assert!(tries.len() <= 40, "{}", tries.len());
    assert!(tries.windows(2).skip(1).all(|pair| pair[1].at - pair[0].at >= 10.0), "the patience of the one before");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_needs_to_hear_any_more_holds_up_nothing() {
    let (home, channel) = (home(), Scripted::new(Weather::Fine));
    let keys: Vec<String> = (0..30).map(|number| overdue(&home, &format!("t{number}"))).collect();
    let bench = Bench::start_with(home, "06:59", channel.alone());
    pass(30).await;
    // In the night everything was answered: the digest of the morning has nothing to tell.
    for key in &keys {
        let command = Command::Acknowledge { key: key.parse().expect("a key") };
        assert!(bench.ask(command).await.ok);
    }
    pass(29).await;
    let urgent = critical(&bench.home, "z");
    pass(2).await;
    assert_eq!(channel.told(), [(urgent.clone(), 1)].into());
    assert_eq!(fate(&bench.home, &urgent).0, "delivered");
}
