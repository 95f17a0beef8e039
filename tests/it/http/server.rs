//! The HTTP server without an engine: blocked or stopped engines, damaged databases and arbitrary requests.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use operator::core::status::Status;
use operator::engine::Request;
use operator::engine::clock::Clock;
use operator::http::{Server, ServerConfig};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::support::raw_http::{HttpResponse, RawConnection, free_port};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// A server; the test takes the place of the engine.
struct TestServer {
    folder: TempDir,
    port: u16,
    server: Server,
    requests: mpsc::Receiver<Request>,
    snapshots: watch::Sender<Option<Status>>,
    stop: watch::Sender<bool>,
}

fn now() -> Timestamp {
    "2026-11-20T14:06:00Z".parse().unwrap()
}

fn status() -> Status {
    serde_json::from_value(json!({
        "running": true, "pid": 4711, "last_run": now(), "next_run": null, "run_count": 1, "total_alerts": 0,
        "uptime_seconds": 60, "uptime_start": now(), "dry_run": false, "paused": false, "paused_until": null,
        "is_quiet_hours": false, "enabled_monitors": [], "monitor_states": {}, "circuit_states": {}, "open_alerts": 0,
        "dedup_cache_size": 0, "outbox": {}, "config": {"quiet_hours": {"timezone": "UTC"}}, "warnings": [],
    }))
    .unwrap()
}

impl TestServer {
    fn start(snapshot: Option<Status>) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let (request_sender, requests) = mpsc::channel(16);
        let (snapshots, published) = watch::channel(snapshot);
        let (stop, stopped) = watch::channel(false);
        let server = Server::start(ServerConfig {
            port,
            state_dir: folder.path().into(),
            clock: Clock::fixed(now()),
            requests: request_sender,
            snapshots: published,
            metrics: Arc::default(),
            stop: stopped,
        })
        .unwrap();
        assert_eq!(server.state().borrow().address, Some(format!("127.0.0.1:{port}")));
        Self { folder, port, server, requests, snapshots, stop }
    }

    fn bearer(&self) -> String {
        let token = std::fs::read_to_string(self.folder.path().join("http-token")).unwrap();
        format!("Authorization: Bearer {}", token.trim())
    }

    fn open_request(&self, method: &str, target: &str, lines: &str) -> RawConnection {
        let mut connection = RawConnection::open(self.port);
        connection.send(format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{lines}\r\n\r\n", self.port));
        connection
    }

    fn send(&self, method: &str, target: &str, lines: &str) -> HttpResponse {
        self.open_request(method, target, lines).response_to(method).expect("a response")
    }
}

#[test]
fn blocked_engine_is_reported_as_failing() {
    let overdue = now() - jiff::SignedDuration::from_secs(1);
    let server = TestServer::start(Some(Status { check_overdue_at: Some(overdue), ..status() }));
    let health = server.send("GET", "/health", "A: b").expect_code(503).json();
    assert_eq!(
        (&health["status"], &health["problems"][0]),
        (&json!("failing"), &json!("No check ran within twice its interval."))
    );
    // More requests than the queue of the engine holds.
    let waiting: Vec<RawConnection> =
        (0..20).map(|_| server.open_request("POST", "/api/run", &server.bearer())).collect();
    let known = server.send("GET", "/api/status", &server.bearer()).expect_code(200).json();
    assert_eq!(known["pid"], 4711, "the last snapshot");
    server.send("GET", "/", &server.bearer()).expect_code(200);
    assert_eq!(
        server.send("GET", "/api/journal", &server.bearer()).expect_code(200).json(),
        json!([]),
        "no database yet"
    );
    assert_eq!(server.requests.len(), 16);
    drop(waiting);
    server.stop.send(true).unwrap();
    server.server.join();
}

#[test]
fn stopped_engine_is_reported() {
    let mut server = TestServer::start(Some(status()));
    server.send("GET", "/health", "A: b").expect_code(200);
    server.requests.close();
    let refused = server.send("POST", "/api/resume", &server.bearer()).expect_code(409);
    assert_eq!(refused.message(), "The engine is stopping.");
    assert_eq!(server.send("GET", "/api/status", &server.bearer()).expect_code(200).json()["pid"], 4711);
    let (mut events, bearer) = (server.open_request("GET", "/events", &server.bearer()), server.bearer());
    assert_eq!(events.response().expect("a response").code, 200);
    server.snapshots = watch::channel(None).0;
    assert_eq!(events.read_to_close(), "0\r\n\r\n", "the stream ends");
    let health = server.send("GET", "/health", &bearer).expect_code(503).json();
    assert_eq!(health["problems"], json!(["The engine has stopped."]));
    drop(server.stop);
    server.server.join();
}

#[test]
fn requests_before_first_snapshot_get_503() {
    let mut server = TestServer::start(None);
    server.requests.close();
    let health = server.send("GET", "/health", "A: b").expect_code(503).json();
    assert_eq!(health["problems"], json!(["The engine has not reported yet."]));
    for target in ["/", "/api/status"] {
        let response = server.send("GET", target, &server.bearer()).expect_code(503);
        assert_eq!(response.message(), "The engine has not reported yet.");
    }
    let until = server.send(
        "POST",
        "/api/quiet",
        &format!("{}\r\n{FORM}\r\nContent-Length: 8\r\n\r\nstate=on", server.bearer()),
    );
    assert_eq!(until.expect_code(503).message(), "The engine has not reported yet.");
}

#[test]
fn damaged_database_is_reported() {
    let server = TestServer::start(Some(status()));
    std::fs::write(server.folder.path().join("operator.db"), "not a database ".repeat(1000)).unwrap();
    for target in ["/api/alerts", "/api/journal", "/api/health-days", "/api/why?key=health:hrv_low", "/"] {
        let response = server.send("GET", target, &server.bearer());
        assert!(response.code == 503 || (target == "/" && response.code == 200), "{target}: {response:?}");
    }
    server.send("GET", "/health", "A: b").expect_code(200);
}

/// One server for all cases.
fn shared_server() -> &'static TestServer {
    static SERVER: OnceLock<TestServer> = OnceLock::new();
    SERVER.get_or_init(|| TestServer::start(Some(status())))
}

/// Bytes of a header value: anything but a line end.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    let near = prop::sample::select(vec![
        "127.0.0.1:PORT",
        "localhost:PORT",
        "http://127.0.0.1:PORT",
        "Bearer ",
        "operator_PORT=",
        "null",
        "; ",
        ", ",
    ]);
    let near = near.prop_map(|text: &str| text.replace("PORT", &shared_server().port.to_string()).into_bytes());
    let any = prop::collection::vec(any::<u8>(), 0..40);
    let pieces = prop::collection::vec(prop_oneof![near, any], 0..4);
    pieces.prop_map(|pieces| pieces.concat().into_iter().filter(|byte| !b"\r\n".contains(byte)).collect())
}

fn path() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "/", "//", "..", "/.", "%2e", "%2f", "%00", "\\", "health", "open", "api", "status", "alerts", "?", "#", ";",
        "a",
    ]);
    let free = "[!-~]{0,20}".prop_map(|text: String| format!("/{text}"));
    prop_oneof![prop::collection::vec(pieces, 0..8).prop_map(|pieces| format!("/{}", pieces.concat())), free]
}

fn is_public(path: &str) -> bool {
    path.split(['?', '#']).next() == Some("/health")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_requests_get_no_access(
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS", "*"]),
        path in path(),
        host in prop::option::of(header_value()),
        others in prop::collection::btree_map(prop::sample::select(vec!["Origin", "Cookie", "Authorization"]), header_value(), 0..4),
    ) {
        let server = shared_server();
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n").into_bytes();
        let ours = format!("127.0.0.1:{}", server.port).into_bytes();
        let others: BTreeMap<&str, Vec<u8>> = others;
        for (name, value) in others.iter().map(|(name, value)| (*name, value)).chain([("Host", host.as_ref().unwrap_or(&ours))]) {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        let mut connection = RawConnection::open(server.port);
        connection.send(&bytes);
        let response = connection.response_to(method);
        let refused = response.as_ref().is_none_or(|response| (400..500).contains(&response.code));
        let asks_us = host.is_none_or(|host| host.trim_ascii().eq_ignore_ascii_case(&ours) || host.trim_ascii().starts_with(b"localhost:"));
        prop_assert!(refused || (is_public(&path) && asks_us), "{response:?}");
        prop_assert!(response.is_none_or(|response| response.header("set-cookie").is_none()));
        prop_assert_eq!(server.open_request("GET", "/health", "A: b").response().unwrap().code, 200);
    }
}
