//! Tokens and passwords appear in no output and in no file but the configuration itself.

use std::path::PathBuf;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::http::{Answer, Request, Server};

/// Plain and percent-encoded.
const SECRETS: [&str; 13] = [
    "t0ken-of-Oura",
    "b0t-token-77",
    "hunter2pass",
    "p%40ss-word9",
    "p@ss-word9",
    "h00k-path",
    "h00k-query",
    "s1gning-key",
    "b3at-path",
    "t0pic-of-ours",
    "tk_of-ours",
    "appl1cationT0ken",
    "us3rKey",
];

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

fn assert_no_secret(place: &str, bytes: &[u8]) {
    for secret in SECRETS {
        assert!(!holds(bytes, secret), "{place} holds {secret}: {}", String::from_utf8_lossy(bytes));
    }
}

/// Runs many commands with debug logs and searches their output.
fn search_output(home: &Home, form: &[&str]) {
    let at = home.at("09:05");
    let commands: [&[&str]; 10] = [
        &["--once", "--at", &at],
        &["--once", "--dry-run"],
        &["--status"],
        &["check"],
        &["alerts", "--all"],
        &["journal"],
        &["why", "health:readiness_low"],
        &["pause", "1h"],
        &["reset-circuit", "workos"],
        &["run-now"],
    ];
    for command in commands {
        let run = home.run(&[command, &["--verbose"], form].concat());
        assert_no_secret(&format!("stdout of {command:?}"), run.out.as_bytes());
        assert_no_secret(&format!("stderr of {command:?}"), run.err.as_bytes());
    }
}

fn search_files(home: &Home, may_hold: &[PathBuf]) {
    let files = home.everything();
    assert!(
        files.keys().any(|path| path.ends_with("operator.db")) && files.keys().any(|p| p.ends_with("operator.log"))
    );
    for (path, bytes) in files.iter().filter(|(path, _)| !may_hold.contains(path)) {
        assert_no_secret(&path.display().to_string(), bytes);
    }
}

fn workos(address: &str) -> Value {
    json!({"url": format!("postgres://ada:hunter2pass@{address}"), "timeout_seconds": 1})
}

#[rstest]
#[case::refused(workos("127.0.0.1:1/tasks?sslmode=disable"), "http://127.0.0.1:1/v2")]
#[case::unknown_host(workos("no.such.host.invalid/tasks"), "https://no.such.host.invalid/v2")]
#[case::bad_port(workos("127.0.0.1:99999/tasks"), "http://127.0.0.1:1/v2")]
#[case::bad_option(workos("127.0.0.1:1/tasks?sslmode=perhaps"), "http://127.0.0.1:1/v2")]
#[case::bad_scheme(json!({"url": "mysql://ada:hunter2pass@127.0.0.1/tasks"}), "http://127.0.0.1:1/v2")]
#[case::no_address(json!({"url": "hunter2pass"}), "http://127.0.0.1:1/v2")]
#[case::key_value(json!({"url": "host=127.0.0.1 port=1 user=ada password=hunter2pass"}), "http://127.0.0.1:1/v2")]
#[case::encoded(json!({"url": "postgres://ada:p%40ss-word9@127.0.0.1:1/tasks"}), "http://127.0.0.1:1/v2")]
#[case::in_the_query(json!({"url": "postgres://127.0.0.1:1/tasks?user=ada&password=hunter2pass"}), "http://127.0.0.1:1/v2")]
fn failing_sources_show_no_secret(#[case] workos: Value, #[case] oura: &str) {
    let (home, bots) = (Home::new(), Server::start(echo(401)));
    // Without a cache the API is used.
    std::fs::remove_file(home.path("foreign/oura-health.db")).unwrap();
    home.set(json!({
        "sources": {"workos": workos, "oura": {"token": "t0ken-of-Oura", "base_url": oura, "timeout_seconds": 1}},
        "alerters": {"telegram": {"enabled": true, "token": "b0t-token-77", "chat_id": "4711", "api_url": bots.url}},
        "http": {"heartbeat_url": "http://ada:hunter2pass@127.0.0.1:1/b3at-path"},
    }));
    assert_eq!(home.run(&["--status"]).code, 0, "the configuration is valid");
    search_output(&home, &[]);
    let mut engine = Running::start(&home);
    search_output(&home, &["--json"]);
    assert_eq!(engine.stop("TERM"), Some(0));
    search_files(&home, &[home.path("config.yaml")]);
}

#[test]
fn secret_files_are_not_shown() {
    let (home, bots) = (Home::new(), Server::start(echo(401)));
    let files =
        [("oura", "t0ken-of-Oura\n"), ("bot", "b0t-token-77\n"), ("url", "postgres://ada:hunter2pass@127.0.0.1:1/t")];
    for (name, secret) in files {
        std::fs::write(home.path(name), secret).unwrap();
    }
    home.set(json!({
        "sources": {
            "oura": {"cache_dir": home.path("nowhere"), "token_file": home.path("oura"), "base_url": "http://127.0.0.1:1/v2"},
            "workos": {"url_file": home.path("url")},
        },
        "alerters": {"telegram": {"enabled": true, "token_file": home.path("bot"), "chat_id": "4711", "api_url": bots.url}},
    }));
    search_output(&home, &["--json"]);
    search_files(&home, &files.map(|(name, _)| home.path(name)));
}

/// A server that repeats the request in its body and headers.
fn echo(status: u16) -> impl Fn(&Request) -> Answer {
    move |request| {
        let asked = format!("{} {:?} {:?}", request.path, request.query, request.headers);
        let header: &'static str =
            Box::leak(format!("Location: http://127.0.0.1:1{}\r\n", request.path).into_boxed_str());
        Answer::Whole(status, header, json!({"ok": false, "description": asked}).to_string())
    }
}

#[rstest]
#[case::bad_request(echo(400))]
#[case::unauthorized(echo(401))]
#[case::forbidden(echo(403))]
#[case::not_found(echo(404))]
#[case::conflict(echo(409))]
#[case::slow_down(echo(429))]
#[case::moved(echo(301))]
#[case::broken(echo(500))]
#[case::bad_gateway(echo(502))]
#[case::ok_with_error_body(echo(200))]
#[case::closes(|_: &Request| Answer::Close)]
#[case::no_http(|request: &Request| Answer::Raw(format!("220 {}\r\n", request.path)))]
#[case::cut(|request: &Request| Answer::Cut(request.path.repeat(9)))]
fn failing_channels_show_no_secret(#[case] answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
    let server = Server::start(answer);
    search_with_failing_channels(&server.url, &server.url);
}

#[rstest]
#[case::refused("http://127.0.0.1:1", "http://127.0.0.1:1")]
#[case::unknown_host("https://no.such.host.invalid", "https://no.such.host.invalid")]
#[case::bad_port("http://127.0.0.1:99999", "http://127.0.0.1:99999")]
#[case::bad_scheme("http://127.0.0.1:1", "ftp://127.0.0.1")]
fn unreachable_channels_show_no_secret(#[case] api: &str, #[case] hook: &str) {
    search_with_failing_channels(api, hook);
}

fn search_with_failing_channels(api: &str, hook: &str) {
    let home = Home::new();
    home.only_readiness();
    let hook = hook.replace("://", "://ada:hunter2pass@");
    home.set(json!({"alerters": {
        "notification": {"enabled": false},
        "telegram": {"enabled": true, "token": "77:b0t-token-77", "chat_id": "4711", "api_url": api},
        "webhook": {
            "enabled": true, "url": format!("{hook}/h00k-path?k=h00k-query"), "secret": "s1gning-key", "timeout_seconds": 1,
        },
        "pushover": {"enabled": true, "api_url": api, "token": "appl1cationT0ken", "user": "us3rKey"},
        "ntfy": {"enabled": true, "url": api, "topic": "t0pic-of-ours", "token": "tk_of-ours"},
    }}));
    let mut engine = Running::spawn(&home, &["--verbose"]);
    eventually("each channel has been tried", || {
        let states = engine.ask(r#"{"command": "status"}"#)?["body"]["channel_states"].clone();
        let tried = |name: &str| states[name]["state"] == "failing" || states[name]["last_delivered"].is_string();
        ["telegram", "webhook", "ntfy", "pushover"].into_iter().all(tried).then_some(())
    });
    let commands: [&[&str]; 7] = [
        &["--status"],
        &["--status", "--json"],
        &["check"],
        &["check", "--json"],
        &["why", "health:readiness_low"],
        &["test-alert"],
        &["test-alert", "webhook", "--json"],
    ];
    for command in commands {
        let run = home.run(command);
        assert_no_secret(&format!("{command:?}"), format!("{}{}", run.out, run.err).as_bytes());
    }
    assert_eq!(engine.stop("TERM"), Some(0));
    search_files(&home, &[home.path("config.yaml")]);
}

#[rstest]
#[case::wrong_type(r#"{"sources": {"workos": {"url": ["postgres://ada:hunter2pass@h/t"]}}}"#)]
#[case::wrong_place(r#"{"sources": {"workos": {"urll": "postgres://ada:hunter2pass@h/t"}}}"#)]
#[case::cut(r#"{"sources": {"oura": {"token": "t0ken-of-Oura"#)]
#[case::twice(r#"{"sources": {"oura": {"token": "t0ken-of-Oura", "token": "t0ken-of-Oura"}}}"#)]
#[case::bare("t0ken-of-Oura")]
#[case::section(r#"{"sources": {"workos": "postgres://ada:hunter2pass@h/t"}}"#)]
fn config_error_does_not_quote_the_secret(#[case] text: &str) {
    let home = Home::new();
    std::fs::write(home.path("config.yaml"), text).unwrap();
    let run = home.run(&["--once", "--verbose"]).failed(64);
    assert_no_secret("stderr", run.err.as_bytes());
}
