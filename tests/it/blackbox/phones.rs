//! The engine with channels to a phone: what is told over an alert's life.

use serde_json::json;

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::ntfy::Ntfy;

const READINESS: &str = "health:readiness_low";

/// With nothing to tell but that the readiness is low, and nowhere but through these alerters.
fn home(alerters: serde_json::Value) -> Home {
    let home = Home::new();
    home.only_readiness();
    home.set(json!({"alerters": {"notification": {"enabled": false}}}));
    home.set(json!({"alerters": alerters}));
    home
}

#[test]
fn ntfy_tells_it_once_and_changes_it_in_place() {
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
