//! The report of `/health`: whether Operator works, without personal data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::core::circuit::CircuitState;
use crate::core::status::Status;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct HealthReport {
    pub(super) status: HealthStatus,
    problems: Vec<&'static str>,
    last_run: Option<Timestamp>,
    next_run: Option<Timestamp>,
    /// By source.
    circuits: BTreeMap<String, CircuitState>,
    /// None before the first self-audit.
    audit: Option<AuditResult>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum HealthStatus {
    Ok,
    Failing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct AuditResult {
    at: Timestamp,
    is_consistent: bool,
}

impl HealthReport {
    pub(super) fn new(status: Option<&Status>, engine_runs: bool, now: Timestamp) -> Self {
        let problems = find_problems(status, engine_runs, now);
        let audit = status.and_then(|status| status.audit.as_ref());
        Self {
            status: if problems.is_empty() { HealthStatus::Ok } else { HealthStatus::Failing },
            problems,
            last_run: status.and_then(|status| status.last_run),
            next_run: status.and_then(|status| status.next_run),
            circuits: status.map(|status| status.circuit_states.clone()).unwrap_or_default(),
            audit: audit.map(|audit| AuditResult { at: audit.at, is_consistent: audit.is_consistent() }),
        }
    }
}

fn find_problems(status: Option<&Status>, engine_runs: bool, now: Timestamp) -> Vec<&'static str> {
    let Some(status) = status else { return vec!["The engine has not reported yet."] };
    let overdue = status.check_overdue_at.is_some_and(|overdue| overdue < now);
    let inconsistent = status.audit.as_ref().is_some_and(|audit| !audit.is_consistent());
    let problems = [
        (!engine_runs, "The engine has stopped."),
        (overdue, "No check ran within twice its interval."),
        (status.database_error.is_some(), "The database fails."),
        (inconsistent, "The self-audit is inconsistent."),
    ];
    problems.into_iter().filter(|(applies, _)| *applies).map(|(_, problem)| problem).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::SignedDuration;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::core::audit::Audit;

    fn now() -> Timestamp {
        "2026-11-20T14:06:00Z".parse().unwrap()
    }

    fn healthy() -> Status {
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

    /// 21 alerts fired; it is consistent with one delivered and nothing unaccounted.
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

    const OVERDUE: &str = "No check ran within twice its interval.";
    const DATABASE: &str = "The database fails.";
    const INCONSISTENT: &str = "The self-audit is inconsistent.";
    const STOPPED: &str = "The engine has stopped.";

    #[rstest]
    #[case::healthy(healthy(), true, &[])]
    #[case::check_due(Status { check_overdue_at: after(1), ..healthy() }, true, &[])]
    #[case::check_due_now(Status { check_overdue_at: after(0), ..healthy() }, true, &[])]
    #[case::check_overdue(Status { check_overdue_at: after(-1), ..healthy() }, true, &[OVERDUE])]
    #[case::first_check_due(Status { last_run: None, next_run: None, check_overdue_at: after(60), ..healthy() }, true, &[])]
    #[case::first_check_overdue(Status { last_run: None, check_overdue_at: after(-60), ..healthy() }, true, &[OVERDUE])]
    #[case::database(Status { database_error: Some("/home/ada/operator.db: disk full".into()), ..healthy() }, true, &[DATABASE])]
    #[case::consistent(Status { audit: Some(audit(1, &[])), ..healthy() }, true, &[])]
    #[case::too_few(Status { audit: Some(audit(0, &[])), ..healthy() }, true, &[INCONSISTENT])]
    #[case::too_many(Status { audit: Some(audit(2, &[])), ..healthy() }, true, &[INCONSISTENT])]
    #[case::unaccounted(Status { audit: Some(audit(1, &["health:hrv_low"])), ..healthy() }, true, &[INCONSISTENT])]
    #[case::stopped(healthy(), false, &[STOPPED])]
    #[case::everything(
        Status { check_overdue_at: after(-1), database_error: Some("no".into()), audit: Some(audit(0, &[])), ..healthy() },
        false,
        &[STOPPED, OVERDUE, DATABASE, INCONSISTENT]
    )]
    fn report_lists_each_problem(#[case] status: Status, #[case] engine_runs: bool, #[case] problems: &[&str]) {
        let report = serde_json::to_value(HealthReport::new(Some(&status), engine_runs, now())).unwrap();
        assert_eq!(report["status"], if problems.is_empty() { "ok" } else { "failing" });
        assert_eq!(report["problems"], json!(problems));
        assert_eq!(report["last_run"], json!(status.last_run));
        assert_eq!(report["next_run"], json!(status.next_run));
        assert_eq!(report["circuits"], json!({"oura": "closed", "workos": "open"}));
        let audit = status.audit.as_ref().map(|audit| json!({"at": now(), "is_consistent": audit.is_consistent()}));
        assert_eq!(report["audit"], json!(audit));
        let text = report.to_string().to_lowercase();
        for personal in ["passport", "ada", "drawer", "telegram", "hrv", "config", "/home"] {
            assert!(!text.contains(personal), "{personal}: {text}");
        }
    }

    #[rstest]
    #[case(true)]
    #[case(false)]
    fn report_without_snapshot_is_failing(#[case] engine_runs: bool) {
        let report = serde_json::to_value(HealthReport::new(None, engine_runs, now())).unwrap();
        assert_eq!(report["status"], "failing");
        assert_eq!(report["problems"], json!(["The engine has not reported yet."]));
        assert_eq!((&report["last_run"], &report["circuits"]), (&Value::Null, &json!({})));
    }
}
