//! `operator connect oura` with a browser, an engine beside it, and its tokens on disk.

use std::net::{Ipv6Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use jiff::ToSpan;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::connecting::User;
use crate::support::engine::Running;
use crate::support::home::{Home, eventually, finish};
use crate::support::http::Answer;
use crate::support::oura::{CODE, ID, NextAnswer, SECRET, access_token, refresh_token};

/// Only Oura may receive these.
fn secrets() -> Vec<String> {
    let pairs = (1..=4).flat_map(|pair| [access_token(pair), refresh_token(pair)]);
    pairs.chain([SECRET.to_owned(), CODE.to_owned()]).collect()
}

fn assert_no_secret(place: &str, text: &[u8]) {
    for secret in secrets() {
        let holds = text.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!holds, "{place} holds {secret}: {}", String::from_utf8_lossy(text));
    }
}

fn line<'a>(report: &'a Value, name: &str) -> &'a Value {
    report.as_array().unwrap().iter().find(|line| line["name"] == name).expect("a line")
}

/// The start date of each request of a collection.
fn start_dates(user: &User, collection: &str) -> Vec<String> {
    let asked = user.oura.server.requests();
    let days = asked.iter().filter(|request| request.collection == collection);
    days.map(|request| request.query["start_date"].clone()).collect()
}

#[test]
fn running_engine_fetches_60_days_after_connect() {
    let user = User::new();
    let mut engine = Running::start(&user.home);
    eventually("the first check", || (engine.status()["run_count"] != 0).then_some(()));
    assert_eq!(engine.status()["oura_connection"], "off");
    let connecting = user.begin();
    let expected = [
        ("response_type", "code"),
        ("client_id", ID),
        ("redirect_uri", &format!("http://localhost:{}/callback", user.port)),
        ("scope", "daily stress heartrate personal"),
    ];
    for (name, value) in expected {
        assert_eq!(connecting.parameter(name), value);
    }
    let page = connecting.says_yes();
    assert_eq!(page.code, 200, "{page:?}");
    assert!(page.text.contains("Oura is connected") && page.text.contains("no-store"), "{page:?}");
    let run = connecting.ended().ok();
    assert!(run.out.contains("connected") && run.out.contains("60 days"), "{run:?}");
    let asked = &user.oura.token_requests()[0];
    assert_eq!((asked["grant_type"].as_str(), asked["code"].as_str()), ("authorization_code", CODE));
    assert_eq!(asked["redirect_uri"], format!("http://localhost:{}/callback", user.port));

    let first = user.home.today.saturating_sub(60.days()).to_string();
    eventually("two months are there", || {
        let sql = "SELECT count(*) FROM health_days";
        let days: i64 = user.home.database().query_row(sql, [], |row| row.get(0)).ok()?;
        (days == 61).then_some(())
    });
    assert_eq!(start_dates(&user, "sleep"), [first], "once");
    assert_eq!(engine.status()["oura_connection"], "connected");
    engine.ask(r#"{"command": "run_now"}"#).unwrap();
    let week = user.home.today.saturating_sub(7.days()).to_string();
    assert_eq!(start_dates(&user, "sleep")[1..], [week], "later a week is enough");

    let check = user.home.run(&["check", "--json"]).json();
    assert_eq!(line(&check, "oura")["result"], "ok", "{check}");
    assert!(line(&check, "oura")["about"].as_str().unwrap().contains("API: connected"), "{check}");
    assert_eq!(std::fs::metadata(user.home.path("state/oura-tokens.json")).unwrap().mode() & 0o777, 0o600);
    assert!(!user.stored_tokens().contains(SECRET), "the configuration has it");
    assert_eq!(engine.stop("TERM"), Some(0));
}

#[test]
fn next_engine_fetches_60_days_after_connect() {
    let user = User::new();
    let run = user.connect();
    assert!(run.out.contains("when Operator next starts"), "{run:?}");
    assert_eq!(start_dates(&user, "sleep").len(), 0);
    let at = user.home.at("12:00");
    assert_eq!(user.home.check(&at)["monitors"]["health"]["status"], "ok");
    assert_eq!(start_dates(&user, "sleep"), [user.home.today.saturating_sub(60.days()).to_string()]);
}

#[test]
fn cache_of_a_week_does_not_replace_60_days() {
    let user = User::new();
    operator::cli::demo::health::write(&user.home.path("foreign/oura-health.db"), user.home.today, 7).unwrap();
    user.home.set(json!({"sources": {"oura": {"cache_dir": user.home.path("foreign/oura-health.db")}}}));
    user.connect();
    let report = user.home.check(&user.home.at("12:00"));
    assert_eq!(report["monitors"]["health"]["source"], "oura_api", "{report}");
    let report = user.home.check(&user.home.at("12:30"));
    assert_eq!(report["monitors"]["health"]["source"], "oura_cache", "then the cache is enough: {report}");
    assert_eq!(start_dates(&user, "sleep").len(), 1);
}

#[test]
fn other_callback_requests_are_refused() {
    let user = User::new();
    let connecting = user.begin();
    let state = connecting.parameter("state");
    let (yes, wrong) = (format!("code={CODE}"), "0".repeat(64));
    let refused = [
        ("GET", "/".to_owned(), 404),
        ("GET", "/favicon.ico".into(), 404),
        ("GET", format!("/callback/more?{yes}&state={state}"), 404),
        ("POST", format!("/callback?{yes}&state={state}"), 405),
        ("HEAD", format!("/callback?{yes}&state={state}"), 405),
        ("GET", format!("/callback?{yes}"), 403),
        ("GET", format!("/callback?{yes}&state={wrong}"), 403),
        ("GET", format!("/callback?{yes}&state={wrong}&state={state}"), 403),
        ("GET", format!("/callback?error=access_denied&state={wrong}"), 403),
        ("GET", format!("/callback?state={state}"), 400),
        ("GET", format!("/callback?code={}&state={state}", "x".repeat(10_000)), 400),
    ];
    for (method, target, code) in refused {
        let page = connecting.asks(method, &target);
        assert_eq!(page.code, code, "{method} {target}: {page:?}");
    }
    // A request that is too long is cut off.
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", user.port)).unwrap();
    let sent = std::io::Write::write_all(&mut stream, format!("GET /{}", "x".repeat(1_000_000)).as_bytes());
    assert!(sent.is_err() || std::io::Read::read_to_end(&mut stream, &mut Vec::new()).is_ok());
    assert!(user.oura.server.requests().is_empty());
    // Over IPv6 too, where this machine has it.
    let page = match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => connecting.asks_at(Ipv6Addr::LOCALHOST.into(), "GET", &format!("/callback?{yes}&state={state}")),
        Err(_) => connecting.says_yes(),
    };
    assert_eq!(page.code, 200, "{page:?}");
    connecting.ended().ok();
    assert!(std::net::TcpStream::connect(("127.0.0.1", user.port)).is_err(), "the port is closed");
}

#[test]
fn denied_consent_changes_nothing() {
    let user = User::new();
    let connecting = user.begin();
    let page = connecting.answers("error=access_denied&error_description=%3Cb%3Eno%3C/b%3E");
    assert!(page.code == 400 && page.text.contains("you declined") && !page.text.contains("<b>"), "{page:?}");
    let run = connecting.ended();
    assert!((run.code, run.out.as_str()) == (1, "") && run.err.contains("you declined"), "{run:?}");
    assert!(user.stored_tokens().is_empty() && user.oura.server.requests().is_empty());
}

#[rstest]
#[case::wrong_application(NextAnswer::Instead(Answer::Whole(401, "", r#"{"error":"invalid_client"}"#.into())), "client id")]
#[case::code_used(NextAnswer::Instead(Answer::Whole(400, "", r#"{"error":"invalid_grant"}"#.into())), "redirect address")]
#[case::blocked(NextAnswer::Instead(Answer::status(403)), "membership")]
#[case::old_app(NextAnswer::Instead(Answer::status(426)), "Update the Oura app")]
#[case::broken(NextAnswer::Instead(Answer::status(500)), "500")]
#[case::too_much(NextAnswer::Instead(Answer::json("x".repeat(10_000_000))), "over")]
#[case::cut(NextAnswer::AfterRotation(Answer::Cut("{}".repeat(40))), "127.0.0.1")]
#[case::no_refresh(NextAnswer::Instead(Answer::json(r#"{"access_token":"acc3ss-token-1"}"#)), "no refresh token")]
fn failed_exchange_is_shown_in_both_places(#[case] answer: NextAnswer, #[case] word: &str) {
    let user = User::new();
    user.oura.set_next_answer(answer);
    let connecting = user.begin();
    let page = connecting.says_yes();
    assert!(page.code == 400 && page.text.contains(word), "{page:?}");
    let run = connecting.ended();
    assert!(run.code == 1 && run.err.contains(word), "{run:?}");
    assert_no_secret("the page", page.text.as_bytes());
    assert_no_secret("the screen", run.err.as_bytes());
    assert!(user.stored_tokens().is_empty());
    assert_eq!(user.oura.token_requests().len(), 1);
}

#[test]
fn issuer_of_the_callback_names_the_endpoint() {
    let user = User::new();
    let issuer =
        format!("{}/oauth/v2/ext/oauth-anonymous", user.oura.server.url).replace(':', "%3A").replace('/', "%2F");
    let connecting = user.begin();
    assert_eq!(connecting.answers(&format!("code={CODE}&iss={issuer}")).code, 200);
    connecting.ended().ok();
    assert_eq!(user.oura.token_request_paths(), ["/oauth/v2/ext/oauth-token"]);
    user.home.run(&["disconnect", "oura"]).ok();
    assert!(user.oura.is_revoked());
}

#[test]
fn untrusted_issuer_receives_nothing() {
    let user = User::new();
    let connecting = user.begin();
    let page = connecting.answers(&format!("code={CODE}&iss=https%3A%2F%2Foura.evil.example"));
    assert!(page.code == 400 && page.text.contains("not Oura's"), "{page:?}");
    assert_eq!(connecting.ended().code, 1);
    assert!(user.oura.server.requests().is_empty() && user.stored_tokens().is_empty());
}

#[test]
fn single_loopback_address_is_enough() {
    let user = User::new();
    let four = TcpListener::bind(("127.0.0.1", user.port)).unwrap();
    let Ok(six) = TcpListener::bind((Ipv6Addr::LOCALHOST, user.port)) else { return };
    let run = user.home.run(&["connect", "oura"]).failed(1);
    let port = user.port.to_string();
    assert!(run.err.contains(&port) && run.err.contains("redirect_port"), "{run:?}");
    drop(six);
    let connecting = user.begin();
    let yes = format!("/callback?code={CODE}&state={}", connecting.parameter("state"));
    assert_eq!(connecting.asks_at(Ipv6Addr::LOCALHOST.into(), "GET", &yes).code, 200);
    let run = connecting.ended().ok();
    assert!(run.err.contains(&format!("Another program listens on 127.0.0.1:{port}")), "{run:?}");
    drop(four);
}

#[test]
fn missing_client_says_what_to_do() {
    let home = Home::new();
    let run = home.run(&["connect", "oura"]).failed(1);
    for word in
        ["https://cloud.ouraring.com/oauth/applications", "http://localhost:8917/callback", "client_secret", "daily"]
    {
        assert!(run.err.contains(word), "{word}: {run:?}");
    }
    let help = home.run(&["connect", "--help"]).ok();
    assert!(help.out.contains("https://cloud.ouraring.com/oauth/applications"), "{help:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn terminal_prompt_hides_the_secret() {
    use std::io::Write;
    let user = User::new();
    user.home.set(json!({"sources": {"oura": {"client_id": null, "client_secret": null}}}));
    // `script` runs it in a new terminal and records the output.
    let mut program = Command::new("script");
    user.home.clean(&mut program);
    let command =
        format!("{} --config {} connect oura", env!("CARGO_BIN_EXE_operator"), user.home.path("config.yaml").display());
    let shown = user.home.path("tmp/shown");
    program.args(["-q", "-f", "-e", "-c", &command]).arg(&shown);
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let screen = || std::fs::read_to_string(&shown).unwrap_or_default();
    let mut keyboard = child.stdin.take().unwrap();
    eventually("it asks for the id", || screen().contains("Client id:").then_some(()));
    writeln!(keyboard, "{ID}").unwrap();
    eventually("it asks for the secret", || screen().contains("not shown").then_some(()));
    // The terminal would echo input that is typed before echo is off.
    eventually("echo is off", || echo_is_off(child.id()));
    writeln!(keyboard, "{SECRET}").unwrap();
    let state = eventually("the address", || {
        let text = screen();
        Some(text.split_once("&state=")?.1.get(..64)?.to_owned())
    });
    let mut browser = std::net::TcpStream::connect(("127.0.0.1", user.port)).unwrap();
    write!(browser, "GET /callback?code={CODE}&state={state} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(child.wait().unwrap().success(), "{}", screen());
    assert!(screen().contains("Oura is connected"), "{}", screen());
    assert_no_secret("the terminal", screen().as_bytes());
    assert!(user.stored_tokens().contains(SECRET), "it is stored with the tokens");
    // The next connection needs no input.
    user.home.run(&["check"]);
    let connecting = user.begin();
    assert_eq!(connecting.parameter("client_id"), ID);
    connecting.answers("error=access_denied");
    let run = connecting.ended();
    let message = format!("Using the application {ID} of the last connection; `operator disconnect oura` first");
    assert!(run.err.contains(&message), "{run:?}");
}

/// Whether the terminal of the child of a process echoes no input.
#[cfg(target_os = "linux")]
fn echo_is_off(parent: u32) -> Option<()> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    let child = children.split_whitespace().next()?;
    let terminal = std::fs::read_link(format!("/proc/{child}/fd/0")).ok()?;
    let settings = Command::new("stty").args(["-a", "-F"]).arg(terminal).output().ok()?;
    String::from_utf8_lossy(&settings.stdout).contains("-echo ").then_some(())
}

#[test]
fn disconnect_revokes_and_the_engine_sees_it() {
    let user = User::new();
    user.connect();
    let mut engine = Running::start(&user.home);
    eventually("it is connected", || (engine.status()["oura_connection"] == "connected").then_some(()));
    let run = user.home.run(&["disconnect", "oura"]).ok();
    assert!(run.out.contains("revoked"), "{run:?}");
    assert!(user.oura.is_revoked() && user.stored_tokens().is_empty());
    eventually("the engine sees it", || engine.status()["sources"]["oura"]["as_of"].is_null().then_some(()));
    assert_eq!(engine.status()["oura_connection"], "off");
    let again = user.home.run(&["disconnect", "oura", "--json"]).ok().json();
    assert!(again["message"].as_str().unwrap().contains("was not connected"), "{again}");
    assert_eq!(engine.stop("TERM"), Some(0));
}

#[test]
fn failed_revocation_deletes_and_is_reported() {
    let user = User::new();
    user.connect();
    user.oura.set_next_answer(NextAnswer::Instead(Answer::status(500)));
    let run = user.home.run(&["disconnect", "oura"]).failed(1);
    assert!(run.err.contains("tokens are deleted") && run.err.contains("cloud.ouraring.com"), "{run:?}");
    assert_no_secret("the screen", run.err.as_bytes());
    assert!(user.stored_tokens().is_empty());
}

#[test]
fn configured_token_overrides_the_connection() {
    let user = User::new();
    user.home.set(json!({"sources": {"oura": {"token": "an-old-token"}}}));
    let run = user.connect();
    assert!(run.out.contains("sources.oura.token takes precedence"), "{run:?}");
    user.home.run(&["check"]);
    let asked = user.oura.server.requests();
    let readings = asked.iter().filter(|request| request.collection == "daily_readiness");
    let tokens: Vec<_> = readings.map(|request| request.headers["authorization"].as_str()).collect();
    assert_eq!(tokens, ["Bearer an-old-token"]);
}

/// The token has expired, so each check refreshes it.
fn short_lived() -> User {
    let user = User::new();
    user.oura.set_lifetime(1);
    user.connect();
    let past = user.stored_tokens().replace("\"lifetime_seconds\":1", "\"lifetime_seconds\":0");
    std::fs::write(user.home.path("state/oura-tokens.json"), past).unwrap();
    user
}

#[test]
fn expired_token_is_refreshed_to_revoke_it() {
    let user = short_lived();
    user.oura.set_lifetime(86_400);
    user.home.run(&["disconnect", "oura"]).ok();
    assert!(user.oura.is_revoked());
    assert_eq!(user.oura.issued_pairs(), 2);
}

#[test]
fn concurrent_processes_send_one_refresh() {
    let user = short_lived();
    user.oura.set_lifetime(86_400);
    user.oura.set_next_answer(NextAnswer::BlockedAfterRotation);
    let check = || {
        let mut program = user.home.program();
        program.arg("--config").arg(user.home.path("config.yaml")).args(["check", "--json"]);
        program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let children = [check(), check(), check()];
    eventually("one of them refreshes", || (user.oura.issued_pairs() == 2).then_some(()));
    user.oura.unblock();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(line(&report, "oura")["result"], "ok", "{report}");
    }
    assert_eq!(user.oura.token_requests().len(), 2, "one for the code, one for the refresh");
    assert!(user.stored_tokens().contains(&refresh_token(2)));
}

#[test]
fn kill_before_storing_new_tokens_says_connect() {
    let user = short_lived();
    user.oura.set_next_answer(NextAnswer::BlockedAfterRotation);
    let mut engine = Running::spawn(&user.home, &[]);
    eventually("the server has changed the tokens", || (user.oura.issued_pairs() == 2).then_some(()));
    engine.stop("KILL");
    user.oura.unblock();
    assert!(user.stored_tokens().contains(&refresh_token(1)), "the stored tokens are complete");

    let mut engine = Running::start(&user.home);
    let trouble = eventually("the error is in the status", || {
        Some(engine.status()["sources"]["oura"]["trouble"].as_str()?.to_owned())
    });
    assert!(trouble.contains("connect it again"), "{trouble}");
    assert_eq!(engine.status()["oura_connection"], "revoked");
    let asked = user.oura.token_requests().len();
    engine.ask(r#"{"command": "run_now"}"#).unwrap();
    let check = user.home.run(&["check", "--json"]);
    assert_eq!(check.code, 1);
    let report = check.json();
    let oura = line(&report, "oura");
    assert!(oura["advice"].as_str().unwrap().contains("operator connect oura"), "{oura}");
    assert_eq!(user.oura.token_requests().len(), asked, "a revoked connection is not retried");
    assert!(user.home.run(&["--status"]).ok().out.contains("connect it again"));

    // The cache still counts.
    operator::cli::demo::health::write(&user.home.path("foreign/oura-health.db"), user.home.today, 30).unwrap();
    user.home.set(json!({"sources": {"oura": {"cache_dir": user.home.path("foreign/oura-health.db")}}}));
    eventually("health is evaluated", || {
        let health = engine.status()["monitor_states"]["health"].clone();
        (health["status"] == "ok" && health["reason"].as_str()?.contains("connect it again")).then_some(())
    });

    // A new connection fixes it.
    let connecting = user.begin();
    user.oura.set_lifetime(86_400);
    user.oura.allow_code_again();
    assert_eq!(connecting.says_yes().code, 200);
    connecting.ended().ok();
    eventually("it goes on", || (engine.status()["oura_connection"] == "connected").then_some(()));
    assert_eq!(engine.stop("TERM"), Some(0));
}

#[test]
fn stop_during_refresh_stores_the_new_tokens() {
    let user = User::new();
    user.home.set(json!({"sources": {"oura": {"timeout_seconds": 1}}}));
    user.connect();
    // The token is valid by our clock and refused by the server. The fetch times out during the refresh.
    let refused = user.stored_tokens().replace(&access_token(1), "acc3ss-of-yesterday");
    std::fs::write(user.home.path("state/oura-tokens.json"), refused).unwrap();
    user.oura.set_next_answer(NextAnswer::BlockedAfterRotation);
    let mut engine = Running::start(&user.home);
    eventually("the fetch has timed out", || {
        let trouble = engine.status()["sources"]["oura"]["trouble"].as_str()?.to_owned();
        (trouble.contains("no complete answer") && user.oura.issued_pairs() == 2).then_some(())
    });
    let sent = Command::new("kill").args(["-s", "TERM", &engine.pid().to_string()]).status();
    assert!(sent.unwrap().success());
    eventually("it is stopping", || {
        let reply = engine.ask(r#"{"command": "status"}"#);
        reply.is_none_or(|reply| reply["ok"] != true).then_some(())
    });
    user.oura.unblock();
    assert_eq!(engine.ended(), Some(0));
    assert!(user.stored_tokens().contains(&refresh_token(2)), "{}", engine.stderr_text());
}

#[test]
fn dry_run_never_refreshes() {
    let user = short_lived();
    let before = user.stored_tokens();
    let run = user.home.run(&["--once", "--dry-run", "--json"]).ok();
    assert!(run.out.contains("a dry run does not"), "{run:?}");
    let mut engine = Running::spawn(&user.home, &["--dry-run"]);
    eventually("its check is over", || engine.stderr_text().contains("Check cycle complete").then_some(()));
    assert_eq!(engine.stop("TERM"), Some(0));
    assert_eq!((user.oura.token_requests().len(), user.stored_tokens()), (1, before));
}

#[test]
fn tokens_are_dated_by_the_wall_clock() {
    let user = short_lived();
    user.home.run(&["--once", "--at", &user.home.day_at(-30, "12:00")]).ok();
    assert_eq!(user.oura.issued_pairs(), 2);
    let kept: Value = serde_json::from_str(&user.stored_tokens()).unwrap();
    let when = |name: &str| kept[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(when("obtained_at") >= when("connected_at"), "{kept}");
}

#[test]
fn unwritable_store_stops_connect_early() {
    let user = User::new();
    std::fs::create_dir_all(user.home.path("state/oura-tokens.json")).unwrap();
    let run = user.home.run(&["connect", "oura"]).failed(1);
    assert!(run.err.contains("no tokens can be written"), "{run:?}");
    assert!(!run.err.contains("Agree in the browser"), "{run:?}");
}

#[test]
fn kill_before_rotation_loses_nothing() {
    let user = short_lived();
    user.oura.set_next_answer(NextAnswer::Instead(Answer::Hang));
    let mut engine = Running::spawn(&user.home, &[]);
    eventually("it refreshes", || (user.oura.token_requests().len() == 2).then_some(()));
    engine.stop("KILL");
    user.oura.set_lifetime(86_400);
    let check = user.home.run(&["check", "--json"]).json();
    assert_eq!(line(&check, "oura")["result"], "ok", "{check}");
}

#[test]
fn secrets_appear_nowhere() {
    let user = short_lived();
    let mut engine = Running::spawn(&user.home, &["--verbose"]);
    eventually("it refreshes", || (user.oura.issued_pairs() > 1).then_some(()));
    let commands: [&[&str]; 7] = [
        &["check", "--verbose"],
        &["check", "--json"],
        &["--status", "--json"],
        &["--once", "--dry-run", "--verbose"],
        &["journal"],
        &["run-now"],
        &["connect", "--help"],
    ];
    for command in commands {
        let run = user.home.run(command);
        assert_no_secret(&format!("{command:?}"), format!("{}{}", run.out, run.err).as_bytes());
    }
    let connecting = user.begin_with(&["--verbose"]);
    for pid in [engine.pid(), connecting.child.id()] {
        let listed = command_line(pid);
        assert!(String::from_utf8_lossy(&listed).contains("operator"));
        assert_no_secret("the process list", &listed);
    }
    user.oura.allow_code_again();
    assert_no_secret("the page", connecting.says_yes().text.as_bytes());
    let run = connecting.ended().ok();
    assert_no_secret("connect", format!("{}{}", run.out, run.err).as_bytes());
    assert_eq!(engine.stop("TERM"), Some(0));
    let allowed = [user.home.path("state/oura-tokens.json"), user.home.path("config.yaml")];
    for (path, bytes) in user.home.everything().iter().filter(|(path, _)| !allowed.contains(path)) {
        assert_no_secret(&path.display().to_string(), bytes);
    }
}

/// The command line of a process, which every user can read.
fn command_line(pid: u32) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_else(|_| {
        Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid.to_string()]).output().unwrap().stdout
    })
}

#[test]
fn browser_is_opened_with_a_display() {
    let home = Home::new();
    let (folder, opened) = (home.path("tmp/bin"), home.path("tmp/opened"));
    std::fs::create_dir(&folder).unwrap();
    let script = folder.join(if cfg!(target_os = "macos") { "open" } else { "xdg-open" });
    std::fs::write(&script, format!("#!/bin/sh\necho \"$1\" > '{}'\n", opened.display())).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let user = User::in_home(home);
    let mut program = user.home.program();
    program.env("DISPLAY", ":9").env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    program.arg("--config").arg(user.home.path("config.yaml")).args(["connect", "oura"]).stdin(Stdio::null());
    let child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let address = eventually("the browser is opened", || {
        std::fs::read_to_string(&opened).ok().filter(|address| address.ends_with('\n'))
    });
    let connecting = user.connecting(child);
    assert_eq!(address.trim(), connecting.address.as_str());
    connecting.says_yes();
    let run = connecting.ended().ok();
    assert!(!run.err.contains("cannot be opened"), "{run:?}");
}

#[test]
fn second_connection_replaces_the_first() {
    let user = User::new();
    user.connect();
    user.oura.allow_code_again();
    user.connect();
    assert!(user.stored_tokens().contains(&refresh_token(2)) && !user.stored_tokens().contains(&refresh_token(1)));
    let usage = finish({
        let mut program = user.home.program();
        program.args(["connect", "garmin"]);
        program
    });
    assert!(usage.code == 64 && usage.err.contains("oura"), "{usage:?}");
}
