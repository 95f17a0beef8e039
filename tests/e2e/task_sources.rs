//! Several sources of tasks in one home: the same task told once, and what each says when it is broken.

use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};

use jiff::ToSpan;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::home::{Home, fate};
use crate::support::http::{Answer, Server};

type Script = Arc<Mutex<Box<dyn Fn() -> Answer + Send>>>;

/// A home whose tasks are in Todoist, in Taskwarrior and in notes.
struct Desk {
    home: Home,
    server: Server,
    todoist: Script,
}

impl Desk {
    /// With only Todoist connected, and nothing judged but tasks.
    fn new() -> Self {
        let todoist: Script = Arc::new(Mutex::new(Box::new(|| tasks(&[]))));
        let script = Arc::clone(&todoist);
        let server = Server::start(move |_| script.lock().unwrap()());
        let home = Home::new();
        home.set(json!({
            "monitors": {"health": {"enabled": false}, "patterns": {"enabled": false}},
            "sources": {
                "state_store": {"path": null},
                "todoist": {"token": "s3cret-token", "base_url": server.url, "timeout_seconds": 1},
            },
        }));
        Self { home, server, todoist }
    }

    fn todoist(&self, answer: impl Fn() -> Answer + Send + 'static) {
        *self.todoist.lock().unwrap() = Box::new(answer);
    }

    /// Todoist tells of these, due yesterday.
    fn todoist_has(&self, titles: &[(&'static str, &'static str)]) {
        let due = self.yesterday();
        let documents: Vec<Value> = titles
            .iter()
            .map(|(id, title)| json!({"id": id, "content": title, "checked": false, "priority": 1, "due": {"date": due}}))
            .collect();
        self.todoist(move || tasks(&documents));
    }

    fn yesterday(&self) -> String {
        (self.home.today - 1.day()).to_string()
    }

    fn with_notes(self) -> Self {
        self.home.set(json!({"sources": {"markdown": {"folder": self.home.path("notes")}}}));
        self
    }

    fn note(&self, text: &str) {
        fs::create_dir_all(self.home.path("notes")).unwrap();
        fs::write(self.home.path("notes/Home.md"), text).unwrap();
    }

    fn with_taskwarrior(self) -> Self {
        let data = self.home.path("taskwarrior");
        fs::create_dir(&data).unwrap();
        self.home.set(json!({"sources": {"taskwarrior": {"enabled": true, "data_dir": data}}}));
        self
    }

    fn task(&self, arguments: &[&str]) {
        let mut task = Command::new("task");
        task.env("TASKRC", "/dev/null")
            .env("TASKDATA", self.home.path("taskwarrior"))
            .env("HOME", self.home.path("home"));
        let output = task.arg("rc.confirmation=off").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn check(&self, time: &str) -> Value {
        self.home.check(&self.home.at(time))
    }
}

fn tasks(documents: &[Value]) -> Answer {
    Answer::json(json!({"results": documents, "next_cursor": null}).to_string())
}

fn keys(report: &Value) -> Vec<&str> {
    report["alerts"].as_array().unwrap().iter().map(|alert| alert["key"].as_str().unwrap()).collect()
}

#[test]
fn the_same_task_in_three_sources_is_told_once_and_goes_on_under_its_name() {
    const KEY: &str = "task:deadline_overdue:Home.md#sign_the_lease";
    let desk = Desk::new().with_notes().with_taskwarrior();
    desk.note(&format!("- [ ] Sign the lease 📅 {}\n", desk.yesterday()));
    desk.todoist_has(&[("t1", "SIGN  the lease")]);
    desk.task(&["add", "Sign the Lease", &format!("due:{}", desk.yesterday())]);
    let first = desk.check("09:05");
    assert_eq!(fate(&first, KEY), "deliver first", "{first:#}");
    assert_eq!(keys(&first), [KEY]);
    let message = first["alerts"][0]["message"].as_str().unwrap();
    assert!(message.ends_with("Markdown, Taskwarrior and Todoist, just read."), "{message}");

    // Done in the source that it is named after, away in another.
    desk.note("- [x] Sign the lease\n");
    assert_eq!(fate(&desk.check("09:20"), KEY), "suppress duplicate");
    desk.todoist(|| Answer::status(503));
    let away = desk.check("09:35");
    assert_eq!((fate(&away, KEY).as_str(), keys(&away)), ("suppress duplicate", vec![KEY]));
    desk.todoist_has(&[]);
    let last = desk.check("09:50");
    assert_eq!((fate(&last, KEY).as_str(), keys(&last)), ("suppress duplicate", vec![KEY]));
    assert!(last["alerts"][0]["message"].as_str().unwrap().ends_with("Taskwarrior, just read."), "{last:#}");

    // Back in all of them: nothing new. Then done in all of them.
    desk.note(&format!("# Flat\n\n- [ ] Sign the lease 📅 {}\n", desk.yesterday()));
    desk.todoist_has(&[("t2", "Sign the lease")]);
    let back = desk.check("10:05");
    assert_eq!((fate(&back, KEY).as_str(), keys(&back)), ("suppress duplicate", vec![KEY]));
    desk.note("- [x] Sign the lease\n");
    desk.todoist_has(&[]);
    desk.task(&["1", "done"]);
    assert_eq!(fate(&desk.check("10:20"), KEY), "resolve resolved");
    assert_eq!(desk.home.open(), [""; 0]);
}

#[test]
fn two_pairs_that_are_alike_are_two_alerts_and_each_ends_once() {
    let desk = Desk::new().with_taskwarrior();
    let due = format!("due:{}", desk.yesterday());
    desk.todoist_has(&[("t1", "Report"), ("t2", "Report")]);
    desk.task(&["add", "Report", &due]);
    desk.task(&["add", "Report", &due]);
    let first = desk.check("09:05");
    let told: Vec<String> = keys(&first).into_iter().map(str::to_owned).collect();
    assert_eq!(told.len(), 2, "{first:#}");
    desk.todoist_has(&[("t2", "Report")]);
    let second = desk.check("09:20");
    assert!(told.iter().all(|key| fate(&second, key) == "suppress duplicate"), "Taskwarrior has both: {second:#}");
    desk.task(&["1", "done"]);
    let third = desk.check("09:35");
    let fates: Vec<String> = told.iter().map(|key| fate(&third, key)).collect();
    assert_eq!(fates.iter().filter(|fate| *fate == "resolve resolved").count(), 1, "{third:#}");
    assert_eq!(desk.home.open().len(), 1);
    let fourth = desk.check("09:50");
    assert_eq!(keys(&fourth), desk.home.open(), "and it rests");
}

#[rstest]
#[case::wrong_token(|| Answer::status(401), "Todoist answered 401", "Copy the token")]
#[case::expired(|| Answer::status(403), "Todoist answered 403", "may not read this")]
#[case::too_often(|| Answer::Whole(429, "retry-after: 120\r\n", "{}".into()), "Todoist answered 429", "goes on trying")]
#[case::broken(|| Answer::status(500), "Todoist answered 500", "goes on trying")]
#[case::slow(|| Answer::Hang, "no complete answer within 1 s", "goes on trying")]
#[case::cut(|| Answer::Cut(r#"{"results":[],"next_cursor":null}"#.into()), "127.0.0.1", "goes on trying")]
#[case::enormous(|| Answer::json("x".repeat(10_000_001)), "over 10 MB", "goes on trying")]
#[case::something_else(|| Answer::json("<html>"), "not whole JSON", "goes on trying")]
fn a_broken_todoist_says_so_and_the_others_go_on(
    #[case] answer: fn() -> Answer,
    #[case] what: &str,
    #[case] advice: &str,
) {
    let desk = Desk::new().with_notes();
    desk.note(&format!("- [ ] Letter 📅 {}\n", desk.yesterday()));
    desk.todoist_has(&[("t1", "Report")]);
    assert_eq!(keys(&desk.check("09:05")).len(), 2);
    desk.todoist(answer);
    let asked = desk.server.asked().len();
    desk.note(&format!("- [ ] Letter 📅 {0}\n- [ ] Invoice 📅 {0}\n", desk.yesterday()));
    let report = desk.check("09:20");
    assert_eq!(desk.server.asked().len(), asked + 1, "one request");
    assert_eq!(fate(&report, "task:deadline_overdue:t1"), "suppress duplicate", "as the copy has it: {report:#}");
    assert_eq!(fate(&report, "task:deadline_overdue:Home.md#letter"), "suppress duplicate");
    assert_eq!(fate(&report, "task:deadline_overdue:Home.md#invoice"), "deliver first");
    let reason = report["monitors"]["tasks"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("todoist: ") && reason.contains(what), "{reason}");
    let status = desk.home.run(&["--status", "--json"]).ok().json();
    assert_eq!(status["monitor_states"]["tasks"]["reason"], reason);
    let check = desk.home.run(&["check"]);
    let line = check.out.lines().find(|line| line.starts_with("todoist")).unwrap();
    assert!(line.contains("failed") && line.contains(what) && line.contains(advice), "{line}");
    assert_eq!(check.code, 1);
    let all = format!("{report}{status}{check:?}");
    assert!(!all.contains("s3cret"), "{all}");
    for (path, bytes) in desk.home.everything().into_iter().filter(|(path, _)| !path.ends_with("config.yaml")) {
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"), "{}", path.display());
    }
}

#[test]
fn a_check_tells_of_each_source_how_it_is() {
    let desk = Desk::new().with_notes().with_taskwarrior();
    desk.note("- [ ] Letter\n- [ ] Report 📅 2026-11-20\n");
    desk.todoist_has(&[("t1", "Report")]);
    desk.task(&["add", "Call"]);
    let check = desk.home.run(&["check"]);
    let line = |name: &str| check.out.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("todoist").contains("ok") && line("todoist").contains("1 open task"), "{check:?}");
    assert!(line("taskwarrior").contains("1 open task") && line("markdown").contains("2 open tasks"), "{check:?}");
    desk.home.set(
        json!({"sources": {"todoist": null, "taskwarrior": null, "markdown": {"folder": desk.home.path("gone")}}}),
    );
    let check = desk.home.run(&["check"]);
    let line = |name: &str| check.out.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("todoist").contains("off") && line("todoist").contains("set sources.todoist.token"), "{check:?}");
    assert!(line("taskwarrior").contains("off") && line("taskwarrior").contains("sources.taskwarrior.enabled"));
    assert!(line("markdown").contains("failed") && line("markdown").contains("there is no folder"), "{check:?}");
    let circuits = desk.check("09:05")["circuits"].clone();
    assert!(circuits.get("todoist").is_none() && circuits.get("markdown").is_some(), "{circuits}");
}

#[test]
fn tasks_that_are_not_read_for_a_while_come_back_without_a_burst() {
    let desk = Desk::new();
    desk.todoist(|| Answer::Close);
    let report = desk.check("09:05");
    assert_eq!((report["monitors"]["tasks"]["status"].as_str(), keys(&report).len()), (Some("skipped"), 0));
    desk.todoist_has(&[("t1", "Report")]);
    assert_eq!(fate(&desk.check("09:20"), "task:deadline_overdue:t1"), "deliver first");
    desk.todoist(|| Answer::Close);
    desk.check("09:35");
    desk.todoist_has(&[("t1", "Report")]);
    assert_eq!(fate(&desk.check("09:50"), "task:deadline_overdue:t1"), "suppress duplicate");
}
