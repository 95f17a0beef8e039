//! Several task sources: the same task alerts once, and broken sources say why.

use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};

use jiff::ToSpan;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::home::{Home, outcome};
use crate::support::http::{Answer, Server};

type Script = Arc<Mutex<Box<dyn Fn() -> Answer + Send>>>;

/// A home with tasks in Todoist, Taskwarrior and notes.
struct TaskHome {
    home: Home,
    server: Server,
    todoist: Script,
}

impl TaskHome {
    /// With only Todoist, and only the tasks monitor.
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

    /// Sets the tasks in Todoist, due yesterday.
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
fn same_task_in_three_sources_alerts_once() {
    const KEY: &str = "task:deadline_overdue:Home.md#sign_the_lease";
    let tasks_home = TaskHome::new().with_notes().with_taskwarrior();
    tasks_home.note(&format!("- [ ] Sign the lease 📅 {}\n", tasks_home.yesterday()));
    tasks_home.todoist_has(&[("t1", "SIGN  the lease")]);
    tasks_home.task(&["add", "Sign the Lease", &format!("due:{}", tasks_home.yesterday())]);
    let first = tasks_home.check("09:05");
    assert_eq!(outcome(&first, KEY), "deliver first", "{first:#}");
    assert_eq!(keys(&first), [KEY]);
    let message = first["alerts"][0]["message"].as_str().unwrap();
    assert!(message.ends_with("Markdown, Taskwarrior and Todoist, just read."), "{message}");

    // Done in the source that names it, unavailable in another.
    tasks_home.note("- [x] Sign the lease\n");
    assert_eq!(outcome(&tasks_home.check("09:20"), KEY), "suppress duplicate");
    tasks_home.todoist(|| Answer::status(503));
    let unavailable = tasks_home.check("09:35");
    assert_eq!((outcome(&unavailable, KEY).as_str(), keys(&unavailable)), ("suppress duplicate", vec![KEY]));
    tasks_home.todoist_has(&[]);
    let last = tasks_home.check("09:50");
    assert_eq!((outcome(&last, KEY).as_str(), keys(&last)), ("suppress duplicate", vec![KEY]));
    assert!(last["alerts"][0]["message"].as_str().unwrap().ends_with("Taskwarrior, just read."), "{last:#}");

    // Open again in all of them, then done in all of them.
    tasks_home.note(&format!("# Flat\n\n- [ ] Sign the lease 📅 {}\n", tasks_home.yesterday()));
    tasks_home.todoist_has(&[("t2", "Sign the lease")]);
    let back = tasks_home.check("10:05");
    assert_eq!((outcome(&back, KEY).as_str(), keys(&back)), ("suppress duplicate", vec![KEY]));
    tasks_home.note("- [x] Sign the lease\n");
    tasks_home.todoist_has(&[]);
    tasks_home.task(&["1", "done"]);
    assert_eq!(outcome(&tasks_home.check("10:20"), KEY), "resolve resolved");
    assert_eq!(tasks_home.home.open(), [""; 0]);
}

#[test]
fn two_equal_pairs_are_two_alerts() {
    let tasks_home = TaskHome::new().with_taskwarrior();
    let due = format!("due:{}", tasks_home.yesterday());
    tasks_home.todoist_has(&[("t1", "Report"), ("t2", "Report")]);
    tasks_home.task(&["add", "Report", &due]);
    tasks_home.task(&["add", "Report", &due]);
    let first = tasks_home.check("09:05");
    let alerts: Vec<String> = keys(&first).into_iter().map(str::to_owned).collect();
    assert_eq!(alerts.len(), 2, "{first:#}");
    tasks_home.todoist_has(&[("t2", "Report")]);
    let second = tasks_home.check("09:20");
    assert!(alerts.iter().all(|key| outcome(&second, key) == "suppress duplicate"), "Taskwarrior has both: {second:#}");
    tasks_home.task(&["1", "done"]);
    let third = tasks_home.check("09:35");
    let outcomes: Vec<String> = alerts.iter().map(|key| outcome(&third, key)).collect();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "resolve resolved").count(), 1, "{third:#}");
    assert_eq!(tasks_home.home.open().len(), 1);
    let fourth = tasks_home.check("09:50");
    assert_eq!(keys(&fourth), tasks_home.home.open(), "and nothing changes");
}

#[rstest]
#[case::wrong_token(|| Answer::status(401), "Todoist answered 401", "Copy the token")]
#[case::expired(|| Answer::status(403), "Todoist answered 403", "may not read this")]
#[case::too_often(|| Answer::Whole(429, "retry-after: 120\r\n", "{}".into()), "Todoist answered 429", "keeps retrying")]
#[case::broken(|| Answer::status(500), "Todoist answered 500", "keeps retrying")]
#[case::slow(|| Answer::Hang, "no complete answer within 1 s", "keeps retrying")]
#[case::cut(|| Answer::Cut(r#"{"results":[],"next_cursor":null}"#.into()), "127.0.0.1", "keeps retrying")]
#[case::enormous(|| Answer::json("x".repeat(10_000_001)), "over 10 MB", "keeps retrying")]
#[case::something_else(|| Answer::json("<html>"), "not whole JSON", "keeps retrying")]
fn broken_todoist_does_not_stop_others(#[case] answer: fn() -> Answer, #[case] what: &str, #[case] advice: &str) {
    let tasks_home = TaskHome::new().with_notes();
    tasks_home.note(&format!("- [ ] Letter 📅 {}\n", tasks_home.yesterday()));
    tasks_home.todoist_has(&[("t1", "Report")]);
    assert_eq!(keys(&tasks_home.check("09:05")).len(), 2);
    tasks_home.todoist(answer);
    let asked = tasks_home.server.requests().len();
    tasks_home.note(&format!("- [ ] Letter 📅 {0}\n- [ ] Invoice 📅 {0}\n", tasks_home.yesterday()));
    let report = tasks_home.check("09:20");
    assert_eq!(tasks_home.server.requests().len(), asked + 1, "one request");
    assert_eq!(outcome(&report, "task:deadline_overdue:t1"), "suppress duplicate", "as the copy has it: {report:#}");
    assert_eq!(outcome(&report, "task:deadline_overdue:Home.md#letter"), "suppress duplicate");
    assert_eq!(outcome(&report, "task:deadline_overdue:Home.md#invoice"), "deliver first");
    let reason = report["monitors"]["tasks"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("todoist: ") && reason.contains(what), "{reason}");
    let status = tasks_home.home.run(&["--status", "--json"]).ok().json();
    assert_eq!(status["monitor_states"]["tasks"]["reason"], reason);
    let check = tasks_home.home.run(&["check"]);
    let line = check.out.lines().find(|line| line.starts_with("todoist")).unwrap();
    assert!(line.contains("failed") && line.contains(what) && line.contains(advice), "{line}");
    assert_eq!(check.code, 1);
    let all = format!("{report}{status}{check:?}");
    assert!(!all.contains("s3cret"), "{all}");
    for (path, bytes) in tasks_home.home.everything().into_iter().filter(|(path, _)| !path.ends_with("config.yaml")) {
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"), "{}", path.display());
    }
}

#[test]
fn check_shows_each_task_source() {
    let tasks_home = TaskHome::new().with_notes().with_taskwarrior();
    tasks_home.note("- [ ] Letter\n- [ ] Report 📅 2026-11-20\n");
    tasks_home.todoist_has(&[("t1", "Report")]);
    tasks_home.task(&["add", "Call"]);
    let check = tasks_home.home.run(&["check"]);
    let line = |name: &str| check.out.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("todoist").contains("ok") && line("todoist").contains("1 open task"), "{check:?}");
    assert!(line("taskwarrior").contains("1 open task") && line("markdown").contains("2 open tasks"), "{check:?}");
    tasks_home.home.set(
        json!({"sources": {"todoist": null, "taskwarrior": null, "markdown": {"folder": tasks_home.home.path("gone")}}}),
    );
    let check = tasks_home.home.run(&["check"]);
    let line = |name: &str| check.out.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("todoist").contains("off") && line("todoist").contains("set sources.todoist.token"), "{check:?}");
    assert!(line("taskwarrior").contains("off") && line("taskwarrior").contains("sources.taskwarrior.enabled"));
    assert!(line("markdown").contains("failed") && line("markdown").contains("there is no folder"), "{check:?}");
    let circuits = tasks_home.check("09:05")["circuits"].clone();
    assert!(circuits.get("todoist").is_none() && circuits.get("markdown").is_some(), "{circuits}");
}

#[test]
fn tasks_return_after_an_outage_as_duplicates() {
    let tasks_home = TaskHome::new();
    tasks_home.todoist(|| Answer::Close);
    let report = tasks_home.check("09:05");
    assert_eq!((report["monitors"]["tasks"]["status"].as_str(), keys(&report).len()), (Some("skipped"), 0));
    tasks_home.todoist_has(&[("t1", "Report")]);
    assert_eq!(outcome(&tasks_home.check("09:20"), "task:deadline_overdue:t1"), "deliver first");
    tasks_home.todoist(|| Answer::Close);
    tasks_home.check("09:35");
    tasks_home.todoist_has(&[("t1", "Report")]);
    assert_eq!(outcome(&tasks_home.check("09:50"), "task:deadline_overdue:t1"), "suppress duplicate");
}
