//! The page beside an engine of the test's own: strangers who say anything, and an engine that is stuck or has gone.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use operator::core::status::Status;
use operator::engine::Request;
use operator::engine::clock::Clock;
use operator::http::{self, Page, Parts};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::support::visitor::{Answer, Talk, free_port};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// A page, and the test in the place of the engine.
struct Stand {
    folder: TempDir,
    port: u16,
    page: Page,
    requests: mpsc::Receiver<Request>,
    snapshots: watch::Sender<Option<Status>>,
    stop: watch::Sender<bool>,
}

fn moment() -> Timestamp {
    "2026-11-20T14:06:00Z".parse().unwrap()
}

fn status() -> Status {
    serde_json::from_value(json!({
        "running": true, "pid": 4711, "last_run": moment(), "next_run": null, "run_count": 1, "total_alerts": 0,
        "uptime_seconds": 60, "uptime_start": moment(), "dry_run": false, "paused": false, "paused_until": null,
        "is_quiet_hours": false, "enabled_monitors": [], "monitor_states": {}, "circuit_states": {}, "open_alerts": 0,
        "dedup_cache_size": 0, "outbox": {}, "config": {"quiet_hours": {"timezone": "UTC"}}, "warnings": [],
    }))
    .unwrap()
}

impl Stand {
    fn open(snapshot: Option<Status>) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let (asked, requests) = mpsc::channel(16);
        let (snapshots, published) = watch::channel(snapshot);
        let (stop, stopped) = watch::channel(false);
        let page = http::open(Parts {
            port,
            state_dir: folder.path().into(),
            clock: Clock::fixed(moment()),
            requests: asked,
            snapshots: published,
            metrics: Arc::default(),
            stop: stopped,
        })
        .unwrap();
        assert_eq!(page.state().borrow().address, Some(format!("127.0.0.1:{port}")));
        Self { folder, port, page, requests, snapshots, stop }
    }

    fn pass(&self) -> String {
        let token = std::fs::read_to_string(self.folder.path().join("http-token")).unwrap();
        format!("Authorization: Bearer {}", token.trim())
    }

    fn begin(&self, method: &str, target: &str, lines: &str) -> Talk {
        let mut talk = Talk::with(self.port);
        talk.say(format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{lines}\r\n\r\n", self.port));
        talk
    }

    fn ask(&self, method: &str, target: &str, lines: &str) -> Answer {
        self.begin(method, target, lines).answer_to(method).expect("an answer")
    }
}

#[test]
fn a_stuck_engine_keeps_nobody_from_hearing_that_it_is_stuck() {
    let overdue = moment() - jiff::SignedDuration::from_secs(1);
    let stand = Stand::open(Some(Status { check_overdue_at: Some(overdue), ..status() }));
    let health = stand.ask("GET", "/health", "A: b").with(503).json();
    assert_eq!(
        (&health["status"], &health["problems"][0]),
        (&json!("failing"), &json!("No check was made within twice its interval."))
    );
    // As many as wait for it, and more than its inbox holds.
    let waiting: Vec<Talk> = (0..20).map(|_| stand.begin("POST", "/api/run", &stand.pass())).collect();
    let known = stand.ask("GET", "/api/status", &stand.pass()).with(200).json();
    assert_eq!(known["pid"], 4711, "the last that it published");
    stand.ask("GET", "/", &stand.pass()).with(200);
    assert_eq!(stand.ask("GET", "/api/journal", &stand.pass()).with(200).json(), json!([]), "nothing is written yet");
    assert_eq!(stand.requests.len(), 16);
    drop(waiting);
    stand.stop.send(true).unwrap();
    stand.page.end();
}

#[test]
fn an_engine_that_has_gone_is_told_of() {
    let mut stand = Stand::open(Some(status()));
    stand.ask("GET", "/health", "A: b").with(200);
    stand.requests.close();
    let refused = stand.ask("POST", "/api/resume", &stand.pass()).with(409);
    assert_eq!(refused.message(), "The engine is stopping.");
    assert_eq!(stand.ask("GET", "/api/status", &stand.pass()).with(200).json()["pid"], 4711);
    let (mut news, pass) = (stand.begin("GET", "/events", &stand.pass()), stand.pass());
    assert_eq!(news.answer().expect("an answer").code, 200);
    stand.snapshots = watch::channel(None).0;
    assert_eq!(news.rest(), "0\r\n\r\n", "no more news");
    let health = stand.ask("GET", "/health", &pass).with(503).json();
    assert_eq!(health["problems"], json!(["The engine has stopped."]));
    drop(stand.stop);
    stand.page.end();
}

#[test]
fn before_the_first_snapshot_there_is_nothing_to_show() {
    let mut stand = Stand::open(None);
    stand.requests.close();
    let health = stand.ask("GET", "/health", "A: b").with(503).json();
    assert_eq!(health["problems"], json!(["The engine has not said anything yet."]));
    for target in ["/", "/api/status"] {
        let answer = stand.ask("GET", target, &stand.pass()).with(503);
        assert_eq!(answer.message(), "The engine has not said anything yet.");
    }
    let until =
        stand.ask("POST", "/api/quiet", &format!("{}\r\n{FORM}\r\nContent-Length: 8\r\n\r\nstate=on", stand.pass()));
    assert_eq!(until.with(503).message(), "The engine has not said anything yet.");
}

#[test]
fn a_damaged_database_is_said_and_ends_nothing() {
    let stand = Stand::open(Some(status()));
    let nonsense = "no database at all ".repeat(1000);
    std::fs::write(stand.folder.path().join("operator.db"), nonsense).unwrap();
    for target in ["/api/alerts", "/api/journal", "/api/health-days", "/api/why?key=health:hrv_low", "/"] {
        let answer = stand.ask("GET", target, &stand.pass());
        assert!(answer.code == 503 || (target == "/" && answer.code == 200), "{target}: {answer:?}");
    }
    stand.ask("GET", "/health", "A: b").with(200);
}

/// One for all cases.
fn stand() -> &'static Stand {
    static STAND: OnceLock<Stand> = OnceLock::new();
    STAND.get_or_init(|| Stand::open(Some(status())))
}

/// Bytes of a header's value: anything but the end of its line.
fn value() -> impl Strategy<Value = Vec<u8>> {
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
    let near = near.prop_map(|text: &str| text.replace("PORT", &stand().port.to_string()).into_bytes());
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

/// What this stranger asked for is open to all.
fn is_open(path: &str) -> bool {
    path.split(['?', '#']).next() == Some("/health")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn strangers_get_nothing_whatever_they_say(
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS", "*"]),
        path in path(),
        host in prop::option::of(value()),
        others in prop::collection::btree_map(prop::sample::select(vec!["Origin", "Cookie", "Authorization"]), value(), 0..4),
    ) {
        let stand = stand();
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n").into_bytes();
        let ours = format!("127.0.0.1:{}", stand.port).into_bytes();
        let others: BTreeMap<&str, Vec<u8>> = others;
        for (name, value) in others.iter().map(|(name, value)| (*name, value)).chain([("Host", host.as_ref().unwrap_or(&ours))]) {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        let mut talk = Talk::with(stand.port);
        talk.say(&bytes);
        let answer = talk.answer_to(method);
        let refused = answer.as_ref().is_none_or(|answer| (400..500).contains(&answer.code));
        let asks_us = host.is_none_or(|host| host.trim_ascii().eq_ignore_ascii_case(&ours) || host.trim_ascii().starts_with(b"localhost:"));
        prop_assert!(refused || (is_open(&path) && asks_us), "{answer:?}");
        prop_assert!(answer.is_none_or(|answer| answer.header("set-cookie").is_none()));
        prop_assert_eq!(stand.begin("GET", "/health", "A: b").answer().unwrap().code, 200);
    }
}
