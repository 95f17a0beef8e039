//! Counters of a running engine.

use operator::engine::commands::Command;
use rstest::rstest;
use serde_json::json;

use super::text::promtool;
use super::{series, value};
use crate::support::engine_harness::{EngineHarness, pass};
use crate::support::fake_channel::{Behavior, FakeChannel};
use crate::support::home::Home;

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
    let harness = EngineHarness::start_with_alerters(home(), "09:00", FakeChannel::new(Behavior::Accept).as_alerters());
    pass(2 * MINUTE + 1).await;
    harness.home.tasks("UPDATE tasks SET status = 'done'");
    pass(MINUTE).await;
    let text = harness.metrics_text();
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
#[case(Behavior::Accept, "delivered")]
#[case(Behavior::Slow(3), "delivered")]
#[case(Behavior::ConnectionRefused, "retryable")]
#[case(Behavior::Status429(60), "retryable")]
#[case(Behavior::Status500 { shown: false }, "unconfirmed")]
#[case(Behavior::NoAnswer { shown: true }, "unconfirmed")]
#[case(Behavior::Offline, "offline")]
#[case(Behavior::Status400, "permanent")]
#[tokio::test(start_paused = true)]
async fn delivery_attempt_counts_by_outcome(#[case] behavior: Behavior, #[case] outcome: &str) {
    let channel = FakeChannel::new(behavior);
    let harness = EngineHarness::start_with_alerters(home(), "09:00", channel.as_alerters());
    pass(20 * MINUTE).await;
    let text = harness.metrics_text();
    let attempts = channel.attempts();
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
    let harness =
        EngineHarness::start_with_alerters(home(), "09:00", FakeChannel::new(Behavior::Slow(3)).as_alerters());
    pass(MINUTE).await;
    let text = harness.metrics_text();
    let within = |seconds: &str| {
        let series = format!(r#"operator_delivery_duration_seconds_bucket{{channel="webhook",le="{seconds}"}}"#);
        value(&text, &series)
    };
    assert_eq!(["1", "5", "+Inf"].map(within), [Some(0.0), Some(1.0), Some(1.0)]);
}

#[tokio::test(start_paused = true)]
async fn unrecorded_check_is_not_counted() {
    let harness = EngineHarness::start_prepared(home(), "09:00", |_| {});
    pass(1).await;
    overdue(&harness.home, "b");
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    harness.home.database().execute_batch(full).unwrap();
    let before = harness.metrics_text();
    pass(2 * MINUTE).await;
    assert_eq!(counted(&harness.metrics_text()), counted(&before));
    harness.home.database().execute_batch("DROP TRIGGER full").unwrap();
    pass(2 * MINUTE).await;
    let delivered =
        r#"operator_alerts_total{rule="task:deadline_overdue",priority="high",decision="deliver",reason="first"}"#;
    assert_eq!(value(&harness.metrics_text(), delivered), Some(2.0), "each alert once");
}

#[tokio::test(start_paused = true)]
async fn dry_run_decision_is_not_counted() {
    let harness = EngineHarness::start_with_alerters(home(), "09:00", FakeChannel::new(Behavior::Accept).as_alerters());
    pass(1).await;
    assert!(harness.request(Command::DryRun { on: true }).await.ok);
    let before = harness.metrics_text();
    overdue(&harness.home, "b");
    assert!(harness.request(Command::RunNow).await.ok);
    let after = harness.metrics_text();
    assert_eq!(counted(&after), counted(&before));
    assert_eq!(value(&after, "operator_dry_run"), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn samples_hold_no_personal_text() {
    let home = Home::new();
    home.set(json!({"alerters": {"webhook": {"enabled": true, "min_priority": "low", "url": "http://127.0.0.1:9/"}}}));
    let channel = FakeChannel::new(Behavior::Accept);
    let harness = EngineHarness::start_with_alerters(home, "09:30", channel.as_alerters());
    pass(MINUTE).await;
    assert!(!channel.attempts().is_empty(), "nothing was sent");
    let text = harness.metrics_text();
    assert_eq!(promtool(&text), (true, String::new()));
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let samples = samples.join("\n");
    let texts = personal_texts(&harness.home);
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
