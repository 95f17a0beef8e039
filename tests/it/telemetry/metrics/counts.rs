//! Counters of a running engine.

use operator::engine::commands::Command;
use rstest::rstest;
use serde_json::json;

use super::text::promtool;
use super::{series, value};
use crate::support::bench::{Bench, pass};
use crate::support::home::Home;
use crate::support::scripted::{Scripted, Weather};

const MINUTE: u64 = 60;

/// A home with one overdue task, checked every minute, with the webhook as the only channel.
fn home() -> Home {
    let home = Home::new();
    home.tasks("DELETE FROM tasks; DELETE FROM commitments;");
    overdue(&home, "a");
    home.set(json!({
        "monitors": {"health": {"enabled": false}, "patterns": {"enabled": false}},
        "intervals": {"task_check": 60},
        "alerters": {
            "notification": {"enabled": false},
            "webhook": {"enabled": true, "min_priority": "low", "url": "http://127.0.0.1:9/"},
        },
    }));
    home
}

fn overdue(home: &Home, id: &str) {
    home.tasks(&format!(
        "INSERT INTO tasks (id, title, status, due_date, domain, source)
         VALUES ('{id}', 'Task {id}', 'active', '2026-01-01', 'work', 'manual')"
    ));
}

#[tokio::test(start_paused = true)]
async fn check_counts_decisions_and_deliveries() {
    let bench = Bench::start_with(home(), "09:00", Scripted::new(Weather::Fine).alone());
    pass(2 * MINUTE + 1).await;
    bench.home.tasks("UPDATE tasks SET status = 'done'");
    pass(MINUTE).await;
    let text = bench.scraped();
    assert_eq!(value(&text, r#"operator_checks_total{monitor="tasks",status="ok"}"#), Some(4.0));
    assert_eq!(value(&text, r#"operator_check_duration_seconds_count{monitor="tasks"}"#), Some(4.0));
    assert_eq!(
        series(&text, "operator_alerts_total"),
        [
            r#"operator_alerts_total{rule="task:deadline_overdue",priority="high",decision="deliver",reason="first"} 1"#,
            r#"operator_alerts_total{rule="task:deadline_overdue",priority="high",decision="resolve",reason="resolved"} 1"#,
            r#"operator_alerts_total{rule="task:deadline_overdue",priority="high",decision="suppress",reason="duplicate"} 2"#,
        ]
    );
    let delivered = value(&text, r#"operator_deliveries_total{channel="webhook",outcome="delivered"}"#);
    assert_eq!(delivered, Some(2.0), "the new alert and its resolve");
}

#[rstest]
#[case(Weather::Fine, "delivered")]
#[case(Weather::Slow(3), "delivered")]
#[case(Weather::ConnectionRefused, "retryable")]
#[case(Weather::Status429(60), "retryable")]
#[case(Weather::Status500 { shown: false }, "unconfirmed")]
#[case(Weather::Mute { shown: true }, "unconfirmed")]
#[case(Weather::Offline, "offline")]
#[case(Weather::Status400, "permanent")]
#[tokio::test(start_paused = true)]
async fn delivery_attempt_counts_by_outcome(#[case] weather: Weather, #[case] outcome: &str) {
    let channel = Scripted::new(weather);
    let bench = Bench::start_with(home(), "09:00", channel.alone());
    pass(20 * MINUTE).await;
    let text = bench.scraped();
    let attempts = channel.tries();
    // An attempt of the last seconds may still run.
    let finished = attempts.iter().filter(|attempt| attempt.at < (20 * MINUTE) as f64 - 10.0).count();
    assert!(finished > 0, "no attempt");
    let counted = series(&text, "operator_deliveries_total").into_iter().filter(|series| !series.ends_with(" 0"));
    let counted: Vec<_> = counted.collect();
    let series = |times| format!(r#"operator_deliveries_total{{channel="webhook",outcome="{outcome}"}} {times}"#);
    assert!(
        (finished..=attempts.len()).any(|times| counted == [series(times)]),
        "{counted:?}: {finished} to {}",
        attempts.len()
    );
}

#[tokio::test(start_paused = true)]
async fn delivery_duration_is_observed() {
    let bench = Bench::start_with(home(), "09:00", Scripted::new(Weather::Slow(3)).alone());
    pass(MINUTE).await;
    let text = bench.scraped();
    let within = |seconds: &str| {
        let series = format!(r#"operator_delivery_duration_seconds_bucket{{channel="webhook",le="{seconds}"}}"#);
        value(&text, &series)
    };
    assert_eq!(["1", "5", "+Inf"].map(within), [Some(0.0), Some(1.0), Some(1.0)]);
}

#[tokio::test(start_paused = true)]
async fn unrecorded_check_is_not_counted() {
    let bench = Bench::start_after(home(), "09:00", |_| {});
    pass(1).await;
    overdue(&bench.home, "b");
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    bench.home.database().execute_batch(full).unwrap();
    let before = bench.scraped();
    pass(2 * MINUTE).await;
    assert_eq!(counted(&bench.scraped()), counted(&before));
    bench.home.database().execute_batch("DROP TRIGGER full").unwrap();
    pass(2 * MINUTE).await;
    let delivered =
        r#"operator_alerts_total{rule="task:deadline_overdue",priority="high",decision="deliver",reason="first"}"#;
    assert_eq!(value(&bench.scraped(), delivered), Some(2.0), "each alert once");
}

#[tokio::test(start_paused = true)]
async fn dry_run_decision_is_not_counted() {
    let bench = Bench::start_with(home(), "09:00", Scripted::new(Weather::Fine).alone());
    pass(1).await;
    assert!(bench.ask(Command::DryRun { on: true }).await.ok);
    let before = bench.scraped();
    overdue(&bench.home, "b");
    assert!(bench.ask(Command::RunNow).await.ok);
    let after = bench.scraped();
    assert_eq!(counted(&after), counted(&before));
    assert_eq!(value(&after, "operator_dry_run"), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn samples_hold_no_personal_text() {
    let home = Home::new();
    home.set(json!({"alerters": {"webhook": {"enabled": true, "min_priority": "low", "url": "http://127.0.0.1:9/"}}}));
    let channel = Scripted::new(Weather::Fine);
    let bench = Bench::start_with(home, "09:30", channel.alone());
    pass(MINUTE).await;
    assert!(!channel.tries().is_empty(), "nothing was sent");
    let text = bench.scraped();
    assert_eq!(promtool(&text), (true, String::new()));
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let samples = samples.join("\n");
    let texts = personal_texts(&bench.home);
    assert!(texts.len() > 30, "too few texts: {texts:?}");
    for words in texts {
        assert!(!samples.contains(&words), "{words:?} is in\n{samples}");
    }
}

/// Entities, titles and messages of the journal; titles of tasks and commitments.
fn personal_texts(home: &Home) -> Vec<String> {
    let all = |db: rusqlite::Connection, sql: &str| -> Vec<String> {
        let mut rows = db.prepare(sql).unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let keys = all(home.database(), "SELECT key FROM journal");
    let entities = keys.iter().filter_map(|key| key.splitn(3, ':').nth(2)).map(str::to_owned);
    let texts = all(home.database(), "SELECT title FROM journal UNION SELECT message FROM journal");
    let state_store = rusqlite::Connection::open(home.path("foreign/state.db")).unwrap();
    entities
        .chain(texts)
        .chain(all(state_store, "SELECT title FROM tasks UNION SELECT title FROM commitments"))
        .collect()
}

/// The lines of all counters.
fn counted(text: &str) -> Vec<&str> {
    let names = ["operator_checks_total", "operator_alerts_total", "operator_deliveries_total"];
    names.iter().flat_map(|name| series(text, name)).collect()
}
