//! Gauges of a snapshot.

use jiff::Timestamp;
use operator::core::status::Status;
use operator::telemetry::metrics::Metrics;
use rstest::rstest;
use serde_json::{Value, json};

use super::{series, value};

fn now() -> Timestamp {
    "2026-11-20T14:06:00Z".parse().unwrap()
}

/// A snapshot of an engine that has just started, with these keys changed.
pub(super) fn status(change: Value) -> Status {
    let mut status = json!({
        "running": true, "pid": 1, "last_run": null, "next_run": null, "run_count": 0, "total_alerts": 0,
        "uptime_seconds": 60, "uptime_start": "2026-11-20T14:05:00Z", "dry_run": false, "paused": false,
        "paused_until": null, "is_quiet_hours": false, "enabled_monitors": [], "monitor_states": {},
        "circuit_states": {}, "open_alerts": 0, "dedup_cache_size": 0, "outbox": {}, "config": {}, "warnings": [],
    });
    for (key, value) in change.as_object().unwrap() {
        status[key] = value.clone();
    }
    serde_json::from_value(status).unwrap()
}

/// A snapshot with a value for every gauge.
pub(super) fn full() -> Value {
    json!({
        "monitor_states": {"tasks": {"last_check": "2026-11-20T14:05:30Z", "duration_ms": 3, "alerts_generated": 1,
                                     "status": "ok", "source": "state_store", "reason": null}},
        "circuit_states": {"oura": "half_open", "workos": "closed"},
        "sources": {"oura": {"circuit": "half_open", "as_of": "2026-11-20T12:06:00Z", "next_try": null, "trouble": null}},
        "open_alerts": 3, "unanswered_alerts": 2,
        "outbox": {"notification": {"pending": 0, "failed": 1}, "telegram": {"pending": 4, "failed": 0}},
        "audit": {"at": "2026-11-20T14:05:00Z", "fired": 21, "delivered": 1, "pending": 2, "suppressed": 3, "held": 4,
                  "coalesced": 5, "failed": 6, "unaccounted": [], "unaccounted_count": 0},
    })
}

fn scraped(change: Value) -> String {
    Metrics::new().encode(Some(&status(change)), now())
}

#[rstest]
#[case::started(json!({}), "operator_start_time_seconds", &[" 1795183500"])]
#[case::never_checked(json!({}), "operator_last_check_timestamp_seconds", &[])]
#[case::checked(full(), "operator_last_check_timestamp_seconds", &[r#"{monitor="tasks"} 1795183530"#])]
#[case::circuits(full(), "operator_circuit_state", &[
    r#"{source="oura",state="closed"} 0"#,
    r#"{source="oura",state="half_open"} 1"#,
    r#"{source="oura",state="open"} 0"#,
    r#"{source="workos",state="closed"} 1"#,
    r#"{source="workos",state="half_open"} 0"#,
    r#"{source="workos",state="open"} 0"#,
])]
#[case::data_age(full(), "operator_data_age_seconds", &[r#"{source="oura"} 7200"#])]
#[case::age_unknown(
    json!({"sources": {"oura": {"circuit": "closed", "as_of": null, "next_try": null, "trouble": null}}}),
    "operator_data_age_seconds", &[]
)]
#[case::outbox(full(), "operator_outbox_messages", &[
    r#"{channel="notification",state="failed"} 1"#,
    r#"{channel="notification",state="pending"} 0"#,
    r#"{channel="telegram",state="failed"} 0"#,
    r#"{channel="telegram",state="pending"} 4"#,
])]
#[case::open(full(), "operator_open_alerts", &[" 3"])]
#[case::unacknowledged(full(), "operator_unacknowledged_alerts", &[" 2"])]
#[case::none_open(json!({}), "operator_open_alerts", &[" 0"])]
#[case::not_paused(json!({}), "operator_paused", &[" 0"])]
#[case::paused(json!({"paused": true}), "operator_paused", &[" 1"])]
#[case::quiet(json!({"is_quiet_hours": true}), "operator_quiet", &[" 1"])]
#[case::dry(json!({"dry_run": true}), "operator_dry_run", &[" 1"])]
#[case::outcomes(full(), "operator_audit_alerts", &[
    r#"{outcome="coalesced"} 5"#,
    r#"{outcome="delivered"} 1"#,
    r#"{outcome="failed"} 6"#,
    r#"{outcome="held"} 4"#,
    r#"{outcome="pending"} 2"#,
    r#"{outcome="suppressed"} 3"#,
])]
#[case::fired(full(), "operator_audit_fired_alerts", &[" 21"])]
#[case::is_consistent(full(), "operator_audit_consistent", &[" 1"])]
#[case::no_audit_yet(json!({}), "operator_audit_consistent", &[])]
#[case::no_audit_no_outcomes(json!({}), "operator_audit_alerts", &[])]
fn gauge_shows_snapshot_value(#[case] change: Value, #[case] name: &str, #[case] expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|rest| format!("{name}{rest}")).collect();
    assert_eq!(series(&scraped(change), name), expected);
}

#[test]
fn inconsistent_audit_sets_its_gauges() {
    let mut change = full();
    change["audit"]["fired"] = json!(22);
    change["audit"]["unaccounted_count"] = json!(1);
    let text = scraped(change);
    let gauge = |name| value(&text, name);
    assert_eq!((gauge("operator_audit_consistent"), gauge("operator_audit_unaccounted_keys")), (Some(0.0), Some(1.0)));
}

#[test]
fn missing_snapshot_omits_its_gauges() {
    let text = Metrics::new().encode(None, now());
    let names = |line: &str| line.split(['{', ' ']).next().unwrap().to_owned();
    let mut names: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(names).collect();
    names.retain(|name| name != "process_resident_memory_bytes"); // known on Linux only
    names.dedup();
    assert_eq!(names, ["operator_build_info", "operator_checks_total", "operator_deliveries_total"]);
}

#[cfg(target_os = "linux")]
#[test]
fn resident_memory_is_plausible() {
    let bytes = value(&scraped(json!({})), "process_resident_memory_bytes").expect("a value");
    assert!((1e6..1e10).contains(&bytes), "{bytes}");
}
