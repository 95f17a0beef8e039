//! `--once`: the report's shape, the clock, and decisions over several checks.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::home::{Home, outcome};

const READINESS: &str = "health:readiness_low";
const LAUNCH: &str = "task:deadline_overdue:launch";

fn is_one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|word| words.contains(&word))
}

fn text_or_null(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| !text.is_empty())
}

#[test]
fn report_json_has_contract_fields() {
    let home = Home::new();
    let at = home.at("09:05");
    let report = home.run(&["--once", "--json", "--dry-run", "--at", &at]).ok().json();
    assert_eq!((&report["at"], &report["dry_run"]), (&json!(at), &json!(true)));
    assert!(report["duration_ms"].is_u64());
    for name in ["health", "tasks", "patterns"] {
        let monitor = &report["monitors"][name];
        assert!(is_one_of(&monitor["status"], &["ok", "skipped", "failed"]), "{name}: {monitor}");
        assert!(monitor["alerts"].is_u64() && monitor["duration_ms"].is_u64(), "{name}: {monitor}");
        let has = |key: &str| monitor.get(key).is_some_and(text_or_null);
        assert!(has("source") && has("reason"), "{name}: {monitor}");
    }
    let alerts = report["alerts"].as_array().unwrap();
    assert!(alerts.len() > 8, "the made-up user has plenty to hear: {report:#}");
    for alert in alerts {
        assert!(is_one_of(&alert["priority"], &["low", "medium", "high", "critical"]), "{alert}");
        assert!(is_one_of(&alert["decision"], &["suppress", "hold", "coalesce", "deliver", "resolve"]), "{alert}");
        assert!(is_one_of(&alert["monitor"], &["health", "tasks", "patterns", "system"]), "{alert}");
        let title = alert["title"].as_str().unwrap();
        assert!((1..=60).contains(&title.chars().count()), "{title}");
        for key in ["key", "message", "reason"] {
            assert!(alert[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {alert}");
        }
        let channels = alert["channels"].as_array().unwrap();
        assert_eq!(channels.first(), Some(&json!("journal")), "{alert}");
        assert!(channels.iter().all(|channel| is_one_of(channel, &["journal", "notification", "telegram"])), "{alert}");
    }
    for circuit in ["oura", "workos"] {
        assert!(is_one_of(&report["circuits"][circuit], &["closed", "open", "half_open"]), "{}", report["circuits"]);
    }
}

#[test]
fn alert_shows_number_range_and_age() {
    let home = Home::new();
    let report = home.check(&home.at("09:05"));
    let alerts = report["alerts"].as_array().unwrap();
    let readiness = alerts.iter().find(|alert| alert["key"] == READINESS).unwrap();
    assert_eq!((&readiness["priority"], &readiness["monitor"]), (&json!("high"), &json!("health")));
    assert_eq!(readiness["channels"], json!(["journal", "notification"]));
    let message = readiness["message"].as_str().unwrap();
    assert!(message.contains("48") && message.contains("usual is") && message.contains("synced"), "{message}");
    assert_eq!(report["monitors"]["health"]["source"], "oura_cache");
    assert_eq!(report["monitors"]["tasks"]["source"], "state_store");
}

#[test]
fn report_text_shows_the_same_alerts() {
    let home = Home::new();
    let run = home.run(&["--once", "--dry-run", "--at", &home.at("09:05")]).ok();
    for part in ["Readiness", "deliver (first)", READINESS, "dry run", "oura_cache", "critical"] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
}

#[test]
fn at_sets_the_clock_of_the_check() {
    let home = Home::new();
    let due = |at: &str| {
        let report = home.run(&["--once", "--json", "--dry-run", "--at", at]).ok().json();
        (report["at"].clone(), outcome(&report, "task:deadline_today:invoice"), outcome(&report, READINESS))
    };
    let early = home.at("08:59");
    assert_eq!(due(&early), (json!(early), "none".into(), "deliver first".into()));
    let later = home.at("09:00");
    assert_eq!(due(&later), (json!(later), "deliver first".into(), "deliver first".into()));
    let tomorrow = home.day_at(1, "12:00");
    assert_eq!(due(&tomorrow), (json!(tomorrow), "none".into(), "none".into()), "no document of that day yet");
}

#[rstest]
#[case::empty(false)]
#[case::after_a_real_check(true)]
fn dry_run_writes_nothing(#[case] checked_before: bool) {
    let home = Home::new();
    if checked_before {
        home.check(&home.at("09:05"));
    }
    let before = home.everything();
    for format in [&["--json"][..], &[]] {
        let at = home.day_at(0, "23:30");
        let arguments = [&["--once", "--dry-run", "--verbose", "--at", &at], format].concat();
        home.run(&arguments).ok();
    }
    let after = home.everything();
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(before == after, "a file has another content");
}

#[test]
fn second_check_sends_nothing_twice() {
    let home = Home::new();
    let first = home.check(&home.at("09:05"));
    let second = home.check(&home.at("09:20"));
    for alert in first["alerts"].as_array().unwrap() {
        let key = alert["key"].as_str().unwrap();
        assert_eq!(outcome(&first, key), "deliver first");
        assert_eq!(outcome(&second, key), "suppress duplicate", "{key}");
    }
    let much_later = home.check(&home.at("13:06"));
    assert_eq!(outcome(&much_later, READINESS), "deliver repeat", "health: 4 hours");
    assert_eq!(outcome(&much_later, LAUNCH), "deliver repeat", "critical: 1 hour");
    assert_eq!(outcome(&much_later, "task:deadline_overdue:passport"), "suppress duplicate", "tasks: 24 hours");
}

#[test]
fn dry_run_does_not_count_as_sent() {
    let home = Home::new();
    home.check(&home.at("06:00"));
    home.run(&["--once", "--dry-run", "--at", &home.at("08:00")]).ok();
    assert_eq!(outcome(&home.check(&home.at("08:01")), READINESS), "coalesce digest");
}

#[test]
fn held_alerts_become_one_morning_digest() {
    let home = Home::new();
    let night = home.check(&home.at("05:00"));
    assert_eq!(outcome(&night, READINESS), "hold quiet_hours");
    assert_eq!(outcome(&night, LAUNCH), "deliver first", "what is critical does not wait");
    assert_eq!(outcome(&home.check(&home.at("05:15")), READINESS), "hold quiet_hours");
    home.tasks("UPDATE tasks SET status = 'done' WHERE id = 'passport'");
    let morning = home.check(&home.at("07:00"));
    assert_eq!(outcome(&morning, READINESS), "coalesce digest");
    assert_eq!(outcome(&morning, "task:deadline_overdue:passport"), "resolve resolved", "no news any more");
    let digests: i64 =
        home.database().query_row("SELECT count(*) FROM outbox WHERE kind = 'digest'", [], |row| row.get(0)).unwrap();
    assert_eq!(digests, 1, "one message a channel");
    assert_eq!(outcome(&home.check(&home.at("07:15")), READINESS), "suppress duplicate");
}

#[test]
fn escalation_passes_the_repeat_window() {
    let home = Home::new();
    home.readiness(60);
    assert_eq!(outcome(&home.check(&home.at("09:05")), READINESS), "deliver first");
    home.readiness(45);
    assert_eq!(outcome(&home.check(&home.at("09:20")), READINESS), "deliver escalated");
    home.readiness(60);
    assert_eq!(outcome(&home.check(&home.at("09:35")), READINESS), "suppress duplicate", "better is no news");
    home.readiness(90);
    assert_eq!(outcome(&home.check(&home.at("09:50")), READINESS), "resolve resolved");
    assert!(!home.open().contains(&READINESS.to_owned()));
}

#[test]
fn alerts_beyond_limit_become_a_digest() {
    let home = Home::new();
    home.set(json!({"deduplication": {"max_alerts_per_run": 1}}));
    let report = home.check(&home.at("09:05"));
    let of = |outcome: &str| {
        let (decision, reason) = outcome.split_once(' ').unwrap();
        let alerts = report["alerts"].as_array().unwrap();
        alerts.iter().filter(|alert| alert["decision"] == decision && alert["reason"] == reason).count()
    };
    let critical = report["alerts"].as_array().unwrap().iter().filter(|alert| alert["priority"] == "critical").count();
    assert_eq!(of("deliver first"), critical + 1, "critical ones are exempt");
    assert_eq!(of("coalesce storm"), report["alerts"].as_array().unwrap().len() - critical - 1);
}
