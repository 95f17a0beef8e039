//! What waits for the end of quiet hours or of a pause, comes once and together.

use operator::engine::commands::Command;
use rstest::rstest;

use super::desk::{HOUR, MINUTE, critical, done, home, overdue};
use crate::support::bench::{Bench, pass};
use crate::support::scripted::{Scripted, Weather};

#[tokio::test(start_paused = true)]
async fn quiet_hours_end_with_one_message_of_what_still_holds() {
    let (home, channel) = (home(), Scripted::new(Weather::Fine));
    let mut keys: Vec<String> = ["a", "b", "c"].iter().map(|id| overdue(&home, id)).collect();
    overdue(&home, "over");
    let bench = Bench::start_with(home, "06:30", channel.alone());
    pass(10 * MINUTE).await;
    assert_eq!(channel.tries().len(), 0);
    let loud = critical(&bench.home, "loud");
    pass(2 * MINUTE).await;
    assert_eq!(channel.told(), [(loud.clone(), 1)].into(), "critical passes");
    keys.push(overdue(&bench.home, "d"));
    done(&bench.home, "over");
    pass(18 * MINUTE + 2).await;
    let news = channel.news();
    assert_eq!(news.len(), 2, "{news:?}");
    assert_eq!(news[1].items.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    pass(HOUR / 2).await;
    assert_eq!(channel.shown().len(), 2, "and that was all");
}

#[rstest]
#[case::down(Weather::ConnectionRefused)]
#[case::mute(Weather::Mute { shown: false })]
#[tokio::test(start_paused = true)]
async fn what_was_stuck_since_the_evening_comes_in_the_same_message(#[case] weather: Weather) {
    let (home, channel) = (home(), Scripted::new(weather));
    let mut keys = vec![overdue(&home, "a")];
    let bench = Bench::start_with(home, "21:50", channel.alone());
    pass(15 * MINUTE).await;
    channel.turn(Weather::Fine);
    keys.extend(["b", "c"].map(|id| overdue(&bench.home, id)));
    pass(8 * HOUR).await;
    assert_eq!(channel.shown().len(), 0, "quiet hours hold for what waits too");
    pass(HOUR).await;
    let news = channel.news();
    let told: Vec<_> = news.iter().flat_map(|news| news.items.keys()).collect();
    assert_eq!(told, keys.iter().collect::<Vec<_>>());
    // What may have been seen keeps its own number.
    assert_eq!(news.len(), if weather == Weather::ConnectionRefused { 1 } else { 2 }, "{news:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_with_one_message_of_what_still_holds() {
    let (home, channel) = (home(), Scripted::new(Weather::ConnectionRefused));
    let mut keys = vec![overdue(&home, "a")];
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(2 * MINUTE).await;
    assert!(bench.ask(Command::Pause { until: None }).await.ok);
    channel.turn(Weather::Fine);
    keys.push(critical(&bench.home, "b"));
    keys.push(overdue(&bench.home, "c"));
    overdue(&bench.home, "over");
    pass(HOUR).await;
    assert_eq!(channel.shown().len(), 0, "not even what is critical, nor what waited before");
    done(&bench.home, "over");
    pass(2 * MINUTE).await;
    assert!(bench.ask(Command::Resume).await.ok);
    pass(5).await;
    let news = channel.news();
    assert_eq!(news.len(), 1, "{news:?}");
    assert_eq!(news[0].items.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_by_a_day_while_a_channel_rests_costs_half_a_minute() {
    let (home, channel) = (home(), Scripted::new(Weather::ConnectionRefused));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(50 * MINUTE).await;
    channel.turn(Weather::Fine);
    bench.jump(-86_400);
    pass(31).await;
    assert_eq!(channel.told(), [(key, 1)].into());
    pass(25 * HOUR).await;
    assert!(channel.told().into_values().all(|times| times <= 2), "{:?}", channel.told());
}

#[tokio::test(start_paused = true)]
async fn what_resolves_in_a_pause_is_taken_back_in_the_pause() {
    let (home, channel) = (home(), Scripted::new(Weather::Fine));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(MINUTE).await;
    assert!(bench.ask(Command::Pause { until: None }).await.ok);
    done(&bench.home, "a");
    pass(2 * MINUTE).await;
    assert_eq!(channel.shown().pop().expect("messages").items, [(key, "resolved")].into());
}
