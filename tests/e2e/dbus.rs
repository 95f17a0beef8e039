//! Banners on a Linux desktop: the built program on a real session bus.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::{Value, json};
use zbus::fdo;

use crate::support::desktop::{Answer, Banner, Desktop, USUAL, silent_bus};
use crate::support::engine::Running;
use crate::support::home::{Home, eventually, finish};

const PASSPORT: &str = "task:deadline_overdue:passport";
const TITLE: &str = "Overdue: Renew the passport";

/// The first number of `stable_id`.
const FIRST_STABLE_ID: u32 = 0x4000_0000;

/// One alert: the passport is overdue.
fn single_alert(home: Home) -> Home {
    home.tasks("DELETE FROM tasks WHERE id <> 'passport'; DELETE FROM commitments");
    home.set(json!({"sources": {"oura": null}}));
    home
}

/// Adds a second alert.
fn add_keys_task(home: &Home) {
    home.tasks(
        "INSERT INTO tasks (id, title, status, priority, due_date, domain, source, created_at, updated_at)
         SELECT 'keys', 'Find the keys', status, priority, due_date, domain, source, created_at, updated_at FROM tasks",
    );
}

fn finish_passport(home: &Home) {
    home.tasks("UPDATE tasks SET status = 'done' WHERE id = 'passport'");
}

/// The deliveries of an alert, newest first; empty before the first check.
fn deliveries(home: &Home, key: &str) -> Vec<Value> {
    let why = home.run(&["why", key, "--json"]);
    if why.err.contains("never seen") {
        return Vec::new();
    }
    why.ok().json()["deliveries"].as_array().expect("a list").clone()
}

fn incident(home: &Home, key: &str) -> Value {
    let alerts = home.run(&["alerts", "--json"]).ok().json();
    let found = alerts.as_array().expect("a list").iter().find(|incident| incident["alert"]["key"] == key);
    found.cloned().unwrap_or_default()
}

/// Waits until the newest message of an alert has this kind and is delivered.
fn wait_until_delivered(home: &Home, key: &str, kind: &str) {
    eventually(kind, || {
        let newest = deliveries(home, key).first().cloned().unwrap_or_default();
        (newest["kind"] == kind && newest["state"] == "delivered").then_some(())
    });
}

/// Silent, without buttons, in the same place, and transient.
fn assert_update_of(update: &Banner, before: &Banner) {
    assert_eq!((update.replaces, update.number), (before.number, before.number), "{update:?}");
    assert_eq!((update.urgency(), update.hint("sound-name"), update.expires_ms), (0, None, -1), "{update:?}");
    assert!(update.is("suppress-sound") && update.is("transient") && update.actions.is_empty(), "{update:?}");
}

#[test]
fn urgency_follows_the_priority() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let home = desktop.home();
    home.run(&["--once"]).ok();

    let critical = service.banner("Commitment overdue: Review the proposal");
    assert_eq!((critical.urgency(), critical.expires_ms), (2, 0), "it stays until it is seen");
    assert_eq!(critical.hint("sound-name").as_deref(), Some("dialog-warning"));
    let high = service.banner("Readiness is low: 48");
    assert_eq!((high.urgency(), high.expires_ms), (1, -1));
    assert_eq!(high.hint("sound-name").as_deref(), Some("message-new-instant"));
    assert!(high.body.starts_with("Readiness 48 – your usual is 7"), "with the range of these days: {high:?}");
    let medium = service.banner("Slept 5 h 12");
    assert_eq!((medium.urgency(), medium.expires_ms, medium.hint("sound-name")), (0, -1, None));
    assert!(medium.is("suppress-sound") && !high.is("suppress-sound") && !critical.is("suppress-sound"));
    assert_eq!(high.hint("category").as_deref(), Some("x-operator.health"));
    assert_eq!(service.banner(TITLE).hint("category").as_deref(), Some("x-operator.task"));

    let mut numbers = BTreeSet::new();
    for banner in service.shown() {
        assert_eq!((banner.app.as_str(), banner.hint("desktop-entry").as_deref()), ("Operator", Some("operator")));
        assert!(banner.replaces >= FIRST_STABLE_ID && numbers.insert(banner.replaces), "one number each: {banner:?}");
        let (acknowledge, snooze) = (banner.callback_data("Acknowledge"), banner.callback_data("Snooze 1 h"));
        assert_eq!(acknowledge.strip_prefix("acknowledge:"), snooze.strip_prefix("snooze:"));
        assert!(!banner.is("transient"), "{banner:?}");
    }
    let sent = deliveries(&home, "health:readiness_low");
    assert_eq!((&sent[0]["channel"], &sent[0]["state"]), (&json!("notification"), &json!("delivered")));
    assert_eq!(sent.len(), 1);
}

#[test]
fn dry_run_and_demo_show_no_banner() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let home = desktop.home();
    home.run(&["--once", "--dry-run"]).ok();
    let mut demo = home.program();
    demo.arg("demo");
    finish(demo).ok();
    assert!(service.shown().is_empty(), "{:?}", service.shown());
}

#[test]
fn server_without_actions_gets_no_buttons() {
    let desktop = Desktop::start();
    let service = desktop.serve(&["body"]);
    let home = single_alert(desktop.home());
    home.run(&["--once"]).ok();
    assert!(service.banner(TITLE).actions.is_empty());
}

#[rstest]
#[case::acknowledge("Acknowledge", "Acknowledged: Overdue")]
#[case::snooze("Snooze 1 h", "Snoozed until")]
fn pressed_button_updates_the_banner(#[case] label: &str, #[case] title: &str) {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let home = single_alert(desktop.home());
    let _engine = Running::start(&home);
    let shown = service.banner(TITLE);
    service.press(&shown, label);
    assert_update_of(&service.banner(title), &shown);
    let incident = incident(&home, PASSPORT);
    if label == "Acknowledge" {
        assert_eq!(incident["acknowledged"], true, "{incident:#}");
        return;
    }
    let until: Timestamp = incident["snoozed_until"].as_str().expect("a moment").parse().unwrap();
    let left = until.duration_since(Timestamp::now());
    assert!(left <= SignedDuration::from_hours(1) && left > SignedDuration::from_mins(58), "{left}");
}

#[test]
fn button_works_after_an_engine_restart() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let home = single_alert(desktop.home());
    let mut first = Running::start(&home);
    let shown = service.banner(TITLE);
    wait_until_delivered(&home, PASSPORT, "alert");
    assert_eq!(first.stop("KILL"), None);
    let second = Running::start(&home);
    // There is no outside sign that the engine listens.
    eventually("it is understood", || {
        service.press(&shown, "Acknowledge");
        (incident(&home, PASSPORT)["acknowledged"] == true).then_some(())
    });
    assert_update_of(&service.banner("Acknowledged"), &shown);
    drop(second);
}

#[test]
fn forged_press_is_ignored() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let home = single_alert(desktop.home());
    add_keys_task(&home);
    let _engine = Running::start(&home);
    let (passport, keys) = (service.banner(TITLE), service.banner("Find the keys"));
    let other = desktop.other_client();
    desktop.forge(&other, &passport.sender, &(passport.number, passport.callback_data("Acknowledge")));
    service.press(&keys, "Acknowledge");
    service.banner("Acknowledged: Overdue: Find the keys");
    assert_eq!(incident(&home, PASSPORT)["acknowledged"], false);
}

#[test]
fn resolve_updates_the_banner_once_silently() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let home = single_alert(desktop.home());
    home.run(&["--once"]).ok();
    let shown = service.banner(TITLE);
    finish_passport(&home);
    // Another process: the banner id comes from the database.
    home.run(&["--once"]).ok();
    assert_update_of(&service.banner("Resolved: Overdue"), &shown);
    home.run(&["--once"]).ok();
    assert_eq!(service.shown().len(), 2);
}

#[test]
fn digest_stays_while_an_alert_is_open() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let home = single_alert(desktop.home());
    add_keys_task(&home);
    home.set(json!({"deduplication": {"max_alerts_per_run": 1}}));
    let _engine = Running::start(&home);
    let shown = service.banner("2 alerts");
    wait_until_delivered(&home, PASSPORT, "digest");
    finish_passport(&home);
    home.run(&["run-now"]).ok();
    let update = service.banner("1 of 2 alerts still hold");
    assert_eq!((update.replaces, update.urgency(), update.is("suppress-sound")), (shown.number, 0, true));
    assert!(!update.is("transient") && update.actions.len() == 4, "{update:?}");
    assert_eq!(update.body, format!("High – Overdue: Find the keys\nHigh – Resolved: {TITLE}"));
    service.press(&update, "Acknowledge");
    eventually("its buttons are obeyed too", || {
        (incident(&home, "task:deadline_overdue:keys")["acknowledged"] == true).then_some(())
    });
}

#[test]
fn closed_banner_does_not_come_back() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let home = single_alert(desktop.home());
    let _engine = Running::start(&home);
    service.close(&service.banner(TITLE));
    finish_passport(&home);
    home.run(&["run-now"]).ok();
    wait_until_delivered(&home, PASSPORT, "resolve");
    assert_eq!(service.shown().len(), 1, "{:?}", service.shown());
}

#[test]
fn pressed_banner_does_not_come_back() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let home = single_alert(desktop.home());
    let _engine = Running::start(&home);
    let shown = service.banner(TITLE);
    // Servers send both signals at once; a fixed order keeps the test deterministic.
    service.close(&shown);
    service.press(&shown, "Acknowledge");
    wait_until_delivered(&home, PASSPORT, "update");
    assert_eq!(service.shown().len(), 1, "{:?}", service.shown());
}

#[rstest]
#[case::markup(USUAL, "&lt;b&gt;R&amp;D&lt;/b&gt;")]
#[case::plain(&["actions", "body"], "<b>R&D</b>")]
fn text_is_shown_unchanged(#[case] capabilities: &'static [&'static str], #[case] bold: &str) {
    let desktop = Desktop::start();
    let service = desktop.serve(capabilities);
    let home = single_alert(desktop.home());
    home.tasks("UPDATE tasks SET title = '<b>R&D</b>' || char(10) || '\"it''s\" שלום \u{1F98A}' || char(7)");
    home.run(&["--once"]).ok();
    let shown = service.banner("Overdue");
    assert_eq!(shown.title, "Overdue: <b>R&D</b> \"it's\" שלום 🦊", "a title is never markup");
    assert!(shown.body.contains(bold) && shown.body.contains("\"it's\" שלום 🦊"), "{shown:?}");
}

#[test]
fn missing_desktop_is_not_an_error() {
    let home = single_alert(Home::new());
    let checked = home.run(&["check"]).ok();
    let line = checked.out.lines().find(|line| line.starts_with("notification"));
    let words: Vec<&str> = line.expect("a line").split_whitespace().collect();
    assert_eq!(words, ["notification", "off", "no", "session", "bus"]);
    home.run(&["--once"]).ok();
    assert_pending(&home, "no session bus");
}

/// The message is pending for this reason and has a next attempt.
fn assert_pending(home: &Home, reason: &str) {
    let sent = deliveries(home, PASSPORT);
    assert_eq!((sent.len(), &sent[0]["state"]), (1, &json!("pending")), "{sent:#?}");
    assert!(sent[0]["reason"].as_str().unwrap().starts_with(reason), "{sent:#?}");
    let channel = home.run(&["--status", "--json"]).ok().json()["channel_states"]["notification"].clone();
    assert!(channel["reason"].as_str().unwrap().starts_with(reason) && channel["next_try"].is_string(), "{channel:#}");
}

#[test]
fn default_bus_socket_is_used() {
    let desktop = Desktop::start();
    let _service = desktop.serve(USUAL);
    let home = Home::new();
    home.variable("XDG_RUNTIME_DIR", desktop.folder().display().to_string());
    assert!(home.run(&["check"]).ok().out.contains("Testshell 46.0 shows banners"));
}

#[test]
fn hanging_bus_is_reported() {
    let home = single_alert(Home::new());
    let (_listener, address) = silent_bus(&home);
    home.variable("DBUS_SESSION_BUS_ADDRESS", address);
    let checked = home.run(&["check"]);
    assert!(checked.code == 1 && checked.out.contains("the session bus does not answer – "), "{checked:?}");
    home.run(&["--once"]).ok();
    assert_pending(&home, "the session bus does not answer");
}

#[test]
fn waiting_message_is_shown_by_a_late_server() {
    let desktop = Desktop::start();
    let home = single_alert(desktop.home());
    let missing = "no notification service on the session bus";
    let checked = home.run(&["check"]);
    assert!(checked.code == 1 && checked.out.contains(&format!("{missing} – start one")), "{checked:?}");
    home.run(&["--once"]).ok();
    assert_pending(&home, missing);
    let service = desktop.serve(USUAL);
    let _engine = Running::start(&home);
    let shown = service.banner(TITLE);
    wait_until_delivered(&home, PASSPORT, "alert");
    service.press(&shown, "Acknowledge");
    service.banner("Acknowledged");
    assert_eq!(service.times(TITLE), 2, "itself and its update: {:?}", service.shown());
}

#[test]
fn new_server_gets_no_old_banner_ids() {
    let desktop = Desktop::start();
    let old = desktop.serve(USUAL);
    let home = single_alert(desktop.home());
    let _engine = Running::start(&home);
    let shown = old.banner(TITLE);
    wait_until_delivered(&home, PASSPORT, "alert");
    old.quit();
    let new = desktop.serve(USUAL);
    desktop.show_as(&desktop.other_client(), "You have mail");
    assert_eq!(new.banner("mail").number, shown.number, "the same number, and another banner");
    add_keys_task(&home);
    finish_passport(&home);
    home.run(&["run-now"]).ok();
    wait_until_delivered(&home, PASSPORT, "resolve");
    new.press(&new.banner("Find the keys"), "Acknowledge");
    new.banner("Acknowledged");
    let titles: Vec<String> = new.shown().into_iter().map(|banner| banner.title).collect();
    let keys = "Overdue: Find the keys";
    assert_eq!(titles, ["You have mail", keys, &format!("Acknowledged: {keys}")]);
}

#[test]
fn restarted_bus_is_used() {
    let mut desktop = Desktop::start();
    let home = single_alert(desktop.home());
    let before = desktop.serve(USUAL);
    let _engine = Running::start(&home);
    before.banner(TITLE);
    wait_until_delivered(&home, PASSPORT, "alert");
    desktop.stop_bus();
    desktop.restart_bus();
    let after = desktop.serve(USUAL);
    add_keys_task(&home);
    home.run(&["run-now"]).ok();
    let keys = after.banner("Find the keys");
    eventually("it is listened to again", || {
        after.press(&keys, "Acknowledge");
        (after.times("Acknowledged") > 0).then_some(())
    });
    assert_eq!(after.times(TITLE), 0);
}

#[test]
fn late_bus_is_used() {
    let mut desktop = Desktop::start();
    desktop.stop_bus();
    let home = single_alert(Home::new());
    home.variable("XDG_RUNTIME_DIR", desktop.folder().display().to_string());
    let _engine = Running::start(&home);
    eventually("it waits", || (deliveries(&home, PASSPORT).first()?["reason"] == "no session bus").then_some(()));
    desktop.restart_bus();
    let service = desktop.serve(USUAL);
    let shown = service.banner(TITLE);
    eventually("it is listened to", || {
        service.press(&shown, "Acknowledge");
        (service.times("Acknowledged") > 0).then_some(())
    });
}

#[test]
fn unconfirmed_banner_is_replaced() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    service.keep_numbers();
    service.answer_next(&[Answer::Silence]);
    let home = single_alert(desktop.home());
    home.run(&["--once"]).ok();
    let [first, second] = service.shown().try_into().expect("twice");
    assert!(first.replaces >= FIRST_STABLE_ID && first.replaces == second.replaces, "{first:?} {second:?}");
    assert_eq!((first.number, &first.title, &first.actions), (second.number, &second.title, &second.actions));
    let sent = deliveries(&home, PASSPORT);
    assert_eq!((&sent[0]["state"], &sent[0]["attempts"]), (&json!("delivered"), &json!(2)), "{sent:#?}");
}

#[test]
fn test_alert_has_no_buttons() {
    let desktop = Desktop::start();
    let home = desktop.home();
    let failed = home.run(&["test-alert", "notification"]);
    assert_eq!(failed.code, 1);
    assert!(failed.out.contains("no notification service on the session bus – start one"), "{failed:?}");
    let service = desktop.serve(USUAL);
    home.run(&["test-alert", "notification"]).ok();
    let test = service.banner("Test from Operator");
    assert!(test.actions.is_empty() && test.urgency() == 1, "{test:?}");
    assert!(home.run(&["check"]).ok().out.contains("Testshell 46.0 shows banners"));
}

#[rstest]
#[case::refused(fdo::Error::InvalidArgs, "InvalidArgs: as the test wants it) – use another")]
#[case::forbidden(fdo::Error::AccessDenied, "AccessDenied: as the test wants it) – let Operator talk")]
#[case::too_many(fdo::Error::LimitsExceeded, "LimitsExceeded: as the test wants it)")]
fn server_error_is_quoted(#[case] error: fn(String) -> fdo::Error, #[case] text: &str) {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    service.answer_next(&[Answer::Error(error)]);
    let failed = desktop.home().run(&["test-alert", "notification"]);
    assert!(failed.code == 1 && failed.out.contains(text), "{failed:?}");
}

#[test]
fn missing_server_is_reported_before_an_alert() {
    let desktop = Desktop::start();
    let home = desktop.home();
    home.tasks("DELETE FROM tasks; DELETE FROM commitments");
    home.set(json!({"sources": {"oura": null, "focus_file": null}}));
    let mut running = Running::start(&home);
    let state = || home.run(&["--status", "--json"]).ok().json()["channel_states"]["notification"].clone();
    eventually("the status tells", || (state()["state"] == "failing").then_some(()));
    assert_eq!(state()["next_try"], Value::Null, "nothing waits");
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn missing_desktop_is_no_failing_channel() {
    let home = single_alert(Home::new());
    home.tasks("DELETE FROM tasks");
    let mut running = Running::start(&home);
    eventually("a check was made", || (running.status()["run_count"].as_u64()? > 0).then_some(()));
    assert_eq!(running.status()["channel_states"]["notification"]["state"], "ok");
    assert_eq!(running.stop("TERM"), Some(0));
}
