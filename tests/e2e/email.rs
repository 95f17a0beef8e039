//! The engine with a mailbox, over an alert's life.

use serde_json::json;

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::mail::MailServer;

fn home(server: &MailServer) -> Home {
    let home = Home::new();
    home.only_readiness();
    home.set(json!({"alerters": {"notification": {"enabled": false}, "email": server.section()}}));
    home
}

#[test]
fn alert_and_resolve_are_mailed_in_a_thread() {
    let server = MailServer::start("starttls");
    let home = home(&server);
    let engine = Running::start(&home);
    let news = server.mail()["headers"].take();
    assert!(news["subject"].as_str().unwrap().starts_with("[High] Readiness"), "{news}");
    eventually("it is delivered", || (engine.status()["outbox"]["email"]["pending"] == 0).then_some(()));
    home.readiness(90);
    home.run(&["run-now"]).ok();
    let over = server.mail()["headers"].take();
    assert!(over["subject"].as_str().unwrap().starts_with("Resolved: "), "{over}");
    assert_eq!(over["references"], news["message-id"]);
}

#[test]
fn test_and_check_show_no_password() {
    let server = MailServer::start("tls");
    let home = home(&server);
    let check = home.run(&["check"]);
    assert!(check.out.contains("accepts mail and knows ada@example.org"), "{check:?}");
    assert!(server.is_empty(), "a check sends nothing");
    home.run(&["test-alert", "email"]).ok();
    assert_eq!(server.mail()["headers"]["subject"], "Test from Operator");
    home.set(json!({"alerters": {"email": {"password": "s3cret-wrong"}}}));
    let failed = home.run(&["test-alert", "email", "--verbose"]);
    assert!(failed.out.contains("check alerters.email.user and password"), "{failed:?}");
    let status = home.run(&["--status", "--json"]);
    for (path, bytes) in home.everything().into_iter().filter(|(path, _)| !path.ends_with("config.yaml")) {
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"), "{}", path.display());
    }
    assert!(![check, failed, status].iter().any(|run| format!("{run:?}").contains("s3cret")));
}
