//! Stops, crashes, answers and a database that cannot be written, all while a message is under way.

use operator::core::delivery::message::MessageKind;
use operator::engine::commands::Command;
use serde_json::json;

use super::desk::{HOUR, MINUTE, done, fate, home, overdue};
use crate::support::bench::{Bench, pass};
use crate::support::home::Home;
use crate::support::scripted::{Scripted, Weather};

/// The engine is gone from one moment to the next.
async fn crash(bench: Bench) -> Home {
    bench.engine.abort();
    let _ = bench.engine.await;
    bench.home
}

#[tokio::test(start_paused = true)]
async fn a_message_under_way_at_the_stop_is_waited_for_and_not_sent_again() {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(5)));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(2).await;
    let home = bench.end().await;
    assert_eq!(fate(&home, &key).0, "delivered");
    let bench = Bench::start_with(home, "09:01", channel.alone());
    pass(HOUR).await;
    assert_eq!(channel.tries().len(), 1);
    drop(bench);
}

#[tokio::test(start_paused = true)]
async fn what_stays_in_doubt_over_two_restarts_keeps_its_number() {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(50)));
    let key = overdue(&home, "a");
    let mut bench = Bench::start_with(home, "09:00", channel.alone());
    for time in ["09:01", "09:02"] {
        pass(2).await;
        bench = Bench::start_with(crash(bench).await, time, channel.alone());
    }
    channel.turn(Weather::Fine);
    pass(HOUR).await;
    let tries = channel.tries();
    assert_eq!(tries.len(), 3);
    assert!(tries.iter().all(|again| again.id == tries[0].id), "{tries:?}");
    assert_eq!(fate(&bench.home, &key).0, "delivered");
}

/// The desk's facts change while nobody looks; the first check after a crash knows nothing of the channel's doubt yet.
#[tokio::test(start_paused = true)]
async fn what_was_seen_before_a_crash_and_is_over_after_it_is_taken_back() {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(50)));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(2).await;
    let home = crash(bench).await;
    done(&home, "a");
    channel.turn(Weather::Fine);
    let bench = Bench::start_with(home, "09:01", channel.alone());
    pass(2 * MINUTE).await;
    let last = channel.tries().pop().expect("messages");
    assert_eq!((last.kind, last.items), (MessageKind::Update, [(key, "resolved")].into()));
    drop(bench);
}

#[tokio::test(start_paused = true)]
async fn what_resolves_while_it_is_under_way_is_taken_back_after_a_crash_too() {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(50)));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(2).await;
    done(&bench.home, "a");
    assert!(bench.ask(Command::RunNow).await.ok);
    let home = crash(bench).await;
    channel.turn(Weather::Fine);
    let bench = Bench::start_with(home, "09:01", channel.alone());
    pass(2 * MINUTE).await;
    let last = channel.tries().pop().expect("messages");
    assert_eq!((last.kind, last.items), (MessageKind::Update, [(key, "resolved")].into()));
    drop(bench);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_down_is_not_sent_again_and_written_later() {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(2)));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(1).await;
    bench.home.database().execute_batch(FULL).unwrap();
    pass(5 * MINUTE).await;
    assert_eq!((channel.tries().len(), fate(&bench.home, &key).0.as_str()), (1, "pending"));
    bench.home.database().execute_batch("DROP TRIGGER full").unwrap();
    pass(MINUTE).await;
    assert_eq!((channel.tries().len(), fate(&bench.home, &key).0.as_str()), (1, "delivered"));
}

/// What a full disk does to the outbox.
const FULL: &str = "CREATE TRIGGER full BEFORE UPDATE OF state ON outbox WHEN NEW.state = 'delivered'
                    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_down_is_written_at_the_stop_if_it_can() {
    let (home, channel) = (home(), Scripted::new(Weather::Fine));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    bench.home.database().execute_batch(FULL).unwrap();
    pass(5).await;
    assert_eq!((channel.tries().len(), fate(&bench.home, &key).0.as_str()), (1, "pending"));
    bench.home.database().execute_batch("DROP TRIGGER full").unwrap();
    let home = bench.end().await;
    assert_eq!(fate(&home, &key).0, "delivered");
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_was_off_takes_back_what_it_told_when_it_is_on_again() {
    let (home, channel) = (home(), Scripted::new(Weather::Fine));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(2).await;
    let home = bench.end().await;
    home.set(json!({"alerters": {"webhook": {"enabled": false}}}));
    let bench = Bench::start_with(home, "10:00", Vec::new());
    pass(2).await;
    done(&bench.home, "a");
    pass(2 * MINUTE).await;
    let home = bench.end().await;
    home.set(json!({"alerters": {"webhook": {"enabled": true}}}));
    let bench = Bench::start_with(home, "11:00", channel.alone());
    pass(2).await;
    assert_eq!(channel.shown().len(), 2);
    assert_eq!(channel.shown().pop().expect("messages").items, [(key, "resolved")].into());
    drop(bench);
}

#[tokio::test(start_paused = true)]
async fn what_resolves_while_its_digest_is_under_way_is_taken_back_in_it() {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(55)));
    home.set(json!({"deduplication": {"max_alerts_per_run": 5}}));
    let keys: Vec<String> = (0..8).map(|number| overdue(&home, &format!("t{number}"))).collect();
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(30).await;
    assert_eq!((channel.tries().len(), channel.shown().len()), (1, 0));
    channel.turn(Weather::Fine);
    done(&bench.home, "t7");
    pass(2 * MINUTE).await;
    let shown = channel.shown();
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[1].replaces.as_ref(), Some(&shown[0].id));
    let resolved: Vec<_> = shown[1].items.iter().filter(|(_, standing)| **standing == "resolved").collect();
    assert_eq!(resolved, [(&keys[7], &"resolved")]);
    assert_eq!(shown[1].items.len(), 8);
}

/// A channel that takes a key looks at a number once: what has resolved since must not hide under it.
#[tokio::test(start_paused = true)]
async fn what_resolves_while_an_update_is_in_doubt_has_an_update_of_its_own() {
    let (home, channel) = (home(), Scripted::new(Weather::Fine));
    home.set(json!({"deduplication": {"max_alerts_per_run": 5}}));
    let keys: Vec<String> = (0..8).map(|number| overdue(&home, &format!("t{number}"))).collect();
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(30).await;
    channel.turn(Weather::Mute { shown: true });
    done(&bench.home, "t1");
    pass(MINUTE).await;
    done(&bench.home, "t2");
    pass(MINUTE).await;
    channel.turn(Weather::Fine);
    pass(HOUR / 2).await;
    let last = channel.shown().pop().expect("messages");
    let resolved: Vec<_> =
        last.items.iter().filter(|(_, standing)| **standing == "resolved").map(|(key, _)| key).collect();
    assert_eq!(resolved, [&keys[1], &keys[2]]);
}

#[tokio::test(start_paused = true)]
async fn what_is_acknowledged_while_it_is_under_way_says_so_afterwards() {
    for (weather, shown) in
        [(Weather::Slow(20), 2), (Weather::Mute { shown: true }, 2), (Weather::Mute { shown: false }, 1)]
    {
        let (home, channel) = (home(), Scripted::new(weather));
        let key = overdue(&home, "a");
        let bench = Bench::start_with(home, "09:00", channel.alone());
        pass(2).await;
        assert!(bench.ask(Command::Acknowledge { key: key.parse().expect("a key") }).await.ok);
        channel.turn(Weather::Fine);
        pass(HOUR).await;
        assert_eq!(channel.told().get(&key).copied().unwrap_or(0), shown - 1, "{weather:?}");
        assert_eq!(channel.shown().len(), shown, "{weather:?}");
        assert_eq!(channel.shown().pop().expect("messages").items, [(key, "acknowledged")].into());
    }
}

#[tokio::test(start_paused = true)]
async fn an_alerter_that_never_answers_holds_its_channel_up_for_a_minute() {
    let (home, channel) = (home(), Scripted::new(Weather::Slow(100_000)));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(30).await;
    channel.turn(Weather::Fine);
    pass(MINUTE).await;
    assert_eq!(channel.told(), [(key, 1)].into());
    assert_eq!(channel.tries().len(), 2);
    drop(bench);
}

/// A home whose journal is kept for a day.
fn forgetful_home() -> Home {
    let home = home();
    home.set(json!({"retention": {"journal_days": 1}, "intervals": {"task_check": 3600}}));
    home
}

#[tokio::test(start_paused = true)]
async fn what_stands_told_is_taken_back_however_soon_the_journal_forgets() {
    let (home, channel) = (forgetful_home(), Scripted::new(Weather::Fine));
    let key = overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(2).await;
    assert!(bench.ask(Command::Acknowledge { key: key.parse().expect("a key") }).await.ok);
    pass(70 * HOUR).await;
    done(&bench.home, "a");
    pass(2 * HOUR).await;
    let last = channel.shown().pop().expect("messages");
    assert_eq!((last.items, last.replaces.is_some()), ([(key, "resolved")].into(), true));
}

#[tokio::test(start_paused = true)]
async fn a_number_is_never_used_again() {
    let (home, channel) = (forgetful_home(), Scripted::new(Weather::Fine));
    overdue(&home, "a");
    let bench = Bench::start_with(home, "09:00", channel.alone());
    pass(HOUR).await;
    done(&bench.home, "a");
    pass(70 * HOUR).await;
    let key = overdue(&bench.home, "b");
    pass(HOUR).await;
    assert_eq!(channel.told().get(&key), Some(&1), "{:?}", channel.tries());
}
