//! The local HTTP server over an old database: the fields of its JSON, and the names of its metrics.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::fixture::Fixture;
use super::golden::Kind::{Label, Metric};
use super::golden::{compare, compare_unordered, object, shape, today};
use crate::support::home::eventually;
use crate::support::raw_http::TestServer;

const READING: [&str; 8] = [
    "/api/status",
    "/api/alerts",
    "/api/alerts?all=true",
    "/api/why?key=health:readiness_low",
    "/api/journal?since=5000w",
    "/api/health-days?days=3660",
    "/api/tasks",
    "/api/why?key=health:nothing_such",
];

const CHANGING: [(&str, &str); 10] = [
    ("/api/ack", "key=health:readiness_low"),
    ("/api/ack", "key=health:nothing_such"),
    ("/api/ack", "name=health:readiness_low"),
    ("/api/snooze", "key=exec:disk&for=2h"),
    ("/api/pause", "for=1h"),
    ("/api/pause", ""),
    ("/api/resume", ""),
    ("/api/quiet", "state=on"),
    ("/api/reset-circuit", "name=exec:broken"),
    ("/api/run", ""),
];

/// Labels whose values are counted from the start, so that all of them are there.
const LISTED: [&str; 6] = ["channel", "fate", "monitor", "outcome", "state", "status"];

#[test]
fn http_api_keeps_its_fields() {
    let Fixture { home, .. } = Fixture::new();
    let server = TestServer::start_in(home);
    eventually("an audit", || (!server.engine.status()["audit"].is_null()).then_some(()));
    let mut answers =
        vec![("GET /health".to_owned(), shape(&server.send("GET", "/health", &[], "").expect_code(200).json()))];
    for target in READING {
        let answer = server.get(target);
        answers.push((format!("GET {target}"), json!({"code": answer.code, "out": shape(&answer.json())})));
    }
    for (path, values) in CHANGING {
        let answer = server.post(path, values);
        answers.push((format!("POST {path} {values}"), json!({"code": answer.code, "out": shape(&answer.json())})));
    }
    let link = server.home.run(&["dashboard", "--print", "--json"]).ok().json();
    answers.push(("operator dashboard --print".into(), shape(&link)));
    compare("http.json", &object(answers));
}

type LabelSets<'a> = BTreeSet<BTreeMap<&'a str, &'a str>>;

#[test]
fn metrics_keep_their_names() {
    let Fixture { home, .. } = Fixture::new();
    let server = TestServer::start_in(home);
    let audited = today(&[Metric], "operator_audit_adds_up");
    let text = eventually("an audit and a delivery", || {
        let text = server.get("/metrics").expect_code(200).body;
        let is_complete = text.contains(&audited) && text.contains("operator_delivery_duration_seconds_count{");
        is_complete.then_some(text)
    });
    let mut metrics: BTreeMap<&str, (Option<&str>, LabelSets<'_>)> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            metrics.entry(name).or_default().0 = Some(kind);
        } else if !line.starts_with('#') {
            let (name, labels) = sample(line);
            metrics.entry(name).or_default().1.insert(labels);
        }
    }
    // Only Linux tells it.
    metrics.retain(|name, _| !name.starts_with("process_"));
    let metric = |(name, (kind, series))| (String::from(name), json!({"type": kind, "series": series}));
    compare_unordered("metrics.json", &object(metrics.into_iter().map(metric)));
    assert!(!cfg!(target_os = "linux") || text.contains("process_resident_memory_bytes"), "{text}");
}

/// A sample's name and labels; a value that depends on what happened is left out.
fn sample(line: &str) -> (&str, BTreeMap<&str, &str>) {
    let (name, _) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = name.split_once('{').unwrap_or((name, ""));
    // A histogram has the series of what has happened so far.
    let is_histogram = ["_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end));
    let listed = if is_histogram { Vec::new() } else { LISTED.map(|label| today(&[Label], label)).into() };
    let labels = labels.trim_end_matches('}').split("\",").filter_map(|label| label.split_once("=\""));
    let labels = labels.map(|(label, value)| {
        let is_listed = listed.iter().any(|known| known == label);
        (label, if is_listed { value.trim_end_matches('"') } else { "_" })
    });
    (name, labels.collect())
}
