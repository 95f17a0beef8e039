//! The resident engine: one at a time, asked over its socket, ended by signals or by force.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::engine::Running;
use crate::support::home::{Home, eventually, outcome};

const READINESS: &str = "health:readiness_low";

fn status(home: &Home) -> Value {
    home.run(&["--status", "--json"]).ok().json()
}

/// The engine after its first check.
fn started(home: &Home) -> Running {
    let engine = Running::start(home);
    eventually("the first check", || (status(home)["run_count"] != 0).then_some(()));
    engine
}

#[test]
fn second_instance_exits_75() {
    let home = Home::new();
    let engine = started(&home);
    let mode = fs::metadata(home.path("state/operator.sock")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "{mode:o}");
    let status = status(&home);
    assert_eq!((&status["running"], &status["pid"]), (&json!(true), &json!(engine.pid())));
    assert!(status["uptime_seconds"].is_u64() && status["uptime_start"].is_string(), "{status:#}");
    assert!(status["next_run"].as_str() > status["last_run"].as_str(), "{status:#}");
    assert_eq!(status["monitor_states"]["health"]["status"], "ok");
    let words = home.run(&["--status"]).ok().out;
    assert!(words.contains(&format!("running (PID {})", engine.pid())), "{words}");
    for second in [&["--headless"][..], &["--once"]] {
        let run = home.run(second).failed(75);
        assert!(run.err.contains(&format!("PID {}", engine.pid())), "{run:?}");
    }
    home.run(&["--once", "--dry-run"]).ok();
}

#[test]
fn commands_use_the_socket() {
    let home = Home::new();
    let engine = started(&home);
    let report = home.run(&["run-now", "--json"]).ok().json();
    assert_eq!(outcome(&report, READINESS), "suppress duplicate", "notified by the first check");
    assert!(home.run(&["run-now"]).ok().out.contains("suppress (duplicate)"), "in words too");

    home.run(&["ack", READINESS]).ok();
    assert_eq!(outcome(&home.run(&["run-now", "--json"]).ok().json(), READINESS), "suppress acknowledged");

    home.run(&["pause", "1h"]).ok();
    let paused = status(&home);
    assert!(paused["paused"] == true && paused["paused_until"].is_string(), "{paused:#}");
    home.tasks("UPDATE tasks SET due_date = '2001-01-01' WHERE id = 'budget'");
    let budget = "task:deadline_overdue:budget";
    assert_eq!(outcome(&home.run(&["run-now", "--json"]).ok().json(), budget), "hold paused");
    home.run(&["resume"]).ok();
    assert_eq!(status(&home)["paused"], false);
    // The end of a pause is a reason to look: the digest comes without being asked for.
    eventually("the digest", || {
        let story = home.run(&["why", budget, "--json"]).ok().json();
        (story["decisions"][0]["decision"] == "coalesce").then_some(())
    });
    assert_eq!(status(&home)["pid"], engine.pid());
}

#[test]
fn running_engine_resets_circuit() {
    let home = Home::new();
    home.set(json!({"sources": {"workos": {"url": "postgres://ada@127.0.0.1:1/tasks"}}}));
    let _engine = started(&home);
    eventually("the circuit opens", || {
        home.run(&["run-now"]).ok();
        (status(&home)["circuit_states"]["workos"] == "open").then_some(())
    });
    home.run(&["reset-circuit", "workos"]).ok();
    assert_eq!(status(&home)["circuit_states"]["workos"], "closed");
    let reason = home.run(&["run-now", "--json"]).ok().json()["monitors"]["tasks"]["reason"].clone();
    assert!(reason.as_str().unwrap().contains("refused"), "asked again: {reason}");
}

#[rstest]
#[case("TERM")]
#[case("INT")]
fn signal_stops_cleanly(#[case] signal: &str) {
    let home = Home::new();
    let mut engine = started(&home);
    assert_eq!(engine.stop(signal), Some(0), "{}", engine.stderr_text());
    assert!(engine.stderr_text().contains(&format!("SIG{signal}: stopping")), "{}", engine.stderr_text());
    assert!(!home.path("state/operator.sock").exists(), "the socket goes with it");
    assert_eq!(status(&home)["running"], false);
    assert_eq!(outcome(&home.run(&["run-now", "--json"]).ok().json(), READINESS), "suppress duplicate");
}

#[test]
fn start_after_kill_succeeds() {
    let home = Home::new();
    let mut killed = started(&home);
    assert_eq!(killed.stop("KILL"), None);
    assert!(home.path("state/operator.sock").exists() && home.path("state/operator.lock").exists());
    assert_eq!(status(&home)["running"], false, "the lock went with the process");
    home.run(&["pause"]).ok();
    home.run(&["resume"]).ok();
    let engine = Running::start(&home);
    assert_eq!(status(&home)["pid"], engine.pid());
    assert_eq!(outcome(&home.run(&["run-now", "--json"]).ok().json(), READINESS), "suppress duplicate");
}

#[test]
fn signal_during_check_stops_in_time() {
    let home = Home::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    home.set(
        json!({"sources": {"workos": {"url": format!("postgres://ada@{address}/tasks"), "timeout_seconds": 300}}}),
    );
    let mut engine = Running::start(&home);
    let _hanging = silent.accept().unwrap();
    // Whoever stops it waits for half a minute; the source would take five.
    assert_eq!(engine.stop("TERM"), Some(0), "{}", engine.stderr_text());
    assert!(engine.stderr_text().contains("engine stopped"), "{}", engine.stderr_text());
}

#[test]
fn dry_engine_logs_and_writes_nothing() {
    let home = Home::new();
    let before = home.everything();
    let mut engine = Running::spawn(&home, &["--dry-run"]);
    eventually("a check is over", || engine.stderr_text().contains("would be sent (dry run)").then_some(()));
    assert!(
        engine.stderr_text().contains("Dry run: would deliver (first), high: Readiness is low: 48"),
        "{}",
        engine.stderr_text()
    );
    assert_eq!(engine.stop("TERM"), Some(0));
    let mut after = home.everything();
    after.retain(|path, _| !path.ends_with("stderr.log")); // the test's own
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "no file was made");
    assert!(before == after, "no file was changed");
}
