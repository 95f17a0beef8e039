//! Taskwarrior: the real program with data of the tests' own, and programs that only pretend to be it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use operator::core::alert::Priority;
use operator::core::facts::{Activity, Task, TaskReading, TaskStatus};
use operator::sources::TaskSource;
use operator::sources::taskwarrior::Taskwarrior;
use operator::sources::{self, ErrorKind};
use rstest::rstest;
use tempfile::TempDir;

use crate::support::facts::at;
use crate::support::scripts::{LifeLine, sh};

/// A person's Taskwarrior.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::create_dir(desk.data()).unwrap();
        fs::write(desk.0.path().join("taskrc"), format!("data.location={}\n", desk.data().display())).unwrap();
        desk
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// As the person would call it.
    fn task(&self, arguments: &[&str]) {
        let mut task = Command::new("task");
        task.env("TASKRC", self.0.path().join("taskrc")).env("HOME", self.0.path()).env("TZ", "UTC");
        let output = task.arg("rc.confirmation=off").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn source(&self) -> Taskwarrior {
        Taskwarrior {
            enabled: true,
            program: "task".into(),
            data_dir: Some(self.data()),
            taskrc: Some(self.0.path().join("taskrc")),
            timeout: Duration::from_secs(20),
        }
    }

    /// One that is in the way of the real one.
    fn pretender(&self, body: &str) -> Taskwarrior {
        fs::write(self.data().join("pending.data"), "").unwrap();
        Taskwarrior { program: sh(self.0.path(), "task", body).display().to_string(), ..self.source() }
    }
}

async fn read(source: &Taskwarrior) -> Result<TaskReading, sources::Error> {
    source.fetch(&at("2026-11-20T09:05[UTC]")).await
}

fn named<'a>(reading: &'a TaskReading, title: &str) -> &'a Task {
    reading.tasks.iter().find(|task| task.title == title).unwrap_or_else(|| panic!("no {title}: {reading:?}"))
}

/// Every file with its content and its age.
fn files(folder: &Path) -> BTreeMap<PathBuf, (String, SystemTime)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.clone(), (fs::read_to_string(&path).unwrap(), path.metadata().unwrap().modified().unwrap())))
        .collect()
}

#[tokio::test]
async fn what_the_real_program_knows_is_read() {
    let desk = Desk::new();
    desk.task(&["add", "Pay rent", "due:2026-11-20", "priority:H", "project:Home"]);
    desk.task(&["add", "Stand-up \"daily\" – ünïcode", "due:2026-11-20T14:30", "priority:L"]);
    desk.task(&["add", "Some day", "wait:2099-01-01"]);
    desk.task(&["add", "Begun"]);
    desk.task(&["add", "Water", "due:2026-11-21", "recur:weekly"]);
    desk.task(&["rc.gc=on", "next"]); // makes the instance
    desk.task(&["Begun", "start"]);
    desk.task(&["add", "Done"]);
    desk.task(&["Done", "done"]);
    let reading = read(&desk.source()).await.unwrap();
    assert_eq!((reading.source, reading.has_dates, reading.notes.len()), ("taskwarrior", true, 0));
    let rent = named(&reading, "Pay rent");
    assert_eq!((rent.due.unwrap().to_string().as_str(), rent.priority), ("2026-11-20", Some(Priority::High)));
    let standup = named(&reading, "Stand-up \"daily\" – ünïcode");
    assert_eq!(
        (standup.due.unwrap().to_string().as_str(), standup.priority),
        ("2026-11-20 14:30", Some(Priority::Low))
    );
    assert_eq!(named(&reading, "Some day").status, TaskStatus::Backlog);
    assert_eq!(named(&reading, "Begun").status, TaskStatus::Active);
    assert!(reading.tasks.iter().all(|task| task.id.len() == 36), "UUIDs: numbers change");
    let water = reading.tasks.iter().filter(|task| task.title == "Water");
    assert!(water.clone().count() >= 1 && water.into_iter().all(|task| task.due.is_some()));
    assert!(!reading.tasks.iter().any(|task| task.title == "Done"));
}

#[tokio::test]
async fn nothing_is_changed_and_no_hook_is_run() {
    let desk = Desk::new();
    desk.task(&["add", "Pay rent", "due:2026-11-20"]);
    desk.task(&["add", "Water", "due:2026-11-01", "recur:daily"]);
    desk.task(&["add", "Done"]);
    desk.task(&["Done", "done"]);
    desk.task(&["next"]); // tidies up
    let hooks = desk.0.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    sh(&hooks, "on-launch", &format!("touch {}; exit 0", desk.0.path().join("hooked").display()));
    let settings = format!(
        "data.location={}\nhooks.location={}\ncontext=work\ncontext.work=project:Work\n",
        desk.data().display(),
        hooks.display()
    );
    fs::write(desk.0.path().join("taskrc"), settings).unwrap();
    let (data, folder) = (files(&desk.data()), fs::read_dir(desk.0.path()).unwrap().count());
    let reading = read(&desk.source()).await.unwrap();
    assert_eq!(named(&reading, "Pay rent").due.unwrap().to_string(), "2026-11-20", "whatever the context");
    assert_eq!(files(&desk.data()), data);
    assert_eq!(fs::read_dir(desk.0.path()).unwrap().count(), folder, "a file appeared");
}

#[tokio::test]
async fn its_own_configuration_says_where_the_data_are() {
    let desk = Desk::new();
    desk.task(&["add", "Pay rent"]);
    let reading = read(&Taskwarrior { data_dir: None, ..desk.source() }).await.unwrap();
    assert_eq!(reading.tasks.len(), 1);
    let reading = read(&Taskwarrior { taskrc: None, ..desk.source() }).await.unwrap();
    assert_eq!(reading.tasks.len(), 1, "without one, the folder is enough");
}

#[tokio::test]
async fn what_was_done_in_the_week_is_counted() {
    let desk = Desk::new();
    let answer = r#"[{"uuid":"a","status":"completed","entry":"20261119T080000Z","end":"20261119T090000Z"},
        {"uuid":"b","status":"completed","entry":"20260101T080000Z","end":"20261111T090000Z"},
        {"uuid":"c","status":"pending","entry":"20261120T080000Z"}]"#;
    let reading = read(&desk.pretender(&format!("cat <<'END'\n{answer}\nEND"))).await.unwrap();
    assert_eq!(reading.activity, Some(Activity { created: 2, completed: 1, clients_today: None }));
}

#[tokio::test]
async fn without_data_or_configuration_it_is_not_started() {
    let desk = Desk::new();
    let trap = desk.0.path().join("started");
    let pretender = desk.pretender(&format!("touch {}; echo '[]'", trap.display()));
    let nowhere = desk.0.path().join("nowhere");
    let empty = desk.0.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for (source, fault, advice) in [
        (
            Taskwarrior { data_dir: None, taskrc: None, ..pretender.clone() },
            ErrorKind::ActionRequired,
            "Run 'task' once",
        ),
        (
            Taskwarrior { data_dir: None, taskrc: Some(nowhere.clone()), ..pretender.clone() },
            ErrorKind::ActionRequired,
            "Run 'task' once",
        ),
        (
            Taskwarrior { data_dir: Some(empty.clone()), ..pretender.clone() },
            ErrorKind::ActionRequired,
            "data.location",
        ),
        (Taskwarrior { data_dir: Some(nowhere), ..pretender.clone() }, ErrorKind::Transient, ""),
        (Taskwarrior { enabled: false, ..pretender }, ErrorKind::NotConfigured, "enabled"),
    ] {
        let error = read(&source).await.unwrap_err();
        assert_eq!(error.kind, fault, "{error:?}");
        assert!(error.advice.contains(advice), "{error:?}");
    }
    assert!(!trap.exists());
    assert_eq!(fs::read_dir(empty).unwrap().count(), 0);
}

#[rstest]
#[case::it_fails(
    "echo 'Configuration override rc.gc=off' >&2; echo 'Unrecognized file format.' >&2; exit 2",
    "task ended with code 2: Unrecognized file format."
)]
#[case::it_crashes("kill -SEGV $$", "was ended by signal 11")]
#[case::no_json("echo 'No matches.'", "something else than its tasks")]
#[case::half("printf '[{\"uuid\":\"a\"'", "something else than its tasks")]
#[case::no_list("echo '{}'", "something else than its tasks")]
#[case::silence("exit 0", "something else than its tasks")]
#[tokio::test]
async fn a_program_that_fails_is_an_outage(#[case] body: &str, #[case] what: &str) {
    let error = read(&Desk::new().pretender(body)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains(what), "{error:?}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told_what_to_do_about() {
    let desk = Desk::new();
    desk.task(&["add", "Pay rent"]);
    let error = read(&Taskwarrior { program: "/nowhere/task".into(), ..desk.source() }).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::ActionRequired, "there is no /nowhere/task"));
    assert!(error.advice.contains("sources.taskwarrior.program"), "{error:?}");
}

#[tokio::test]
async fn one_that_hangs_is_killed_with_its_children() {
    let desk = Desk::new();
    let line = LifeLine::in_folder(desk.0.path());
    let body = format!("exec 9>{}; echo begun >&9; trap '' TERM; sleep 600 & wait; sleep 600", line.path.display());
    let source = Taskwarrior { timeout: Duration::from_millis(300), ..desk.pretender(&body) };
    let error = read(&source).await.unwrap_err();
    assert!(error.kind == ErrorKind::Transient && error.message.contains("did not end within 0.3 s"), "{error:?}");
    line.all_have_died().await;
}

#[tokio::test]
async fn an_endless_answer_is_refused() {
    let error = read(&Desk::new().pretender("head -c 40000000 /dev/zero")).await.unwrap_err();
    assert_eq!(error.message, "its answer is over 32 MiB");
}

#[tokio::test]
async fn five_thousand_tasks_are_read() {
    let desk = Desk::new();
    desk.task(&["add", "first"]);
    let lines: String =
        (0..5000).map(|n| format!("[description:\"Task {n}\" due:\"1795132800\" entry:\"1795000000\" status:\"pending\" uuid:\"00000000-0000-4000-8000-{n:012}\"]\n")).collect();
    fs::write(desk.data().join("pending.data"), lines).unwrap();
    let reading = read(&desk.source()).await.unwrap();
    assert_eq!(reading.tasks.len(), 5000);
    assert!(reading.tasks.iter().all(|task| task.due.is_some()));
}
