//! The HTTP server as programs and browsers use it: reads, changes, and the one-time link.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use jiff::{SignedDuration, Timestamp};
use operator::http::Credentials;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::raw_http::{RawConnection, TestServer, free_port};

const READINESS: &str = "health:readiness_low";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";
const BROWSER: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn health_is_public_and_not_personal() {
    let server = TestServer::start();
    let response = server.send("GET", "/health", &[], "").expect_code(200);
    let health = response.json();
    assert_eq!(names(&health), ["audit", "circuits", "last_run", "next_run", "problems", "status"].into());
    assert_eq!((&health["status"], &health["problems"]), (&json!("ok"), &json!([])));
    let status = server.engine.status();
    assert_eq!((&health["last_run"], &health["circuits"]), (&status["last_run"], &status["circuit_states"]));
    if health["audit"].is_object() {
        assert_eq!(names(&health["audit"]), ["is_consistent", "at"].into());
    }
    let alerts = server.home.run(&["alerts", "--all", "--json"]).ok().json();
    assert!(alerts.as_array().is_some_and(|alerts| alerts.len() > 5), "there are alerts");
    for alert in alerts.as_array().unwrap() {
        let key = alert["alert"]["key"].as_str().unwrap();
        let entity = key.rsplit(':').next().unwrap();
        for personal in [key, entity, alert["alert"]["title"].as_str().unwrap()] {
            assert!(!response.body.contains(personal), "{personal}: {}", response.body);
        }
    }
    assert!(!response.body.contains(server.home.root().to_str().unwrap()), "a path: {}", response.body);
    let head = server.send("HEAD", "/health", &[], "").expect_code(200);
    assert_eq!(head.header("content-length"), Some(response.body.len().to_string().as_str()));
}

#[test]
fn reads_equal_command_line_output() {
    let server = TestServer::start();
    server.home.run(&["ack", READINESS]).ok();
    let command = |arguments: &[&str]| server.home.run(&[arguments, &["--json"]].concat()).ok().json();
    let read = |target: &str| {
        let response = server.get(target).expect_code(200);
        assert_eq!(response.header("content-type"), Some("application/json"));
        response.json()
    };
    let mut status = read("/api/status");
    let mut known = command(&["--status"]);
    for changing in ["uptime_seconds", "last_run", "next_run"] {
        assert!(status[changing].is_null() == known[changing].is_null(), "{changing}");
        (status[changing], known[changing]) = (Value::Null, Value::Null);
    }
    assert_eq!(status, known);
    assert_eq!(read("/api/alerts"), command(&["alerts"]));
    assert_eq!(read("/api/alerts?all=false"), command(&["alerts"]));
    server.home.readiness(90);
    command(&["run-now"]);
    assert_eq!(read("/api/alerts?all=true"), command(&["alerts", "--all"]));
    assert_ne!(read("/api/alerts"), command(&["alerts", "--all"]), "one has resolved");
    let why = format!("/api/why?key={READINESS}");
    assert_eq!(read(&why), command(&["why", READINESS]));
    assert_eq!(read(&why.replace(':', "%3A")), command(&["why", READINESS]), "percent-encoded");
    let journal = command(&["journal"]);
    assert!(journal.as_array().is_some_and(|entries| entries.len() > 3), "{journal}");
    assert_eq!(read("/api/journal"), journal);
    assert_eq!(read("/api/journal?since=1h"), command(&["journal", "--since", "1h"]));
    assert_eq!(read("/api/journal?since=7d&limit=2"), json!(journal.as_array().unwrap()[..2]));
}

#[test]
fn health_days_end_with_today() {
    let server = TestServer::start();
    let days = |target: &str| server.get(target).expect_code(200).json().as_array().expect("a list").clone();
    let month = days("/api/health-days");
    let dates: Vec<&str> = month.iter().map(|day| day["date"].as_str().unwrap()).collect();
    assert!(dates.is_sorted() && (25..=30).contains(&dates.len()), "{dates:?}");
    assert_eq!(dates.last(), Some(&server.home.today.to_string().as_str()));
    assert_eq!(month.last().unwrap()["readiness"], 48.0);
    let first = server.home.today.saturating_sub(jiff::ToSpan::days(29)).to_string();
    assert!(dates[0] >= first.as_str(), "{dates:?}");
    assert_eq!(days("/api/health-days?days=1"), month[month.len() - 1..]);
    assert!(days("/api/health-days?days=3660").ends_with(&month));
}

#[rstest]
#[case::program_form(false, FORM)]
#[case::program_json(false, JSON)]
#[case::browser_form(true, FORM)]
#[case::browser_json(true, JSON)]
fn changes_take_effect_in_the_engine(#[case] browser: bool, #[case] kind: &str) {
    let home = Home::new();
    home.set(json!({"sources": {"workos": {"url": "postgres://ada@127.0.0.1:1/tasks"}}})); // nothing listens there
    let server = TestServer::start_in(home);
    let bearer = if browser { server.sign_in() } else { server.bearer() };
    let origin = if browser { server.origin() } else { String::new() };
    let change = |path: &str, values: &[(&str, &str)]| {
        let body = if kind == JSON {
            let object: serde_json::Map<String, Value> =
                values.iter().map(|(name, value)| ((*name).into(), json!(value))).collect();
            Value::Object(object).to_string()
        } else {
            values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        let response = server.send("POST", path, &[&bearer, &origin, kind], &body).expect_code(200);
        assert_eq!(response.json()["ok"], true, "{response:?}");
        assert!(!response.message().is_empty(), "{response:?}");
        response.json()
    };
    let open = |key: &str| {
        let status = server.engine.status();
        let found = status["open"].as_array().unwrap().iter().find(|alert| alert["key"] == key).cloned();
        found.unwrap_or_else(|| panic!("{key} is not open: {status:#}"))
    };

    assert_eq!(open(READINESS)["acknowledged"], false);
    change("/api/ack", &[("key", READINESS)]);
    assert_eq!(open(READINESS)["acknowledged"], true);

    let passport = "task:deadline_overdue:passport";
    change("/api/snooze", &[("key", passport), ("for", "1h")]);
    let until: Timestamp = open(passport)["snoozed_until"].as_str().expect("a moment").parse().unwrap();
    let ahead = until.duration_since(Timestamp::now());
    assert!(ahead > SignedDuration::from_mins(50) && ahead <= SignedDuration::from_hours(1), "{ahead}");
    change("/api/snooze", &[("key", passport), ("until", "2126-11-20T09:05:00Z")]);
    assert_eq!(open(passport)["snoozed_until"], "2126-11-20T09:05:00Z");

    change("/api/pause", &[("for", "2h")]);
    let paused = server.engine.status();
    assert!(paused["paused"] == true && paused["paused_until"].is_string(), "{paused:#}");
    change("/api/pause", &[("until", "2126-11-20T09:05:00Z")]);
    assert_eq!(server.engine.status()["paused_until"], "2126-11-20T09:05:00Z");
    change("/api/pause", &[]);
    let paused = server.engine.status();
    assert!(paused["paused"] == true && paused["paused_until"].is_null(), "{paused:#}");
    change("/api/resume", &[]);
    assert_eq!(server.engine.status()["paused"], false);

    change("/api/quiet", &[("state", "on")]);
    assert_eq!(server.engine.status()["is_quiet_hours"], true);
    change("/api/quiet", &[("state", "off")]);
    assert_eq!(server.engine.status()["is_quiet_hours"], false);

    let before = server.engine.status()["run_count"].as_u64().unwrap();
    let report = change("/api/run", &[]);
    assert_eq!(report["body"]["monitors"]["health"]["status"], "ok", "{report:#}");
    assert!(server.engine.status()["run_count"].as_u64().unwrap() > before);

    eventually("the circuit opens", || {
        change("/api/run", &[]);
        (server.engine.status()["circuit_states"]["workos"] == "open").then_some(())
    });
    change("/api/reset-circuit", &[("name", "workos")]);
    assert_eq!(server.engine.status()["circuit_states"]["workos"], "closed");
}

#[test]
fn invalid_parameters_change_nothing() {
    let server = TestServer::start();
    let (bearer, ack) = (server.bearer(), format!("key={READINESS}"));
    let lasting = || {
        let mut status = server.engine.status();
        for changing in ["uptime_seconds", "last_run", "next_run", "run_count", "monitor_states", "check_running"] {
            status[changing] = Value::Null;
        }
        status
    };
    let before = lasting();
    for target in [
        "/api/status?x=1",
        "/api/alerts?all=maybe",
        "/api/alerts?all=true&all=true",
        "/api/alerts?every=true",
        "/api/why",
        "/api/why?key=",
        "/api/why?key=%20",
        "/api/why?key=nonsense",
        "/api/why?key=health:readiness_low&key=health:hrv_low",
        "/api/journal?since=yesterday",
        "/api/journal?since=-1d",
        "/api/journal?limit=0",
        "/api/journal?limit=10001",
        "/api/journal?limit=many",
        "/api/health-days?days=0",
        "/api/health-days?days=3661",
        "/api/health-days?days=-1",
        "/api/health-days?days=1e3",
    ] {
        let response = server.get(target).expect_code(400);
        assert!(response.json()["ok"] == false && response.message().len() > 10, "{target}: {response:?}");
    }
    let twice = format!("{ack}&{ack}");
    let misspelt = format!("{ack}&untill=2126-11-20T09:05:00Z");
    let both = format!("{ack}&for=1h&until=2126-11-20T09:05:00Z");
    let doubled = format!(r#"{{"key": "{READINESS}", "key": "{READINESS}"}}"#);
    let deep = format!(r#"{{"key": {}"#, "[".repeat(10_000));
    for (path, kind, body) in [
        ("/api/ack", FORM, ""),
        ("/api/ack", FORM, "key="),
        ("/api/ack", FORM, "key=nonsense"),
        ("/api/ack", FORM, &twice),
        ("/api/ack", FORM, &misspelt),
        ("/api/ack?key=health:readiness_low", FORM, ""),
        ("/api/ack", JSON, &doubled),
        ("/api/ack", JSON, r#"["health:readiness_low"]"#),
        ("/api/ack", JSON, r#"{"key": ["health:readiness_low"]}"#),
        ("/api/ack", JSON, r#"{"key": null}"#),
        ("/api/ack", JSON, r#"{"key": "#),
        ("/api/ack", JSON, &ack),
        ("/api/ack", JSON, &deep),
        ("/api/ack", "Content-Type: text/plain", &ack),
        ("/api/ack", "Content-Type: multipart/form-data; boundary=x", &ack),
        ("/api/ack", "", &ack),
        ("/api/snooze", FORM, &ack),
        ("/api/snooze", FORM, "for=1h"),
        ("/api/snooze", FORM, &both),
        ("/api/snooze", FORM, "key=health:readiness_low&until=2001-01-01T00:00:00Z"),
        ("/api/snooze", FORM, "key=health:readiness_low&until=tomorrow"),
        ("/api/pause", FORM, "for=ever"),
        ("/api/pause", FORM, "for=0s"),
        ("/api/pause", FORM, "for=-1h"),
        ("/api/pause", FORM, "for=1h&for=2h"),
        ("/api/pause", FORM, "until=2001-01-01T00:00:00Z"),
        ("/api/pause", FORM, "hours=1"),
        ("/api/pause", "", "for=1h"),
        ("/api/pause?for=1h", FORM, ""),
        ("/api/resume", FORM, "x=1"),
        ("/api/quiet", FORM, ""),
        ("/api/quiet", FORM, "state=perhaps"),
        ("/api/reset-circuit", FORM, "name="),
        ("/api/run", FORM, "monitor=health"),
    ] {
        let response = server.send("POST", path, &[&bearer, kind], body);
        assert!(response.clone().expect_code(400).message().len() > 10, "{path} {body}: {response:?}");
    }
    for (path, body) in [
        ("/api/ack", "key=health:nothing_such"),
        ("/api/snooze", "key=health:nothing_such&for=1h"),
        ("/api/reset-circuit", "name=telephone"),
    ] {
        let response = server.post(path, body).expect_code(409);
        assert!(response.json()["ok"] == false && response.message().len() > 10, "{path} {body}: {response:?}");
    }
    assert!(server.get("/api/why?key=health:nothing_such").expect_code(404).message().contains("never seen"));
    assert_eq!(lasting(), before);
}

#[test]
fn unknown_name_lists_known_names() {
    let server = TestServer::start();
    assert_eq!(server.post("/api/pause", "hours=1").message(), "Unknown field 'hours'; known: until, for.");
    assert_eq!(server.get("/api/status?x=1").message(), "Unknown field 'x': this request takes none.");
    assert!(server.post("/api/pause", "for=1h&for=2h").message().contains("'for' is given twice"));
    assert!(server.get("/api/alerts?all=true&all=false").message().contains("'all' is given twice"));
    assert!(server.post("/api/reset-circuit", "name=telephone").message().contains("there are oura, workos"));
}

#[test]
fn form_without_script_returns_to_dashboard() {
    let server = TestServer::start();
    let (cookie, origin) = (server.sign_in(), server.origin());
    let done = server
        .send("POST", "/api/ack", &[&cookie, &origin, FORM, BROWSER], &format!("key={READINESS}"))
        .expect_code(303);
    assert_eq!(done.header("location"), Some("/"));
    let refused = server.send("POST", "/api/ack", &[&cookie, &origin, FORM, BROWSER], "key=health:%3Cb%3E");
    assert!((400..500).contains(&refused.code) && !refused.body.contains("<b>"), "{refused:?}");
    let refused =
        server.send("POST", "/api/ack", &[&cookie, &origin, FORM, BROWSER], "key=health:none").expect_code(409);
    assert!(refused.body.contains("<h1>Not done</h1>") && refused.body.contains("no alert with key"), "{refused:?}");
    let denied = server.send("GET", "/", &[BROWSER], "").expect_code(401);
    assert!(
        denied.body.contains("Open the dashboard from Operator") && denied.body.starts_with("<!doctype"),
        "{denied:?}"
    );
}

#[test]
fn new_port_applies_at_next_start() {
    let server = TestServer::start();
    server.home.set(json!({"http": {"port": free_port()}}));
    let sentence = json!("a changed http.enabled or http.port takes effect at the next start");
    eventually("the warning", || {
        let status = server.engine.status();
        status["warnings"].as_array()?.contains(&sentence).then_some(())
    });
    assert_eq!(server.send("GET", "/health", &[], "").expect_code(200).json()["status"], "ok", "on the old port");
}

#[test]
fn head_and_wrong_methods() {
    let server = TestServer::start();
    let bearer = server.bearer();
    for target in ["/", "/api/status", "/api/alerts", "/api/journal", "/api/health-days", "/dashboard.css"] {
        assert_eq!(server.send("HEAD", target, &[&bearer], "").expect_code(200).body, "", "{target}");
    }
    let before = server.engine.status()["run_count"].clone();
    let changes = ["run", "pause", "resume", "ack", "snooze", "quiet", "reset-circuit"];
    for name in changes {
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            let response = server.send(method, &format!("/api/{name}"), &[&bearer], "").expect_code(405);
            assert_eq!(response.header("allow"), Some("POST"), "{method} {name}");
            assert!(method == "HEAD" || response.message().contains("POST"), "{response:?}");
        }
    }
    for target in ["/", "/api/status", "/events", "/health", "/open"] {
        let response = server.send("POST", target, &[&bearer], "").expect_code(405);
        assert_eq!(response.header("allow"), Some("GET,HEAD"), "{target}");
    }
    for target in ["/api", "/api/", "/api/nothing", "/index.html", "/metrics/", "*"] {
        server.send("GET", target, &[&bearer], "").expect_code(404);
    }
    assert_eq!((&server.engine.status()["run_count"], &server.engine.status()["paused"]), (&before, &json!(false)));
}

#[test]
fn event_stream_reports_changes_until_the_end() {
    let mut server = TestServer::start();
    let mut streams: Vec<RawConnection> = (0..3).map(|_| RawConnection::open(server.port)).collect();
    for stream in &mut streams {
        stream.send(server.raw_request("GET", "/events", &[&server.bearer()], ""));
        let response = stream.response().expect("a response").expect_code(200);
        assert_eq!(response.header("content-type"), Some("text/event-stream"));
    }
    server.home.run(&["ack", READINESS]).ok();
    for stream in &mut streams {
        while stream.read_line().expect("an event") != "event: changed" {}
        assert_eq!(stream.read_line().as_deref(), Some("data: snapshot"), "browsers ignore an event without data");
    }
    assert_eq!(server.engine.stop("TERM"), Some(0), "{}", server.engine.stderr_text());
    for stream in &mut streams {
        let rest = stream.read_to_close();
        assert!(rest.ends_with("0\r\n\r\n"), "an orderly end: {rest:?}");
    }
}

#[test]
fn running_check_blocks_no_request() {
    let home = Home::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://ada@{}/tasks", silent.local_addr().unwrap());
    home.set(json!({"sources": {"workos": {"url": url, "timeout_seconds": 300}}}));
    let port = free_port();
    home.set(json!({"http": {"enabled": true, "port": port}}));
    let engine = Running::start(&home);
    let mut server = TestServer { home, engine, port };
    let mut run = RawConnection::open(server.port);
    run.send(server.raw_request("POST", "/api/run", &[&server.bearer()], ""));
    let _hanging = silent.accept().unwrap();
    eventually("health was checked", || (!server.engine.status()["last_run"].is_null()).then_some(()));
    server.send("GET", "/health", &[], "").expect_code(200);
    assert_eq!(server.get("/api/status").expect_code(200).json()["check_running"], true);
    server.get("/").expect_code(200);
    server.post("/api/ack", &format!("key={READINESS}")).expect_code(200);
    assert_eq!(server.engine.stop("TERM"), Some(0), "the engine stops: {}", server.engine.stderr_text());
    run.read_to_close();
}

#[test]
fn link_works_once() {
    let server = TestServer::start();
    let link = server.link();
    assert_eq!(
        server.home.run(&["dashboard", "--print", "--json"]).ok().json()["link"].as_str().unwrap().len(),
        link.len()
    );
    let first = server.send("GET", &server.target(&link), &[BROWSER], "").expect_code(200);
    let port = server.port;
    let set = first.header("set-cookie").expect("a cookie");
    let (pair, attributes) = set.split_once("; ").unwrap();
    assert!(pair.starts_with(&format!("operator_{port}=")), "{set}");
    assert_eq!(attributes, "Path=/; Max-Age=604800; HttpOnly; SameSite=Strict");
    let cookie = format!("Cookie: {pair}");
    assert_eq!(server.send("GET", "/api/status", &[&cookie], "").expect_code(200).json()["pid"], server.engine.pid());
    assert!(server.send("GET", "/", &[&cookie], "").expect_code(200).header("set-cookie").is_none(), "no renewal yet");
    let several = format!("Cookie: theme=dark; {pair}; operator_1=other");
    server.send("GET", "/api/status", &[&several], "").expect_code(200);
    server.send("GET", "/api/status", &["Cookie: theme=dark", &cookie], "").expect_code(200);

    let again = server.send("GET", &server.target(&link), &[BROWSER], "").expect_code(401);
    assert!(again.header("set-cookie").is_none() && again.body.contains("used before"), "{again:?}");
    // The same signature in upper case.
    let (body, signature) = link.rsplit_once('.').unwrap();
    let rewritten = format!("{body}.{}", signature.to_uppercase());
    server.send("GET", &server.target(&rewritten), &[], "").expect_code(401);
    assert_ne!(server.sign_in(), cookie, "another link, another cookie");
}

#[test]
fn cookie_ends_with_its_token_not_at_restart() {
    let mut server = TestServer::start();
    let (cookie, link, token) = (server.sign_in(), server.link(), server.token());
    server.restart(|_| {});
    assert_eq!(server.token(), token);
    server.send("GET", "/api/status", &[&cookie], "").expect_code(200);
    server.send("GET", &server.target(&link), &[], "").expect_code(401); // it may have been used before
    server.restart(|home| fs::remove_file(home.path("state/http-token")).unwrap());
    server.send("GET", "/api/status", &[&cookie], "").expect_code(401);
    server.send("GET", "/api/status", &[&format!("Authorization: Bearer {token}")], "").expect_code(401);
    server.get("/api/status").expect_code(200);
}

/// A change of the token file.
type Change = fn(&Home);

fn token_path(home: &Home) -> std::path::PathBuf {
    home.path("state/http-token")
}

#[test]
fn token_file_is_private() {
    let mut server = TestServer::start();
    let mode = |home: &Home| fs::metadata(home.path("state/http-token")).unwrap().permissions().mode() & 0o777;
    let mut token = server.token();
    assert!(mode(&server.home) == 0o600 && token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let changes: [(&str, Change); 4] = [
        ("others could read it", |home| {
            fs::set_permissions(token_path(home), fs::Permissions::from_mode(0o640)).unwrap()
        }),
        ("too short", |home| fs::write(token_path(home), "secret\n").unwrap()),
        ("empty", |home| fs::write(token_path(home), "").unwrap()),
        ("a link to elsewhere", |home| {
            fs::rename(token_path(home), home.path("state/elsewhere")).unwrap();
            std::os::unix::fs::symlink(home.path("state/elsewhere"), token_path(home)).unwrap();
        }),
    ];
    for (description, change) in changes {
        server.restart(change);
        assert!(server.token() != token && server.token().len() == 64, "{description}");
        assert_eq!(mode(&server.home), 0o600, "{description}");
        token = server.token();
        server.get("/api/status").expect_code(200);
    }
}

/// Credentials of the same token as issued at `then`.
fn credentials_at(server: &TestServer, then: Timestamp) -> Credentials {
    Credentials::new(&server.token().into(), then)
}

#[test]
fn cookie_renews_after_a_day_and_ends_in_a_week() {
    let server = TestServer::start();
    let from = |days: i64| {
        let then = Timestamp::now() - SignedDuration::from_hours(24 * days) - SignedDuration::from_mins(1);
        format!("Cookie: operator_{}={}", server.port, credentials_at(&server, then).new_session(then).unwrap())
    };
    let renewed = server.send("GET", "/", &[&from(2)], "").expect_code(200);
    let fresh = format!("Cookie: {}", renewed.cookie().expect("a new cookie"));
    assert_eq!(server.send("GET", "/", &[&fresh], "").expect_code(200).cookie(), None);
    assert_eq!(
        server.send("GET", "/api/status", &[&from(2)], "").expect_code(200).cookie(),
        None,
        "only the dashboard renews"
    );
    server.send("GET", "/", &[&from(6)], "").expect_code(200);
    assert_eq!(server.send("GET", "/", &[&from(7)], "").expect_code(401).cookie(), None);
}

#[test]
fn port_in_use_is_reported_and_retried() {
    let home = Home::new();
    let port = free_port();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    home.set(json!({"http": {"enabled": true, "port": port}}));
    let engine = Running::start(&home);
    let status = home.run(&["--status", "--json"]).ok().json();
    let error = status["http"]["trouble"].as_str().unwrap_or_else(|| panic!("no error: {status:#}"));
    assert!(error.contains(&port.to_string()) && error.contains("http.port"), "{error}");
    assert!(status["http"]["address"].is_null() && status["running"] == true, "{status:#}");
    let warned = status["warnings"].as_array().unwrap().iter().any(|warning| warning.as_str().unwrap().contains(error));
    assert!(warned, "{status:#}");
    assert!(home.run(&["--status"]).ok().out.contains(error), "in the text output too");
    let refused = home.run(&["dashboard", "--print"]).failed(1);
    assert!(refused.err.contains(error), "{refused:?}");
    home.run(&["run-now"]).ok();
    drop(taken);
    eventually("the server starts", || engine.status()["http"]["address"].is_string().then_some(()));
    let status = home.run(&["--status", "--json"]).ok().json();
    assert_eq!(status["http"], json!({"address": format!("127.0.0.1:{port}"), "trouble": null}));
    assert!(!status["warnings"].to_string().contains("dashboard"), "{status:#}");
    let server = TestServer { home, engine, port };
    server.sign_in();
    assert_eq!(
        server.engine.stderr_text().matches("HTTP server unavailable").count(),
        1,
        "{}",
        server.engine.stderr_text()
    );
}

#[rstest]
#[case::disabled(false, &[], "disabled")]
#[case::dry_run(true, &["--dry-run"], "no Operator runs")]
fn disabled_server_does_not_listen(#[case] enabled: bool, #[case] flags: &[&str], #[case] expected: &str) {
    let home = Home::new();
    let port = free_port();
    home.set(json!({"http": {"enabled": enabled, "port": port}}));
    let mut engine = Running::spawn(&home, flags);
    eventually("a check is over", || engine.stderr_text().contains("Check cycle complete").then_some(()));
    assert!(RawConnection::try_open(port).is_err());
    assert!(!home.path("state/http-token").exists());
    let refused = home.run(&["dashboard"]).failed(1);
    assert!(refused.err.contains(expected), "{refused:?}");
    assert_eq!(engine.stop("TERM"), Some(0));
}

#[test]
fn dashboard_without_engine_fails() {
    let home = Home::new();
    home.set(json!({"http": {"enabled": true, "port": free_port()}}));
    let refused = home.run(&["dashboard"]).failed(1);
    assert!(refused.err.contains("no Operator runs: start it"), "{refused:?}");
    home.check(&home.at("09:05"));
    home.run(&["dashboard", "--print"]).failed(1);
    assert!(!home.path("state/http-token").exists(), "a single check starts no server");
}

#[test]
fn dashboard_without_screen_prints_the_link() {
    let server = TestServer::start();
    let run = server.home.run(&["dashboard"]).ok();
    server.send("GET", &server.target(run.out.trim()), &[], "").expect_code(200);
    let ticket = run.out.trim().split_once('=').unwrap().1.to_owned();
    assert!(run.err.contains("no screen") && !run.err.contains(&ticket), "{run:?}");
}

/// A running demo; killed when the test ends.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[rstest]
#[case("TERM")]
#[case("INT")]
fn demo_serves_its_dashboard_until_a_signal(#[case] signal: &str) {
    let home = Home::new();
    // The default port is in use, by this test or another program.
    let _default = TcpListener::bind("127.0.0.1:8765");
    let (out, err) = (home.path("tmp/out"), home.path("tmp/err"));
    let mut program = home.program();
    program.args(["demo", "--serve"]).stdin(Stdio::null());
    program.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
    let mut demo = Demo(program.spawn().unwrap());
    let link = eventually("the link", || {
        let output = fs::read_to_string(&out).unwrap();
        output
            .contains("Another link:")
            .then(|| output.split_whitespace().find(|word| word.contains("/open?")).map(str::to_owned))?
    });
    let address = link.strip_prefix("http://127.0.0.1:").unwrap();
    let port: u16 = address.split('/').next().unwrap().parse().unwrap();
    assert_ne!(port, 8765);
    let ask = |target: &str, line: &str| {
        let mut connection = RawConnection::open(port);
        connection.send(format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{line}\r\n\r\n"));
        connection.response().expect("a response")
    };
    eventually("the engine reports", || (ask("/health", "A: b").code == 200).then_some(()));
    let cookie = ask(&format!("/{}", address.split_once('/').unwrap().1), "A: b").expect_code(200).cookie().unwrap();
    let status = ask("/api/status", &format!("Cookie: {cookie}")).expect_code(200).json();
    assert!(status["open_alerts"].as_u64().unwrap() > 5 && status["dry_run"] == false, "{status:#}");
    ask("/", &format!("Cookie: {cookie}")).expect_code(200);
    let output = fs::read_to_string(&out).unwrap();
    let step = output
        .lines()
        .map(str::trim)
        .find(|line| line.contains(" --config ") && line.ends_with(" dashboard"))
        .expect("a command for another link");
    let mut shell = std::process::Command::new("sh");
    home.clean(&mut shell);
    shell.args(["-c", &format!("{step} --print")]);
    assert!(crate::support::home::finish(shell).ok().out.contains("/open?ticket="));
    let sent = std::process::Command::new("kill").args(["-s", signal, &demo.0.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let child = std::cell::RefCell::new(&mut demo.0);
    let ended = eventually("the demo ends", || child.borrow_mut().try_wait().unwrap());
    assert_eq!(ended.code(), Some(0), "{}", fs::read_to_string(&err).unwrap());
    assert_eq!(output.matches("8765").count(), 0, "{output}");
}
