//! The commands on an old database: their JSON, in names and values.

use std::fs;

use serde_json::{Value, json};

use super::fixture::{Fixture, NEXT_CHECK};
use super::golden::{compare, object, shape, stable, without_prose};

/// As far back as the fixture goes, whenever the test runs.
const EVER: &str = "5000w";

/// Keys with every state of a message between them.
const KEYS: [&str; 5] = [
    "health:readiness_low",
    "task:deadline_overdue:budget",
    "task:deadline_overdue:home.md#buy_the_tickets",
    "task:deadline_overdue:launch",
    "task:deadline_overdue:permit",
];

#[test]
fn old_database_shows_its_content() {
    let fixture = Fixture::new();
    for (name, arguments) in [
        ("alerts.json", &["alerts"][..]),
        ("alerts_all.json", &["alerts", "--all"]),
        ("journal.json", &["journal", "--since", EVER]),
    ] {
        compare(name, &stable(&fixture, &fixture.json(arguments)));
    }
    let stories = KEYS.map(|key| (key.to_owned(), stable(&fixture, &fixture.json(&["why", key]))));
    compare("why.json", &object(stories));
}

#[test]
fn old_database_shows_its_status() {
    let fixture = Fixture::new();
    let mut status = stable(&fixture, &fixture.json(&["--status"]));
    // The time of day decides on it.
    assert!(status["is_quiet_hours"].is_boolean());
    status["is_quiet_hours"] = json!("<boolean>");
    compare("status.json", &status);
}

#[test]
fn old_database_passes_an_integrity_check() {
    let fixture = Fixture::new();
    fixture.json(&["--once", "--at", NEXT_CHECK]);
    let found: String =
        fixture.home.database().query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(found, "ok");
    let audit = &fixture.json(&["--status"])["audit"];
    assert_eq!(audit[super::golden::today(&[super::Kind::Field], "astray_count")], 0, "{audit:#}");
}

#[test]
fn dry_run_reports_a_check_and_writes_nothing() {
    let fixture = Fixture::new();
    let before = fixture.home.everything();
    let report = fixture.json(&["--once", "--dry-run", "--at", NEXT_CHECK]);
    assert!(before == fixture.home.everything());
    assert!(fixture.requests().is_empty() && fixture.told().is_empty());
    compare("once_dry_run.json", &without_prose(&stable(&fixture, &report)));
}

#[test]
fn changes_are_answered_and_kept() {
    let fixture = Fixture::new();
    let mut answers = Vec::new();
    for arguments in [
        &["ack", "health:readiness_low"][..],
        &["ack", "health:nothing_such"],
        &["ack", "task:deadline_overdue:visit"],
        &["snooze", "exec:disk", "2d"],
        &["pause"],
        &["pause", "1h"],
        &["quiet", "on"],
        &["quiet", "off"],
        &["reset-circuit", "exec:broken"],
        &["disconnect", "oura"],
        &["why", "health:nothing_such"],
    ] {
        let run = fixture.run(arguments);
        let out = if run.out.is_empty() { Value::Null } else { run.json() };
        answers.push((arguments.join(" "), json!({"code": run.code, "out": without_prose(&stable(&fixture, &out))})));
    }
    compare("changes.json", &object(answers));
    let status = stable(&fixture, &fixture.json(&["--status"]));
    let kept = ["paused", "paused_until", "open", "circuit_states"].map(|name| (name.into(), status[name].clone()));
    compare("changes_kept.json", &object(kept));
    let why = stable(&fixture, &fixture.json(&["why", "health:readiness_low"]));
    assert_eq!(why["incident"]["acknowledged"], true);
}

#[test]
fn check_names_every_source_and_channel() {
    let fixture = Fixture::new();
    let run = fixture.run(&["check"]);
    let lines = without_prose(&stable(&fixture, &run.json()));
    compare("check.json", &json!({"code": run.code, "out": lines}));
}

#[test]
fn remaining_commands_keep_their_fields() {
    let fixture = Fixture::new();
    let login_item = shape(&fixture.json(&["login-item", "status"]));
    let test_alert = without_prose(&stable(&fixture, &fixture.json(&["test-alert", "webhook"])));
    let run_now = shape(&fixture.json(&["run-now"]));
    compare(
        "remaining.json",
        &json!({"login-item status": login_item, "test-alert webhook": test_alert, "run-now": run_now}),
    );
}

#[test]
fn state_file_keeps_its_fields() {
    let fixture = Fixture::new();
    fixture.json(&["--once", "--at", NEXT_CHECK]);
    let text = fs::read_to_string(fixture.home.path("state/operator_state.json")).unwrap();
    compare("operator_state.json", &without_prose(&stable(&fixture, &serde_json::from_str(&text).unwrap())));
}
