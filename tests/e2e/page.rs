//! The page on this machine as programs and browsers use it: what it tells, what it changes, and the way in.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use jiff::{SignedDuration, Timestamp};
use operator::http::keys::Keys;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::visitor::{Site, Talk, free_port};

const READINESS: &str = "health:readiness_low";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";
const BROWSER: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn anybody_may_ask_how_it_does_and_learns_nothing_personal() {
    let site = Site::open();
    let answer = site.ask("GET", "/health", &[], "").with(200);
    let health = answer.json();
    assert_eq!(names(&health), ["audit", "circuits", "last_run", "next_run", "problems", "status"].into());
    assert_eq!((&health["status"], &health["problems"]), (&json!("ok"), &json!([])));
    let status = site.engine.status();
    assert_eq!((&health["last_run"], &health["circuits"]), (&status["last_run"], &status["circuit_states"]));
    if health["audit"].is_object() {
        assert_eq!(names(&health["audit"]), ["is_consistent", "at"].into());
    }
    let alerts = site.home.run(&["alerts", "--all", "--json"]).ok().json();
    assert!(alerts.as_array().is_some_and(|alerts| alerts.len() > 5), "there is something to tell");
    for alert in alerts.as_array().unwrap() {
        let key = alert["alert"]["key"].as_str().unwrap();
        let entity = key.rsplit(':').next().unwrap();
        for personal in [key, entity, alert["alert"]["title"].as_str().unwrap()] {
            assert!(!answer.body.contains(personal), "{personal}: {}", answer.body);
        }
    }
    assert!(!answer.body.contains(site.home.root().to_str().unwrap()), "nor where anything is: {}", answer.body);
    let head = site.ask("HEAD", "/health", &[], "").with(200);
    assert_eq!(head.header("content-length"), Some(answer.body.len().to_string().as_str()));
}

#[test]
fn what_is_read_is_what_the_command_line_says() {
    let site = Site::open();
    site.home.run(&["ack", READINESS]).ok();
    let command = |arguments: &[&str]| site.home.run(&[arguments, &["--json"]].concat()).ok().json();
    let read = |target: &str| {
        let answer = site.get(target).with(200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.json()
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
    site.home.readiness(90);
    command(&["run-now"]);
    assert_eq!(read("/api/alerts?all=true"), command(&["alerts", "--all"]));
    assert_ne!(read("/api/alerts"), command(&["alerts", "--all"]), "one has resolved");
    let why = format!("/api/why?key={READINESS}");
    assert_eq!(read(&why), command(&["why", READINESS]));
    assert_eq!(read(&why.replace(':', "%3A")), command(&["why", READINESS]), "as browsers write it");
    let journal = command(&["journal"]);
    assert!(journal.as_array().is_some_and(|entries| entries.len() > 3), "{journal}");
    assert_eq!(read("/api/journal"), journal);
    assert_eq!(read("/api/journal?since=1h"), command(&["journal", "--since", "1h"]));
    assert_eq!(read("/api/journal?since=7d&limit=2"), json!(journal.as_array().unwrap()[..2]));
}

#[test]
fn health_days_end_with_today() {
    let site = Site::open();
    let days = |target: &str| site.get(target).with(200).json().as_array().expect("a list").clone();
    let month = days("/api/health-days");
    let dates: Vec<&str> = month.iter().map(|day| day["date"].as_str().unwrap()).collect();
    assert!(dates.is_sorted() && (25..=30).contains(&dates.len()), "{dates:?}");
    assert_eq!(dates.last(), Some(&site.home.today.to_string().as_str()));
    assert_eq!(month.last().unwrap()["readiness"], 48.0);
    let first = site.home.today.saturating_sub(jiff::ToSpan::days(29)).to_string();
    assert!(dates[0] >= first.as_str(), "{dates:?}");
    assert_eq!(days("/api/health-days?days=1"), month[month.len() - 1..]);
    assert!(days("/api/health-days?days=3660").ends_with(&month));
}

/// How a change is asked for: as a program or as a browser, with a form or with JSON.
#[rstest]
#[case::program_form(false, FORM)]
#[case::program_json(false, JSON)]
#[case::browser_form(true, FORM)]
#[case::browser_json(true, JSON)]
fn what_is_changed_is_changed_in_the_engine(#[case] browser: bool, #[case] kind: &str) {
    let home = Home::new();
    home.set(json!({"sources": {"workos": {"url": "postgres://ada@127.0.0.1:1/tasks"}}})); // nobody listens there
    let site = Site::open_in(home);
    let pass = if browser { site.come_in() } else { site.pass() };
    let origin = if browser { site.origin() } else { String::new() };
    let change = |path: &str, values: &[(&str, &str)]| {
        let body = if kind == JSON {
            let object: serde_json::Map<String, Value> =
                values.iter().map(|(name, value)| ((*name).into(), json!(value))).collect();
            Value::Object(object).to_string()
        } else {
            values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        let answer = site.ask("POST", path, &[&pass, &origin, kind], &body).with(200);
        assert_eq!(answer.json()["ok"], true, "{answer:?}");
        assert!(!answer.message().is_empty(), "{answer:?}");
        answer.json()
    };
    let open = |key: &str| {
        let status = site.engine.status();
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
    let paused = site.engine.status();
    assert!(paused["paused"] == true && paused["paused_until"].is_string(), "{paused:#}");
    change("/api/pause", &[("until", "2126-11-20T09:05:00Z")]);
    assert_eq!(site.engine.status()["paused_until"], "2126-11-20T09:05:00Z");
    change("/api/pause", &[]);
    let paused = site.engine.status();
    assert!(paused["paused"] == true && paused["paused_until"].is_null(), "{paused:#}");
    change("/api/resume", &[]);
    assert_eq!(site.engine.status()["paused"], false);

    change("/api/quiet", &[("state", "on")]);
    assert_eq!(site.engine.status()["is_quiet_hours"], true);
    change("/api/quiet", &[("state", "off")]);
    assert_eq!(site.engine.status()["is_quiet_hours"], false);

    let before = site.engine.status()["run_count"].as_u64().unwrap();
    let report = change("/api/run", &[]);
    assert_eq!(report["body"]["monitors"]["health"]["status"], "ok", "{report:#}");
    assert!(site.engine.status()["run_count"].as_u64().unwrap() > before);

    eventually("the circuit opens", || {
        change("/api/run", &[]);
        (site.engine.status()["circuit_states"]["workos"] == "open").then_some(())
    });
    change("/api/reset-circuit", &[("name", "workos")]);
    assert_eq!(site.engine.status()["circuit_states"]["workos"], "closed");
}

#[test]
fn what_cannot_be_meant_is_refused_in_a_sentence_and_changes_nothing() {
    let site = Site::open();
    let (pass, ack) = (site.pass(), format!("key={READINESS}"));
    let lasting = || {
        let mut status = site.engine.status();
        for changing in ["uptime_seconds", "last_run", "next_run", "run_count", "monitor_states", "checking"] {
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
        let answer = site.get(target).with(400);
        assert!(answer.json()["ok"] == false && answer.message().len() > 10, "{target}: {answer:?}");
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
        let answer = site.ask("POST", path, &[&pass, kind], body);
        assert!(answer.clone().with(400).message().len() > 10, "{path} {body}: {answer:?}");
    }
    for (path, body) in [
        ("/api/ack", "key=health:nothing_such"),
        ("/api/snooze", "key=health:nothing_such&for=1h"),
        ("/api/reset-circuit", "name=telephone"),
    ] {
        let answer = site.post(path, body).with(409);
        assert!(answer.json()["ok"] == false && answer.message().len() > 10, "{path} {body}: {answer:?}");
    }
    assert!(site.get("/api/why?key=health:nothing_such").with(404).message().contains("never seen"));
    assert_eq!(lasting(), before);
}

#[test]
fn a_slip_in_a_name_is_answered_with_the_names_there_are() {
    let site = Site::open();
    assert_eq!(site.post("/api/pause", "hours=1").message(), "'hours' means nothing here; known: until, for.");
    assert_eq!(site.get("/api/status?x=1").message(), "'x' means nothing here.");
    assert!(site.post("/api/pause", "for=1h&for=2h").message().contains("'for' is given twice"));
    assert!(site.get("/api/alerts?all=true&all=false").message().contains("'all' is given twice"));
    assert!(site.post("/api/reset-circuit", "name=telephone").message().contains("there are oura, workos"));
}

#[test]
fn without_scripts_a_form_leads_back_to_the_page() {
    let site = Site::open();
    let (cookie, origin) = (site.come_in(), site.origin());
    let done = site.ask("POST", "/api/ack", &[&cookie, &origin, FORM, BROWSER], &format!("key={READINESS}")).with(303);
    assert_eq!(done.header("location"), Some("/"));
    let refused = site.ask("POST", "/api/ack", &[&cookie, &origin, FORM, BROWSER], "key=health:%3Cb%3E");
    assert!((400..500).contains(&refused.code) && !refused.body.contains("<b>"), "{refused:?}");
    let refused = site.ask("POST", "/api/ack", &[&cookie, &origin, FORM, BROWSER], "key=health:none").with(409);
    assert!(refused.body.contains("<h1>Not done</h1>") && refused.body.contains("no such alert"), "{refused:?}");
    let lost = site.ask("GET", "/", &[BROWSER], "").with(401);
    assert!(lost.body.contains("Open the dashboard from Operator") && lost.body.starts_with("<!doctype"), "{lost:?}");
}

#[test]
fn another_port_holds_from_the_next_start_on_and_that_is_said() {
    let site = Site::open();
    site.home.set(json!({"http": {"port": free_port()}}));
    let sentence = json!("a changed http.enabled or http.port takes effect at the next start");
    eventually("it is said", || {
        let status = site.engine.status();
        status["warnings"].as_array()?.contains(&sentence).then_some(())
    });
    assert_eq!(site.ask("GET", "/health", &[], "").with(200).json()["status"], "ok", "where it was");
}

#[test]
fn heads_and_wrong_methods() {
    let site = Site::open();
    let pass = site.pass();
    for target in ["/", "/api/status", "/api/alerts", "/api/journal", "/api/health-days", "/dashboard.css"] {
        assert_eq!(site.ask("HEAD", target, &[&pass], "").with(200).body, "", "{target}");
    }
    let before = site.engine.status()["run_count"].clone();
    let changes = ["run", "pause", "resume", "ack", "snooze", "quiet", "reset-circuit"];
    for name in changes {
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            let answer = site.ask(method, &format!("/api/{name}"), &[&pass], "").with(405);
            assert_eq!(answer.header("allow"), Some("POST"), "{method} {name}");
            assert!(method == "HEAD" || answer.message().contains("POST"), "{answer:?}");
        }
    }
    for target in ["/", "/api/status", "/events", "/health", "/open"] {
        let answer = site.ask("POST", target, &[&pass], "").with(405);
        assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{target}");
    }
    for target in ["/api", "/api/", "/api/nothing", "/index.html", "/metrics/", "*"] {
        site.ask("GET", target, &[&pass], "").with(404);
    }
    assert_eq!((&site.engine.status()["run_count"], &site.engine.status()["paused"]), (&before, &json!(false)));
}

#[test]
fn the_event_stream_tells_of_changes_and_ends_with_the_engine() {
    let mut site = Site::open();
    let mut streams: Vec<Talk> = (0..3).map(|_| Talk::with(site.port)).collect();
    for stream in &mut streams {
        stream.say(site.request("GET", "/events", &[&site.pass()], ""));
        let answer = stream.answer().expect("an answer").with(200);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    }
    site.home.run(&["ack", READINESS]).ok();
    for stream in &mut streams {
        while stream.line().expect("news") != "event: changed" {}
        assert_eq!(stream.line().as_deref(), Some("data: snapshot"), "a browser passes over an event without data");
    }
    assert_eq!(site.engine.stop("TERM"), Some(0), "{}", site.engine.said());
    for stream in &mut streams {
        let rest = stream.rest();
        assert!(rest.ends_with("0\r\n\r\n"), "it ends in order: {rest:?}");
    }
}

#[test]
fn a_check_under_way_keeps_nobody_waiting() {
    let home = Home::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://ada@{}/tasks", silent.local_addr().unwrap());
    home.set(json!({"sources": {"workos": {"url": url, "timeout_seconds": 300}}}));
    let port = free_port();
    home.set(json!({"http": {"enabled": true, "port": port}}));
    let engine = Running::start(&home);
    let mut site = Site { home, engine, port };
    let mut run = Talk::with(site.port);
    run.say(site.request("POST", "/api/run", &[&site.pass()], ""));
    let _hanging = silent.accept().unwrap();
    eventually("health was looked at", || (!site.engine.status()["last_run"].is_null()).then_some(()));
    site.ask("GET", "/health", &[], "").with(200);
    assert_eq!(site.get("/api/status").with(200).json()["checking"], true);
    site.get("/").with(200);
    site.post("/api/ack", &format!("key={READINESS}")).with(200);
    assert_eq!(site.engine.stop("TERM"), Some(0), "nor does it keep the engine: {}", site.engine.said());
    run.rest();
}

#[test]
fn a_link_lets_in_once() {
    let site = Site::open();
    let link = site.link();
    assert_eq!(
        site.home.run(&["dashboard", "--print", "--json"]).ok().json()["link"].as_str().unwrap().len(),
        link.len()
    );
    let first = site.ask("GET", &site.target(&link), &[BROWSER], "").with(200);
    let port = site.port;
    let set = first.header("set-cookie").expect("a cookie");
    let (pair, attributes) = set.split_once("; ").unwrap();
    assert!(pair.starts_with(&format!("operator_{port}=")), "{set}");
    assert_eq!(attributes, "Path=/; Max-Age=604800; HttpOnly; SameSite=Strict");
    let cookie = format!("Cookie: {pair}");
    assert_eq!(site.ask("GET", "/api/status", &[&cookie], "").with(200).json()["pid"], site.engine.pid());
    assert!(site.ask("GET", "/", &[&cookie], "").with(200).header("set-cookie").is_none(), "it is young");
    let several = format!("Cookie: theme=dark; {pair}; operator_1=other");
    site.ask("GET", "/api/status", &[&several], "").with(200);
    site.ask("GET", "/api/status", &["Cookie: theme=dark", &cookie], "").with(200);

    let again = site.ask("GET", &site.target(&link), &[BROWSER], "").with(401);
    assert!(again.header("set-cookie").is_none() && again.body.contains("used before"), "{again:?}");
    // The same signature, written in other letters.
    let (body, signature) = link.rsplit_once('.').unwrap();
    let rewritten = format!("{body}.{}", signature.to_uppercase());
    site.ask("GET", &site.target(&rewritten), &[], "").with(401);
    assert_ne!(site.come_in(), cookie, "another link, another cookie");
}

#[test]
fn a_cookie_outlives_a_restart_and_dies_with_its_token() {
    let mut site = Site::open();
    let (cookie, link, token) = (site.come_in(), site.link(), site.token());
    site.reopen(|_| {});
    assert_eq!(site.token(), token);
    site.ask("GET", "/api/status", &[&cookie], "").with(200);
    site.ask("GET", &site.target(&link), &[], "").with(401); // it may have been used before
    site.reopen(|home| fs::remove_file(home.path("state/http-token")).unwrap());
    site.ask("GET", "/api/status", &[&cookie], "").with(401);
    site.ask("GET", "/api/status", &[&format!("Authorization: Bearer {token}")], "").with(401);
    site.get("/api/status").with(200);
}

/// What is done to the token's file.
type Change = fn(&Home);

fn place(home: &Home) -> std::path::PathBuf {
    home.path("state/http-token")
}

#[test]
fn the_token_is_the_owners_alone() {
    let mut site = Site::open();
    let mode = |home: &Home| fs::metadata(home.path("state/http-token")).unwrap().permissions().mode() & 0o777;
    let mut token = site.token();
    assert!(mode(&site.home) == 0o600 && token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let changes: [(&str, Change); 4] = [
        ("others could read it", |home| fs::set_permissions(place(home), fs::Permissions::from_mode(0o640)).unwrap()),
        ("too short", |home| fs::write(place(home), "secret\n").unwrap()),
        ("empty", |home| fs::write(place(home), "").unwrap()),
        ("a link to elsewhere", |home| {
            fs::rename(place(home), home.path("state/elsewhere")).unwrap();
            std::os::unix::fs::symlink(home.path("state/elsewhere"), place(home)).unwrap();
        }),
    ];
    for (what, change) in changes {
        site.reopen(change);
        assert!(site.token() != token && site.token().len() == 64, "{what}");
        assert_eq!(mode(&site.home), 0o600, "{what}");
        token = site.token();
        site.get("/api/status").with(200);
    }
}

/// Keys of the same token, as they were given out then.
fn keys_of(site: &Site, then: Timestamp) -> Keys {
    Keys::new(&site.token().into(), then)
}

#[test]
fn a_visit_after_a_day_renews_the_cookie_and_after_a_week_it_is_over() {
    let site = Site::open();
    let from = |days: i64| {
        let then = Timestamp::now() - SignedDuration::from_hours(24 * days) - SignedDuration::from_mins(1);
        format!("Cookie: operator_{}={}", site.port, keys_of(&site, then).session(then).unwrap())
    };
    let renewed = site.ask("GET", "/", &[&from(2)], "").with(200);
    let fresh = format!("Cookie: {}", renewed.cookie().expect("a new cookie"));
    assert_eq!(site.ask("GET", "/", &[&fresh], "").with(200).cookie(), None);
    assert_eq!(site.ask("GET", "/api/status", &[&from(2)], "").with(200).cookie(), None, "the page alone renews");
    site.ask("GET", "/", &[&from(6)], "").with(200);
    assert_eq!(site.ask("GET", "/", &[&from(7)], "").with(401).cookie(), None);
}

#[test]
fn a_taken_port_is_said_and_had_when_it_is_free() {
    let home = Home::new();
    let port = free_port();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    home.set(json!({"http": {"enabled": true, "port": port}}));
    let engine = Running::start(&home);
    let status = home.run(&["--status", "--json"]).ok().json();
    let trouble = status["http"]["trouble"].as_str().unwrap_or_else(|| panic!("no trouble: {status:#}"));
    assert!(trouble.contains(&port.to_string()) && trouble.contains("http.port"), "{trouble}");
    assert!(status["http"]["address"].is_null() && status["running"] == true, "{status:#}");
    let warned =
        status["warnings"].as_array().unwrap().iter().any(|warning| warning.as_str().unwrap().contains(trouble));
    assert!(warned, "{status:#}");
    assert!(home.run(&["--status"]).ok().out.contains(trouble), "in words too");
    let refused = home.run(&["dashboard", "--print"]).failed(1);
    assert!(refused.err.contains(trouble), "{refused:?}");
    home.run(&["run-now"]).ok();
    drop(taken);
    eventually("the page comes", || engine.status()["http"]["address"].is_string().then_some(()));
    let status = home.run(&["--status", "--json"]).ok().json();
    assert_eq!(status["http"], json!({"address": format!("127.0.0.1:{port}"), "trouble": null}));
    assert!(!status["warnings"].to_string().contains("dashboard"), "{status:#}");
    let site = Site { home, engine, port };
    site.come_in();
    assert_eq!(site.engine.said().matches("The dashboard is not served").count(), 1, "{}", site.engine.said());
}

#[rstest]
#[case::switched_off(false, &[], "switched off")]
#[case::dry_run(true, &["--dry-run"], "no Operator runs")]
fn where_there_is_no_page_nothing_listens(#[case] enabled: bool, #[case] flags: &[&str], #[case] said: &str) {
    let home = Home::new();
    let port = free_port();
    home.set(json!({"http": {"enabled": enabled, "port": port}}));
    let mut engine = Running::spawn(&home, flags);
    eventually("a check is over", || engine.said().contains("Check cycle complete").then_some(()));
    assert!(Talk::try_with(port).is_err());
    assert!(!home.path("state/http-token").exists());
    let refused = home.run(&["dashboard"]).failed(1);
    assert!(refused.err.contains(said), "{refused:?}");
    assert_eq!(engine.stop("TERM"), Some(0));
}

#[test]
fn without_an_engine_there_is_no_dashboard() {
    let home = Home::new();
    home.set(json!({"http": {"enabled": true, "port": free_port()}}));
    let refused = home.run(&["dashboard"]).failed(1);
    assert!(refused.err.contains("no Operator runs: start it"), "{refused:?}");
    home.check(&home.at("09:05"));
    home.run(&["dashboard", "--print"]).failed(1);
    assert!(!home.path("state/http-token").exists(), "one check has no page");
}

#[test]
fn without_a_screen_the_link_is_all_there_is() {
    let site = Site::open();
    let run = site.home.run(&["dashboard"]).ok();
    site.ask("GET", &site.target(run.out.trim()), &[], "").with(200);
    let ticket = run.out.trim().split_once('=').unwrap().1.to_owned();
    assert!(run.err.contains("no screen") && !run.err.contains(&ticket), "{run:?}");
}

/// A demo that goes on; ended with the test.
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
fn the_demo_goes_on_with_its_dashboard(#[case] signal: &str) {
    let home = Home::new();
    // By us or by somebody else.
    let _usual = TcpListener::bind("127.0.0.1:8765");
    let (out, err) = (home.path("tmp/out"), home.path("tmp/err"));
    let mut program = home.program();
    program.args(["demo", "--serve"]).stdin(Stdio::null());
    program.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
    let mut demo = Demo(program.spawn().unwrap());
    let link = eventually("the link", || {
        let said = fs::read_to_string(&out).unwrap();
        said.contains("For another link:")
            .then(|| said.split_whitespace().find(|word| word.contains("/open?")).map(str::to_owned))?
    });
    let address = link.strip_prefix("http://127.0.0.1:").unwrap();
    let port: u16 = address.split('/').next().unwrap().parse().unwrap();
    assert_ne!(port, 8765);
    let ask = |target: &str, line: &str| {
        let mut talk = Talk::with(port);
        talk.say(format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{line}\r\n\r\n"));
        talk.answer().expect("an answer")
    };
    eventually("the engine has something to say", || (ask("/health", "A: b").code == 200).then_some(()));
    let cookie = ask(&format!("/{}", address.split_once('/').unwrap().1), "A: b").with(200).cookie().unwrap();
    let status = ask("/api/status", &format!("Cookie: {cookie}")).with(200).json();
    assert!(status["open_alerts"].as_u64().unwrap() > 5 && status["dry_run"] == false, "{status:#}");
    ask("/", &format!("Cookie: {cookie}")).with(200);
    let said = fs::read_to_string(&out).unwrap();
    let step = said
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
    assert_eq!(said.matches("8765").count(), 0, "{said}");
}
