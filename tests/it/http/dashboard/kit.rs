//! Pages to look at, and looking at them.

use std::collections::BTreeMap;

use axum::extract::Query as FromAddress;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use operator::cli::demo::{health, tasks};
use operator::core::alert::{Alert, AlertKey, Facts, Monitor, Priority};
use operator::core::channel::Channel;
use operator::core::facts::HealthDay;
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::core::status::{OpenAlert, Status};
use operator::http::dashboard::{Query, page};
use operator::store::task_snapshots::SnapshotDiff;
use operator::store::{CheckCommit, RetentionPolicy, Store};
use serde_json::json;

use crate::support::facts::date;
use crate::support::home::Home;

/// Five past nine on a Friday in Chicago.
pub(super) fn now() -> ZonedDateTime {
    "2026-11-20T09:05[America/Chicago]".parse().unwrap()
}

/// The demo's person after a week of real checks, as the command line would show it.
pub(super) fn lived() -> (Home, Status, Store) {
    let today = date("2026-11-20");
    let home = Home::on(today, "America/Chicago");
    let (cache, state) = (home.path("foreign/oura-health.db"), home.path("foreign/state.db"));
    desk_of(&state, today);
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

fn desk_of(path: &std::path::Path, today: jiff::civil::Date) {
    std::fs::remove_file(path).unwrap();
    tasks::write(path, today).unwrap();
}

/// The snapshot of an engine that has nothing to say.
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
pub(super) fn shown(status: &Status, store: &Store, address: &str) -> String {
    page(status, store, &query(address), &now()).unwrap()
}

/// The query of an address, as the server reads it.
pub(super) fn query(address: &str) -> Query {
    FromAddress::<Query>::try_from_uri(&address.parse().unwrap()).unwrap().0
}

/// What stands between the two, which must be there.
pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after:?} after {before:?}")).0
}

/// A part of the page by its id.
pub(super) fn part<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, inside) = between(page, &format!("<section id=\"{id}\""), "</section>").split_once('>').unwrap();
    inside
}

/// The words on the page as they would be read, without its markup.
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

/// A verdict, made `ago` before now.
pub(super) fn verdict(key: &str, title: &str, decision: Decision, reason: Reason) -> PolicyDecision {
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

/// What a snapshot says of an alert.
pub(super) fn open(key: &str, title: &str, priority: Priority) -> OpenAlert {
    let since = now().timestamp() - SignedDuration::from_hours(2);
    let key: AlertKey = key.parse().unwrap();
    OpenAlert { key, priority, title: title.into(), since, acknowledged: false, snoozed_until: None }
}

/// Record a check.
pub(super) fn commit(
    store: &mut Store,
    at: Timestamp,
    verdicts: &[PolicyDecision],
    days: &[HealthDay],
    updates: &[SnapshotDiff],
) {
    let memory = store.incident_state().unwrap();
    let found = verdicts.iter().filter(|verdict| verdict.decision != Decision::Resolve);
    let record = CheckCommit {
        at,
        fired_keys: &found.map(|verdict| verdict.alert.key.clone()).collect(),
        decisions: verdicts,
        incident_state: &memory,
        health_days: days,
        rest_mode: None,
        snapshot_diffs: updates,
        aliases: None,
        circuits: &BTreeMap::new(),
        monitors: &BTreeMap::new(),
        is_final: true,
        retention: RetentionPolicy { journal_days: 400, history_days: 3660 },
    };
    store.commit(&record).unwrap();
}
