//! What `/health` says for every state that Operator can be in.

use jiff::{SignedDuration, Timestamp};
use operator::core::audit::Audit;
use operator::core::status::Status;
use operator::http::Health;
use rstest::rstest;
use serde_json::{Value, json};

fn now() -> Timestamp {
    "2026-11-20T14:06:00Z".parse().unwrap()
}

fn fine() -> Status {
    serde_json::from_value(json!({
        "running": true, "pid": 1, "last_run": "2026-11-20T14:05:00Z", "next_run": "2026-11-20T14:20:00Z",
        "run_count": 1, "total_alerts": 0, "uptime_seconds": 60, "uptime_start": "2026-11-20T14:05:00Z",
        "dry_run": false, "paused": true, "paused_until": null, "is_quiet_hours": true, "enabled_monitors": [],
        "monitor_states": {"health": {"last_check": "2026-11-20T14:05:00Z", "duration_ms": 3, "alerts_generated": 1,
            "status": "failed", "source": null, "reason": "Ada's ring is in the drawer"}},
        "circuit_states": {"oura": "closed", "workos": "open"}, "open_alerts": 1,
        "open": [{"key": "task:deadline_overdue:passport", "priority": "high", "title": "Renew the passport",
            "since": "2026-11-20T09:00:00Z", "acknowledged": false, "snoozed_until": null}],
        "dedup_cache_size": 0, "outbox": {"telegram": {"pending": 3, "failed": 1}},
        "config": {"paths": {"state_dir": "/home/ada"}}, "warnings": ["something about Ada"],
        "config_error": "config.yaml:3:1: no", "http": {"address": "127.0.0.1:8765", "trouble": null},
    }))
    .unwrap()
}

fn audit(delivered: u64, unaccounted: &[&str]) -> Audit {
    Audit {
        at: now(),
        fired: 21,
        delivered,
        pending: 2,
        suppressed: 3,
        held: 4,
        coalesced: 5,
        failed: 6,
        unaccounted: unaccounted.iter().map(|key| key.parse().unwrap()).collect(),
        unaccounted_count: unaccounted.len() as u64,
    }
}

fn after(seconds: i64) -> Option<Timestamp> {
    Some(now() + SignedDuration::from_secs(seconds))
}

const STUCK: &str = "No check was made within twice its interval.";
const DATABASE: &str = "The database fails.";
const ASTRAY: &str = "The self-audit does not add up.";
const STOPPED: &str = "The engine has stopped.";

#[rstest]
#[case::fine(fine(), true, &[])]
#[case::a_check_is_due(Status { check_overdue_at: after(1), ..fine() }, true, &[])]
#[case::to_the_moment(Status { check_overdue_at: after(0), ..fine() }, true, &[])]
#[case::no_check_in_time(Status { check_overdue_at: after(-1), ..fine() }, true, &[STUCK])]
#[case::no_check_yet(Status { last_run: None, next_run: None, check_overdue_at: after(60), ..fine() }, true, &[])]
#[case::no_check_ever(Status { last_run: None, check_overdue_at: after(-60), ..fine() }, true, &[STUCK])]
#[case::database(Status { database_error: Some("/home/ada/operator.db: disk full".into()), ..fine() }, true, &[DATABASE])]
#[case::audit_adds_up(Status { audit: Some(audit(1, &[])), ..fine() }, true, &[])]
#[case::too_few(Status { audit: Some(audit(0, &[])), ..fine() }, true, &[ASTRAY])]
#[case::too_many(Status { audit: Some(audit(2, &[])), ..fine() }, true, &[ASTRAY])]
#[case::one_for_another(Status { audit: Some(audit(1, &["health:hrv_low"])), ..fine() }, true, &[ASTRAY])]
#[case::stopped(fine(), false, &[STOPPED])]
#[case::everything(
    Status { check_overdue_at: after(-1), database_error: Some("no".into()), audit: Some(audit(0, &[])), ..fine() },
    false,
    &[STOPPED, STUCK, DATABASE, ASTRAY]
)]
fn health_by_the_snapshot(#[case] status: Status, #[case] runs: bool, #[case] problems: &[&str]) {
    let health = serde_json::to_value(Health::of(Some(&status), runs, now())).unwrap();
    assert_eq!(health["status"], if problems.is_empty() { "ok" } else { "failing" });
    assert_eq!(health["problems"], json!(problems));
    assert_eq!(health["last_run"], json!(status.last_run));
    assert_eq!(health["next_run"], json!(status.next_run));
    assert_eq!(health["circuits"], json!({"oura": "closed", "workos": "open"}));
    let audit = status.audit.as_ref().map(|audit| json!({"at": now(), "is_consistent": audit.is_consistent()}));
    assert_eq!(health["audit"], json!(audit));
    let text = health.to_string().to_lowercase();
    for personal in ["passport", "ada", "drawer", "telegram", "hrv", "config", "/home"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
}

#[rstest]
#[case(true)]
#[case(false)]
fn before_it_has_said_anything_nothing_is_promised(#[case] runs: bool) {
    let health = serde_json::to_value(Health::of(None, runs, now())).unwrap();
    assert_eq!(health["status"], "failing");
    assert_eq!(health["problems"], json!(["The engine has not said anything yet."]));
    assert_eq!((&health["last_run"], &health["circuits"]), (&Value::Null, &json!({})));
}
