//! Exec plugins as monitors and as alerters.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::engine::Running;
use crate::support::home::{Home, eventually, outcome};
use crate::support::scripts::{LifeLine, sh};

const DISK: &str = "exec:disk";
const SECRET: &str = "s3cret-argument";

/// A home with one monitor, an exec plugin. A file holds its exit code and its output.
fn home() -> Home {
    let home = Home::new();
    let watch = sh(home.root(), "watch", r#"read code <"$1"; tail -n +2 "$1"; exit "$code""#);
    home.set(json!({
        "monitors": {
            "health": {"enabled": false}, "tasks": {"enabled": false}, "patterns": {"enabled": false},
            "exec": [{"name": "disk", "command": [watch, plugin_file(&home), SECRET]}],
        },
        "alerters": {"notification": {"enabled": false}},
    }));
    set_output(&home, "0\nDISK OK\n");
    home
}

fn plugin_file(home: &Home) -> PathBuf {
    home.path("said")
}

/// Sets the exit code and the output of the plugin.
fn set_output(home: &Home, text: &str) {
    fs::write(home.path("said.new"), text).unwrap();
    fs::rename(home.path("said.new"), plugin_file(home)).unwrap();
}

fn status(home: &Home) -> Value {
    home.run(&["--status", "--json"]).ok().json()
}

#[test]
fn plugin_alert_lives_until_the_plugin_is_ok() {
    let home = home();
    let report = home.check(&home.at("09:00"));
    let disk = json!({"status": "ok", "source": "watch", "alerts": 0, "reason": null});
    let ended = |report: &Value| {
        let mut ended = report["monitors"][DISK].clone();
        ended.as_object_mut().unwrap().remove("duration_ms");
        ended
    };
    assert_eq!((ended(&report), &report["circuits"][DISK]), (disk, &json!("closed")));
    assert_eq!(report["alerts"], json!([]));

    set_output(&home, "1\nDISK WARNING - / 8% free | /=8\n");
    let report = home.check(&home.at("09:05"));
    let alert = &report["alerts"][0];
    assert_eq!((&alert["key"], &alert["monitor"]), (&json!(DISK), &json!(DISK)));
    assert_eq!((&alert["priority"], &alert["title"]), (&json!("medium"), &json!("Disk: warning")));
    assert_eq!(alert["message"], "DISK WARNING - / 8% free");
    assert_eq!(outcome(&report, DISK), "deliver first");

    set_output(&home, "2\nDISK CRITICAL - / 1% free\n");
    assert_eq!(outcome(&home.check(&home.at("09:10")), DISK), "deliver escalated");
    assert_eq!(outcome(&home.check(&home.at("09:15")), DISK), "suppress duplicate");

    set_output(&home, "3\nDISK UNKNOWN - no idea\n");
    let report = home.check(&home.at("09:20"));
    assert_eq!((outcome(&report, DISK), home.open()), ("none".into(), vec![DISK.into()]), "a failure resolves nothing");
    let monitor = &report["monitors"][DISK];
    assert_eq!(monitor["status"], "failed");
    assert_eq!(monitor["reason"], "reported UNKNOWN: DISK UNKNOWN - no idea");

    set_output(&home, "0\nDISK OK\n");
    assert_eq!(outcome(&home.check(&home.at("09:25")), DISK), "resolve resolved");
    assert_eq!(home.open(), [""; 0]);
}

#[test]
fn plugin_alerts_can_be_acked_and_snoozed() {
    let home = home();
    set_output(
        &home,
        "0\n[{\"key\": \"a:b\", \"title\": \"One\", \"message\": \"More.\"}, {\"key\": \"c\", \"title\": \"Two\"}]\n",
    );
    assert_eq!(outcome(&home.check(&home.at("09:00")), "exec:disk:a:b"), "deliver first");
    let why = home.run(&["why", "exec:disk:a:b"]).ok().out;
    assert!(why.contains("One") && why.contains("deliver"), "{why}");
    home.run(&["ack", "exec:disk:a:b"]).ok();
    home.run(&["snooze", "exec:disk:c", "1h"]).ok();
    let report = home.check(&home.at("15:00"));
    assert_eq!(outcome(&report, "exec:disk:a:b"), "suppress acknowledged");
    set_output(&home, "0\n[]\n");
    assert_eq!(outcome(&home.check(&home.at("15:05")), "exec:disk:a:b"), "resolve resolved");
    let journal = home.run(&["journal", "--since", "2d", "--json"]).ok().json();
    assert!(journal.as_array().unwrap().iter().all(|entry| entry["monitor"] == DISK), "{journal:#}");
}

#[test]
fn storm_of_plugin_alerts_is_one_digest() {
    let home = home();
    let many: Vec<Value> = (0..1_000).map(|n| json!({"key": n.to_string(), "title": format!("Thing {n}")})).collect();
    set_output(&home, &format!("0\n{}\n", Value::from(many)));
    let report = home.check(&home.at("09:00"));
    let count =
        |decision: &str| report["alerts"].as_array().unwrap().iter().filter(|a| a["decision"] == decision).count();
    assert_eq!((count("deliver"), count("coalesce")), (20, 980));
    set_output(&home, "0\n");
    let report = home.check(&home.at("09:05"));
    assert_eq!((report["alerts"].as_array().unwrap().len(), home.open().len()), (1_000, 0));
}

#[test]
fn dry_run_runs_plugins_and_stores_nothing() {
    let home = home();
    home.check(&home.at("09:00"));
    set_output(&home, "2\nDISK CRITICAL\n");
    let report = home.run(&["--once", "--json", "--dry-run", "--at", &home.at("09:05")]).ok().json();
    assert_eq!(outcome(&report, DISK), "deliver first");
    assert_eq!(home.open(), [""; 0]);
}

#[test]
fn alerts_of_removed_plugin_resolve() {
    for gone in [json!([]), json!([{"name": "disk", "enabled": false, "command": ["true"]}])] {
        let home = home();
        set_output(&home, "1\nDISK WARNING\n");
        home.check(&home.at("09:00"));
        home.set(json!({"monitors": {"exec": gone, "patterns": {"enabled": true}}}));
        let report = home.check(&home.at("09:05"));
        assert_eq!(outcome(&report, DISK), "resolve resolved");
        assert!(report["monitors"].get(DISK).is_none() && report["circuits"].get(DISK).is_none(), "{report:#}");
    }
    let home = home();
    home.check(&home.at("09:00"));
    assert_eq!(status(&home)["monitor_states"][DISK]["status"], "ok");
    home.set(json!({"monitors": {"exec": []}}));
    assert!(status(&home)["monitor_states"].get(DISK).is_none(), "it is not shown any more");
}

#[test]
fn broken_plugin_is_reported_after_an_hour() {
    let home = home();
    home.set(json!({"monitors": {"exec": [{"name": "disk", "command": ["/no/such/program"]}]}}));
    let key = "system:source_unavailable:exec:disk";
    for time in ["09:00", "09:05", "09:10"] {
        assert_eq!(outcome(&home.check(&home.at(time)), key), "none");
    }
    let report = home.check(&home.at("10:15"));
    assert_eq!(outcome(&report, key), "deliver first");
    assert_eq!(
        (&report["circuits"][DISK], &report["alerts"][0]["title"]),
        (&json!("open"), &json!("Exec plugin disk needs you"))
    );
    home.run(&["reset-circuit", DISK]).ok();
    home.run(&["reset-circuit", "exec:other"]).failed(1);
    home.run(&["reset-circuit", "exec:Other"]).failed(64);
    set_output(&home, "0\n");
    home.set(json!({"monitors": {"exec": [{"name": "disk", "command": ["true"]}]}}));
    assert_eq!(outcome(&home.check(&home.at("10:20")), key), "resolve resolved");
}

#[test]
fn check_shows_each_plugin() {
    let home = home();
    let line = |name: &str| {
        let lines = home.run(&["check", "--json"]).json();
        lines.as_array().unwrap().iter().find(|line| line["name"] == name).expect("a line").clone()
    };
    assert_eq!(line(DISK), json!({"name": DISK, "result": "ok", "about": "DISK OK", "advice": ""}));
    set_output(&home, "9\n");
    let failed = line(DISK);
    assert_eq!((&failed["result"], &failed["about"]), (&json!("failed"), &json!("exec: ended with code 9")));
    assert_eq!(line("exec")["result"], "off");
    home.set(json!({"alerters": {"exec": {"enabled": true, "command": ["/no/such/program"]}}}));
    let failed = line("exec");
    assert_eq!((&failed["result"], &failed["about"]), (&json!("failed"), &json!("there is no /no/such/program")));
    home.set(json!({"alerters": {"exec": {"command": ["cat"]}}}));
    assert_eq!(line("exec")["result"], "ok");
}

#[test]
fn reload_adds_and_removes_plugins() {
    let home = home();
    let disk = home.run(&["--status", "--json"]).ok().json()["config"]["programs"].clone();
    assert_eq!(disk[DISK]["interval_seconds"], 300);
    let _engine = Running::start(&home);
    eventually("the first check", || (status(&home)["monitor_states"][DISK]["status"] == "ok").then_some(()));
    home.set(json!({"monitors": {"exec": [{"name": "load", "command": ["sh", "-c", "echo busy; exit 1"]}]}}));
    eventually("the new one ran", || (status(&home)["monitor_states"]["exec:load"]["status"] == "ok").then_some(()));
    let now = status(&home);
    assert_eq!((&now["enabled_monitors"], home.open()), (&json!(["exec:load"]), vec!["exec:load".into()]));
    assert!(now["circuit_states"].get(DISK).is_none() && now["monitor_states"].get(DISK).is_none(), "{now:#}");
    // Another plugin has to run: only a check resolves the alerts of removed monitors.
    home.set(json!({"monitors": {"exec": [{"name": "disk", "command": ["true"]}]}}));
    eventually("what it found is over", || home.open().is_empty().then_some(()));
}

#[tokio::test]
async fn hanging_plugin_dies_with_the_engine() {
    let home = home();
    let line = LifeLine::in_folder(home.root());
    let hang = sh(home.root(), "hang", &format!("trap '' TERM\nexec 9>{}\nsleep 600 & sleep 600", line.path.display()));
    home.set(json!({"monitors": {"exec": [
        {"name": "hang", "command": [hang], "timeout_seconds": 300},
        {"name": "load", "command": ["sh", "-c", "echo busy; exit 1"]},
    ]}}));
    let mut engine = Running::start(&home);
    eventually("the alert of the other one", || (home.open() == ["exec:load"]).then_some(()));
    assert_eq!(engine.stop("TERM"), Some(0), "{}", engine.stderr_text());
    line.wait_until_dead().await;
}

#[cfg(target_os = "linux")]
#[test]
fn plugins_leave_no_process_behind() {
    let home = home();
    let program =
        |name: &str, body: &str| json!({"name": name, "command": [sh(home.root(), name, body)], "timeout_seconds": 1});
    home.set(json!({"monitors": {"exec": [
        program("fine", "exit 0"),
        program("crash", "kill -9 $$"),
        program("leave", "sleep 600 & sleep 600 & exit 0"),
        program("hang", "trap '' TERM; sleep 600 & while :; do sleep 600; done"),
    ]}}));
    let engine = Running::start(&home);
    let children = || -> String {
        // A thread may end meanwhile.
        let threads = fs::read_dir(format!("/proc/{}/task", engine.pid())).unwrap();
        threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default()).collect()
    };
    for _ in 0..2 {
        home.run(&["run-now"]).ok();
    }
    assert_eq!(status(&home)["monitor_states"]["exec:hang"]["reason"], "did not end within 1 s");
    // A zombie is still a child.
    eventually("no child is left", || children().trim().is_empty().then_some(()));
}

#[test]
fn alerter_plugin_gets_a_retry_after_code_75() {
    let home = home();
    set_output(&home, "1\nDISK WARNING\n");
    let place = home.root().display().to_string();
    // The first run asks for a retry, the second succeeds.
    let notify = format!(
        "cat >>{place}/received; echo >>{place}/received\n[ -e {place}/asked ] || {{ touch {place}/asked; exit 75; }}"
    );
    let notify = sh(home.root(), "notify", &notify);
    home.set(json!({"alerters": {"exec": {"enabled": true, "min_priority": "low", "command": [notify, SECRET]}}}));
    let _engine = Running::start(&home);
    let received = || -> Vec<Value> {
        let text = fs::read_to_string(home.path("received")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    eventually("it was run twice", || (received().len() == 2).then_some(()));
    let [first, second] = &received()[..] else { panic!("two") };
    assert_eq!((first["id"].as_str(), first["alerts"][0]["key"].as_str()), (second["id"].as_str(), Some(DISK)));
    eventually("nothing is pending", || (status(&home)["outbox"]["exec"]["pending"].as_u64() != Some(1)).then_some(()));
    set_output(&home, "0\n");
    home.run(&["run-now"]).ok();
    eventually("it receives the update", || (received().len() == 3).then_some(()));
    let update = &received()[2];
    assert_eq!((&update["kind"], &update["replaces"]), (&json!("update"), &first["id"]));
    home.run(&["test-alert", "exec"]).ok();
    assert_eq!(received()[3]["kind"], "test");
}

#[test]
fn refused_message_keeps_the_plugins_reason() {
    let home = home();
    set_output(&home, "1\nDISK WARNING\n");
    let notify = sh(home.root(), "notify", "echo 'who are you?' >&2; exit 77");
    home.set(json!({"alerters": {"exec": {"enabled": true, "command": [notify]}}}));
    home.check(&home.at("09:00"));
    assert_eq!(status(&home)["outbox"]["exec"]["failed"], 1);
    let why = home.run(&["why", DISK]).ok().out;
    assert!(why.contains("who are you?"), "{why}");
    // The program is fixed, the configuration unchanged.
    sh(home.root(), "notify", &format!("cat >{}/received", home.root().display()));
    home.check(&home.at("09:05"));
    assert_eq!(status(&home)["outbox"]["exec"]["failed"], 0);
    assert!(home.path("received").exists());
}

#[test]
fn plugin_arguments_are_never_shown() {
    let home = home();
    set_output(&home, "7\nwords\n");
    home.set(json!({"alerters": {"exec": {"enabled": true, "min_priority": "low", "command": ["/no/such", SECRET]}}}));
    let mut shown = String::new();
    for arguments in [
        &["--once", "--verbose", "--at", &home.at("09:00")][..],
        &["--status", "--json"],
        &["--status"],
        &["check"],
        &["test-alert", "exec"],
    ] {
        let run = home.run(arguments);
        shown.push_str(&run.out);
        shown.push_str(&run.err);
    }
    assert!(shown.contains("ended with code 7") && shown.contains("/no/such"), "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
    for (path, content) in home.everything().into_iter().filter(|(path, _)| !path.ends_with("config.yaml")) {
        assert!(!String::from_utf8_lossy(&content).contains(SECRET), "{}", path.display());
    }
}
