//! Dashboard pages to test, and helpers that read them.

use std::collections::BTreeMap;

use axum::extract::Query;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use operator::cli::demo::{health, tasks};
use operator::core::alert::{Alert, AlertKey, Facts, Monitor, Priority};
use operator::core::channel::Channel;
use operator::core::facts::HealthDay;
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::core::status::{OpenAlert, Status};
use operator::http::dashboard::{DashboardQuery, render};
use operator::store::task_snapshots::SnapshotDiff;
use operator::store::{CheckCommit, RetentionPolicy, Store};
use serde_json::json;

use crate::support::facts::date;
use crate::support::home::Home;

/// A Friday in Chicago.
pub(super) fn now() -> ZonedDateTime {
    "2026-11-20T09:05[America/Chicago]".parse().unwrap()
}

/// The demo's data after a week of real checks.
pub(super) fn real_week() -> (Home, Status, Store) {
    let today = date("2026-11-20");
    let home = Home::on(today, "America/Chicago");
    let (cache, state) = (home.path("foreign/oura-health.db"), home.path("foreign/state.db"));
    write_tasks(&state, today);
    for days_ago in [6, 4, 2] {
        let day = today - days_ago.days();
        health::write(&cache, day, 60).unwrap();
        home.check(&home.day_at(-days_ago, "17:05"));
        tasks::postpone_report(&state, day, today).unwrap();
    }
    health::write(&cache, today - 1.day(), 60).unwrap();
    home.check(&home.day_at(-1, "23:05"));
    health::write(&cache, today, 60).unwrap();
    home.check(&home.at("09:05"));
    let status = serde_json::from_value(home.run(&["--status", "--json"]).ok().json()).unwrap();
    let store = Store::open_read_only(&home.path("state/operator.db")).unwrap().unwrap();
    (home, status, store)
}

fn write_tasks(path: &std::path::Path, today: jiff::civil::Date) {
    std::fs::remove_file(path).unwrap();
    tasks::write(path, today).unwrap();
}

/// A status without alerts or problems.
pub(super) fn calm() -> Status {
    let at = now().timestamp();
    serde_json::from_value(json!({
        "running": true, "pid": 1, "last_run": at, "next_run": at + SignedDuration::from_mins(15), "run_count": 1,
        "total_alerts": 0, "uptime_seconds": 60, "uptime_start": at, "dry_run": false, "paused": false,
        "paused_until": null, "is_quiet_hours": false, "next_quiet_boundary": "2026-11-21T04:00:00Z",
        "next_morning": "2026-11-21T13:00:00Z", "enabled_monitors": [], "monitor_states": {}, "circuit_states": {},
        "open_alerts": 0, "dedup_cache_size": 0, "outbox": {}, "config": {"quiet_hours": {"enabled": true}}, "warnings": [],
    }))
    .unwrap()
}

/// The page at this address.
pub(super) fn render_page(status: &Status, store: &Store, address: &str) -> String {
    render(status, store, &query(address), &now()).unwrap()
}

/// The query of an address, as the server reads it.
pub(super) fn query(address: &str) -> DashboardQuery {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&address.parse().unwrap()).unwrap();
    DashboardQuery::from_pairs(&pairs)
}

/// The text between the two, which must exist.
pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after:?} after {before:?}")).0
}

/// The inside of a section.
pub(super) fn part<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, inside) = between(page, &format!("<section id=\"{id}\""), "</section>").split_once('>').unwrap();
    inside
}

/// The text without its markup.
pub(super) fn words(markup: &str) -> String {
    let mut text = String::new();
    for piece in markup.split('<') {
        text.push_str(piece.split_once('>').map_or(piece, |(_, words)| words));
        text.push(' ');
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The values of an attribute, in order.
pub(super) fn values(markup: &str, attribute: &str) -> Vec<String> {
    let begin = format!(" {attribute}=\"");
    markup.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

pub(super) fn policy_decision(key: &str, title: &str, decision: Decision, reason: Reason) -> PolicyDecision {
    let alert = Alert {
        key: key.parse().unwrap(),
        priority: Priority::High,
        title: title.into(),
        message: format!("{title} – your usual is 71–84."),
        facts: Facts::from([("limit".into(), json!(65.0)), ("source".into(), json!("oura_cache"))]),
        monitor: Monitor::Health,
        at: now().timestamp(),
        occasion: None,
    };
    PolicyDecision { alert, decision, reason, channels: vec![Channel::Journal, Channel::Notification] }
}

pub(super) fn open_alert(key: &str, title: &str, priority: Priority) -> OpenAlert {
    let since = now().timestamp() - SignedDuration::from_hours(2);
    let key: AlertKey = key.parse().unwrap();
    OpenAlert { key, priority, title: title.into(), since, acknowledged: false, snoozed_until: None }
}

/// Commit a check.
pub(super) fn commit(
    store: &mut Store,
    at: Timestamp,
    decisions: &[PolicyDecision],
    days: &[HealthDay],
    diffs: &[SnapshotDiff],
) {
    let incidents = store.incident_state().unwrap();
    let fired = decisions.iter().filter(|decision| decision.decision != Decision::Resolve);
    let record = CheckCommit {
        at,
        fired_keys: &fired.map(|decision| decision.alert.key.clone()).collect(),
        decisions,
        incident_state: &incidents,
        health_days: days,
        rest_mode: None,
        snapshot_diffs: diffs,
        aliases: None,
        circuits: &BTreeMap::new(),
        monitors: &BTreeMap::new(),
        is_final: true,
        retention: RetentionPolicy { journal_days: 400, history_days: 3660 },
    };
    store.commit(&record).unwrap();
}
