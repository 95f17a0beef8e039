//! The engine with a webhook, over an alert's life, and the output of the commands.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::http::{Answer, Server};

const READINESS: &str = "health:readiness_low";

/// One alert, low readiness, at this URL only.
fn home(server: &Server) -> Home {
    let home = Home::new();
    home.only_readiness();
    home.set(json!({
        "alerters": {"notification": {"enabled": false}, "webhook": {
            "enabled": true, "url": format!("{}/s3cret?key=s3cret", server.url), "secret": "s3cret", "timeout_seconds": 2,
        }},
    }));
    home
}

fn posts(server: &Server) -> Vec<Value> {
    server.requests().iter().filter(|request| request.method == "POST").map(|request| request.json()).collect()
}

#[test]
fn alert_is_posted_updated_and_resolved() {
    let server = Server::start(|_| Answer::json("{}"));
    let home = home(&server);
    let _engine = Running::start(&home);
    let news = eventually("news", || posts(&server).first().cloned());
    assert_eq!(
        (&news["kind"], &news["alerts"][0]["key"], &news["priority"]),
        (&json!("new"), &json!(READINESS), &json!("high"))
    );
    home.run(&["ack", READINESS]).ok();
    let known = eventually("the answer", || posts(&server).get(1).cloned());
    assert_eq!((&known["kind"], &known["replaces"]), (&json!("update"), &news["id"]));
    assert_eq!(known["alerts"][0]["state"], "acknowledged");
    home.readiness(90);
    home.run(&["run-now"]).ok();
    let over = eventually("the end", || posts(&server).get(2).cloned());
    assert_eq!(over["alerts"][0]["state"], "resolved");
    let keys: std::collections::BTreeSet<String> =
        server.requests().iter().map(|request| request.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 3, "one key per message");
}

#[test]
fn unconfirmed_post_is_retried_with_same_key() {
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |_| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Close,
        _ => Answer::json("{}"),
    });
    let home = home(&server);
    let engine = Running::start(&home);
    eventually("the failure is known", || {
        (engine.status()["channel_states"]["webhook"]["state"] == "failing").then_some(())
    });
    let shown =
        [home.run(&["--status"]).ok().out, home.run(&["why", READINESS]).ok().out, engine.stderr_text()].concat();
    assert!(shown.contains("pending after 1 attempt") && !shown.contains("s3cret"), "{shown}");
    let tries = eventually("a second try", || Some(server.requests()).filter(|requests| requests.len() == 2));
    assert_eq!(tries[0].headers["idempotency-key"], tries[1].headers["idempotency-key"]);
    eventually("all is well", || (engine.status()["channel_states"]["webhook"]["state"] == "ok").then_some(()));
}

#[test]
fn refusal_is_parked_until_the_url_changes() {
    let (wrong, right) = (Server::start(|_| Answer::status(404)), Server::start(|_| Answer::json("{}")));
    let home = home(&wrong);
    let mut engine = Running::start(&home);
    eventually("it is parked", || (engine.status()["outbox"]["webhook"]["failed"] == 1).then_some(()));
    let reason = engine.status()["channel_states"]["webhook"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("404") && reason.contains("check alerters.webhook.url"), "{reason}");
    engine.stop("TERM");
    home.set(json!({"alerters": {"webhook": {"url": right.url}}}));
    let _engine = Running::start(&home);
    let news = eventually("news", || posts(&right).first().cloned());
    assert_eq!(news["alerts"][0]["key"], READINESS);
    assert_eq!(posts(&wrong).len(), 1);
}

#[test]
fn test_and_check_reach_the_server() {
    let server = Server::start(|_| Answer::json("{}"));
    let home = home(&server);
    let check = home.run(&["check"]);
    assert!(
        check.out.contains("from medium priority: 127.0.0.1:") && check.out.contains("answers (HTTP 200)"),
        "{check:?}"
    );
    assert!(posts(&server).is_empty(), "a check sends nothing");
    home.run(&["test-alert", "webhook"]).ok();
    assert_eq!(posts(&server)[0]["kind"], "test");
}
