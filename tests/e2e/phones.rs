//! The engine with ntfy and Pushover, over an alert's life.

use serde_json::json;

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::ntfy::Ntfy;
use crate::support::pushover::{EmergencyState, Pushover};

const READINESS: &str = "health:readiness_low";

/// One alert, low readiness, on these channels only.
fn home(alerters: serde_json::Value) -> Home {
    let home = Home::new();
    home.only_readiness();
    home.set(json!({"alerters": {"notification": {"enabled": false}}}));
    home.set(json!({"alerters": alerters}));
    home
}

#[test]
fn ntfy_shows_one_message_per_alert() {
    let server = Ntfy::start();
    let home = home(json!({"ntfy": server.section()}));
    let _engine = Running::start(&home);
    let shown = |title: &str| {
        let title = title.to_owned();
        server.phone().shown.into_iter().find(move |(_, m)| m["title"].as_str().unwrap().starts_with(&title))
    };
    let (first, _) = eventually("news", || shown("Readiness"));
    home.run(&["ack", READINESS]).ok();
    assert_eq!(eventually("the answer", || shown("Acknowledged: ")).0, first);
    home.readiness(90);
    home.run(&["run-now"]).ok();
    assert_eq!(eventually("the end", || shown("Resolved: ")).0, first);
    assert_eq!((server.phone().shown.len(), server.phone().rings), (1, 1));
}

#[test]
fn ntfy_is_checked_and_tested() {
    let server = Ntfy::start();
    let home = home(json!({"ntfy": server.section()}));
    let check = home.run(&["check"]);
    assert!(check.out.contains("is an ntfy server and knows the token"), "{check:?}");
    assert!(server.phone().shown.is_empty(), "a check sends nothing");
    home.run(&["test-alert", "ntfy"]).ok();
    assert_eq!(server.phone().shown.values().next().unwrap()["title"], "Test from Operator");
}

/// The alert is critical and rings on the phone.
fn critical_home(server: &Pushover) -> Home {
    let home = home(json!({"pushover": server.section()}));
    home.readiness(30);
    home
}

fn receipt(server: &Pushover) -> String {
    eventually("it rings", || server.emergencies().into_keys().next())
}

#[test]
fn phone_acknowledgement_survives_a_restart() {
    let server = Pushover::start();
    let home = critical_home(&server);
    let mut engine = Running::start(&home);
    let receipt = receipt(&server);
    eventually("it is delivered", || (engine.status()["outbox"]["pushover"]["pending"] == 0).then_some(()));
    engine.stop("TERM");
    server.set_state(&receipt, EmergencyState::Acknowledged);
    let _engine = Running::start(&home);
    eventually("the answer counts", || home.run(&["why", READINESS]).out.contains("acknowledged").then_some(()));
    assert_eq!(server.messages().len(), 1, "no message about an answer from the phone");
}

#[test]
fn acknowledgement_stops_the_phone() {
    let server = Pushover::start();
    let home = critical_home(&server);
    let _engine = Running::start(&home);
    let receipt = receipt(&server);
    home.run(&["ack", READINESS]).ok();
    eventually("silence", || (server.emergencies()[&receipt] == EmergencyState::Cancelled).then_some(()));
    home.readiness(90);
    home.run(&["run-now"]).ok();
    let over = eventually("the end", || server.messages().get(1).cloned());
    assert_eq!((over["priority"].as_str(), over["title"].starts_with("Resolved: ")), ("-1", true));
}

#[test]
fn pushover_is_checked_and_tested() {
    let server = Pushover::start();
    let home = home(json!({"pushover": server.section()}));
    let check = home.run(&["check"]);
    assert!(check.out.contains("Pushover reaches pixel, ipad"), "{check:?}");
    assert!(server.messages().is_empty(), "a check sends nothing");
    home.run(&["test-alert", "pushover"]).ok();
    assert_eq!((server.messages()[0]["title"].as_str(), server.emergencies().len()), ("Test from Operator", 0));
}
