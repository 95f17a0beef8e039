//! What can be asked and changed without an engine: snooze, ack, pause, resume, reset-circuit, why, alerts, journal, status.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::home::{Home, outcome};

const READINESS: &str = "health:readiness_low";
const PASSPORT: &str = "task:deadline_overdue:passport";

#[test]
fn acknowledged_alert_is_silent_until_resolved() {
    let home = Home::new();
    home.check(&home.at("07:00"));
    let said = home.run(&["ack", READINESS]).ok();
    assert!(said.out.starts_with("Acknowledged: Readiness is low"), "{}", said.out);
    assert_eq!(outcome(&home.check(&home.at("11:30")), READINESS), "suppress acknowledged");
    home.readiness(90);
    assert_eq!(outcome(&home.check(&home.at("11:45")), READINESS), "resolve resolved");
    home.readiness(48);
    assert_eq!(outcome(&home.check(&home.at("12:00")), READINESS), "deliver first", "it came back: that is news");
}

#[test]
fn snoozed_alert_returns_after_its_time() {
    let home = Home::new();
    let now = home.at("12:00");
    home.check(&home.at("09:00"));
    assert!(home.run(&["snooze", PASSPORT, "2d"]).ok().out.starts_with("Snoozed: "), "said in words");
    assert_eq!(outcome(&home.check(&now), PASSPORT), "suppress snoozed");
    assert_eq!(outcome(&home.check(&home.day_at(1, "18:00")), PASSPORT), "suppress snoozed", "its own window is over");
    assert_eq!(outcome(&home.check(&home.day_at(3, "08:00")), PASSPORT), "deliver repeat");
}

#[test]
fn pause_holds_alerts_until_one_digest() {
    let home = Home::new();
    let said = home.run(&["pause", "--json"]).ok().json();
    assert_eq!(said["ok"], true);
    assert_eq!(home.run(&["--status", "--json"]).ok().json()["paused"], true);
    let held = home.check(&home.at("09:05"));
    for alert in held["alerts"].as_array().unwrap() {
        assert_eq!((&alert["decision"], &alert["reason"]), (&json!("hold"), &json!("paused")), "{alert}");
    }
    home.run(&["resume"]).ok();
    assert_eq!(home.run(&["--status", "--json"]).ok().json()["paused"], false);
    let notified = home.check(&home.at("09:20"));
    for alert in notified["alerts"].as_array().unwrap() {
        assert_eq!((&alert["decision"], &alert["reason"]), (&json!("coalesce"), &json!("digest")), "{alert}");
    }
    let messages: i64 =
        home.database().query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).expect("the outbox");
    assert_eq!(messages, 1);
}

#[test]
fn timed_pause_ends_by_itself() {
    let home = Home::new();
    home.run(&["pause", "1h"]).ok();
    let status = home.run(&["--status", "--json"]).ok().json();
    assert!(status["paused"] == true && status["paused_until"].is_string(), "{status}");
    assert_eq!(outcome(&home.check(&home.at("12:00")), READINESS), "hold paused");
    assert_eq!(outcome(&home.check(&home.at("14:30")), READINESS), "coalesce digest");
}

#[test]
fn open_circuit_is_reset_by_command() {
    let home = Home::new();
    // Nobody listens on port 1.
    home.set(json!({"sources": {"workos": {"url": "postgres://ada@127.0.0.1:1/tasks"}}}));
    for time in ["09:00", "09:01", "09:02"] {
        home.check(&home.at(time));
    }
    let left_alone = home.check(&home.at("09:02"));
    assert_eq!(left_alone["circuits"]["workos"], "open");
    let reason = left_alone["monitors"]["tasks"]["reason"].as_str().unwrap();
    assert!(reason.contains("skipped for a while"), "{reason}");
    assert_eq!(home.run(&["--status", "--json"]).ok().json()["circuit_states"]["workos"], "open");
    home.run(&["reset-circuit", "workos"]).ok();
    assert_eq!(home.run(&["--status", "--json"]).ok().json()["circuit_states"]["workos"], "closed");
    let asked = home.check(&home.at("09:02"));
    let reason = asked["monitors"]["tasks"]["reason"].as_str().unwrap();
    assert!(reason.contains("refused"), "asked again: {reason}");
}

#[test]
fn why_lists_decisions_with_reasons() {
    let home = Home::new();
    home.check(&home.at("05:00"));
    home.check(&home.at("07:00"));
    home.check(&home.at("07:15"));
    home.check(&home.at("07:30"));
    let story = home.run(&["why", READINESS, "--json"]).ok().json();
    assert_eq!(story["key"], READINESS);
    assert_eq!(story["incident"]["open"], true);
    let decisions: Vec<(&Value, &Value, &Value)> =
        story["decisions"].as_array().unwrap().iter().map(|d| (&d["decision"], &d["reason"], &d["times"])).collect();
    let expected = [("suppress", "duplicate", 2), ("coalesce", "digest", 1), ("hold", "quiet_hours", 1)]
        .map(|(decision, reason, times)| (json!(decision), json!(reason), json!(times)));
    assert_eq!(decisions, expected.iter().map(|(d, r, t)| (d, r, t)).collect::<Vec<_>>());
    assert_eq!(story["deliveries"][0]["channel"], "notification");
    let words = home.run(&["why", READINESS]).ok().out;
    for part in ["Readiness is low: 48", "coalesce (digest)", "suppress (duplicate) ×2", "quiet hours", "notification"]
    {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[test]
fn alerts_lists_open_and_all() {
    let home = Home::new();
    assert_eq!(home.run(&["alerts"]).ok().out, "Nothing is open.\n");
    assert_eq!(home.run(&["alerts", "--json"]).ok().json(), json!([]));
    home.check(&home.at("09:05"));
    home.readiness(90);
    home.check(&home.at("09:20"));
    let words = |arguments: &[&str]| home.run(arguments).ok().out;
    assert!(!words(&["alerts"]).contains(READINESS));
    assert!(words(&["alerts"]).lines().next().unwrap().starts_with("critical"), "the most urgent first");
    assert!(words(&["alerts", "--all"]).contains(READINESS));
    let all = home.run(&["alerts", "--all", "--json"]).ok().json();
    let (open, resolved): (Vec<&Value>, _) = all.as_array().unwrap().iter().partition(|i| i["open"] == true);
    assert!(resolved.iter().any(|incident| incident["alert"]["key"] == READINESS), "{resolved:#?}");
    assert_eq!(home.open().len(), open.len());
}

#[test]
fn journal_since_limits_the_period() {
    let home = Home::new();
    assert_eq!(home.run(&["journal", "--json"]).ok().json(), json!([]));
    home.check(&home.day_at(-3, "12:00"));
    home.check(&home.at("11:00"));
    let entries = |since: &str| home.run(&["journal", "--since", since, "--json"]).ok().json();
    let (week, day) = (entries("7d"), entries("1d"));
    let count = |entries: &Value| entries.as_array().unwrap().len();
    assert!(count(&week) > count(&day) && count(&day) > 5, "{} and {}", count(&week), count(&day));
    let moments: Vec<&str> = week.as_array().unwrap().iter().map(|e| e["last_at"].as_str().unwrap()).collect();
    assert!(moments.is_sorted_by(|a, b| a >= b), "the newest first: {moments:?}");
    let words = home.run(&["journal"]).ok().out;
    assert_eq!(words.lines().count(), count(&week));
    assert!(words.contains("deliver (first)"), "{words}");
}

#[test]
fn status_without_engine_shows_last_state() {
    let home = Home::new();
    let fresh = home.run(&["--status", "--json"]).ok().json();
    assert_eq!((&fresh["running"], &fresh["run_count"]), (&json!(false), &json!(0)));
    let report = home.check(&home.at("09:05"));
    let status = home.run(&["--status", "--json"]).ok().json();
    assert_eq!((&status["running"], &status["pid"], &status["run_count"]), (&json!(false), &json!(null), &json!(1)));
    assert_eq!(status["total_alerts"], report["alerts"].as_array().unwrap().len());
    assert_eq!(status["monitor_states"]["health"]["status"], "ok");
    assert_eq!(status["enabled_monitors"], json!(["health", "tasks", "patterns"]));
    for key in ["last_run", "next_run", "uptime_seconds", "uptime_start", "dry_run", "paused", "is_quiet_hours"] {
        assert!(status.get(key).is_some(), "{key}: {status:#}");
    }
    for key in ["dedup_cache_size", "outbox", "config", "circuit_states"] {
        assert!(status.get(key).is_some_and(|value| !value.is_null()), "{key}: {status:#}");
    }
    assert!(status["outbox"]["notification"]["pending"].is_u64(), "{status:#}");
    assert!(home.run(&["--status"]).ok().out.contains("not running"));
}

#[rstest]
#[case::ack(&["ack", "task:deadline_overdue:nothing"])]
#[case::snooze(&["snooze", "task:deadline_overdue:nothing", "1h"])]
#[case::why(&["why", "task:deadline_overdue:nothing"])]
fn unknown_key_is_an_error(#[case] arguments: &[&str]) {
    let home = Home::new();
    home.check(&home.at("09:05"));
    assert!(home.run(arguments).failed(1).err.contains("nothing"), "names what was asked for");
}

#[rstest]
#[case::why(&["why", "nothing"])]
#[case::ack(&["ack", "nothing"])]
#[case::snooze(&["snooze", "nothing", "1h"])]
#[case::circuit(&["reset-circuit", "nothing"])]
fn invalid_argument_is_wrong_usage(#[case] arguments: &[&str]) {
    let home = Home::new();
    assert!(home.run(arguments).failed(64).err.contains("nothing"), "names what was asked for");
}
