//! A hanging source delays only its own monitors.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::engine::Running;
use crate::support::home::{Home, eventually, outcome, states};

/// Accepts every connection and never answers. Counts the open connections.
fn silent_server() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, counted) = (stream.expect("a connection"), Arc::clone(&counted));
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let _ = stream.read_to_end(&mut Vec::new());
                counted.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (address, connections)
}

#[test]
fn health_alerts_are_sent_while_workos_hangs() {
    let home = Home::new();
    let (address, connections) = silent_server();
    home.set(json!({"sources": {"workos": {"url": format!("postgres://ada@{address}/t"), "timeout_seconds": 300}}}));
    let engine = Running::start(&home);
    let entry = eventually("health's alerts in the journal", || {
        let journal = home.run(&["journal", "--json"]).ok().json();
        journal.as_array()?.iter().find(|entry| entry["key"] == "health:readiness_low").cloned()
    });
    assert_eq!(entry["decision"], "deliver");
    assert_eq!(connections.load(Ordering::SeqCst), 1, "WorkOS still hangs");
    let status = engine.status();
    assert_eq!(status["monitor_states"]["health"]["status"], "ok");
    assert_eq!(status["monitor_states"].get("tasks"), None, "not yet: {status:#}");
}

#[test]
fn commands_are_answered_while_workos_hangs() {
    let home = Home::new();
    let (address, connections) = silent_server();
    home.set(json!({"sources": {"workos": {"url": format!("postgres://ada@{address}/t"), "timeout_seconds": 300}}}));
    let _engine = Running::start(&home);
    eventually("WorkOS hangs", || (connections.load(Ordering::SeqCst) == 1).then_some(()));
    home.run(&["pause"]).ok();
    assert_eq!(home.run(&["--status", "--json"]).ok().json()["paused"], true);
    home.run(&["resume"]).ok();
    assert_eq!(connections.load(Ordering::SeqCst), 1, "still");
}

#[test]
fn single_check_waits_for_the_source_timeout() {
    let home = Home::new();
    let (address, _) = silent_server();
    home.set(json!({"sources": {"workos": {"url": format!("postgres://ada@{address}/t"), "timeout_seconds": 1}}}));
    let report = home.check(&home.at("09:05"));
    assert_eq!(states(&report), ["ok", "ok", "ok"], "{report:#}");
    assert_eq!(outcome(&report, "task:deadline_overdue:passport"), "deliver first", "the state store's go on");
    let reason = report["monitors"]["tasks"]["reason"].as_str().unwrap();
    assert!(reason.contains("workos") && reason.contains("within 1 s"), "{reason}");
}
