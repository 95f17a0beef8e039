//! Runs the real Taskwarrior on test data, and fake programs in its place.

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

/// Data and configuration of a user.
struct Workspace(TempDir);

impl Workspace {
    fn new() -> Self {
        let workspace = Self(tempfile::tempdir().unwrap());
        fs::create_dir(workspace.data()).unwrap();
        fs::write(workspace.0.path().join("taskrc"), format!("data.location={}\n", workspace.data().display()))
            .unwrap();
        workspace
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

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

    /// A source that runs this script instead of the real program.
    fn fake_program(&self, body: &str) -> Taskwarrior {
        fs::write(self.data().join("pending.data"), "").unwrap();
        Taskwarrior { program: sh(self.0.path(), "task", body).display().to_string(), ..self.source() }
    }
}

async fn fetch(source: &Taskwarrior) -> Result<TaskReading, sources::Error> {
    source.fetch(&at("2026-11-20T09:05[UTC]")).await
}

fn named<'a>(reading: &'a TaskReading, title: &str) -> &'a Task {
    reading.tasks.iter().find(|task| task.title == title).unwrap_or_else(|| panic!("no {title}: {reading:?}"))
}

/// Content and modification time of every file.
fn files(folder: &Path) -> BTreeMap<PathBuf, (String, SystemTime)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.clone(), (fs::read_to_string(&path).unwrap(), path.metadata().unwrap().modified().unwrap())))
        .collect()
}

#[tokio::test]
async fn tasks_of_real_program_are_read() {
    let workspace = Workspace::new();
    workspace.task(&["add", "Pay rent", "due:2026-11-20", "priority:H", "project:Home"]);
    workspace.task(&["add", "Stand-up \"daily\" – ünïcode", "due:2026-11-20T14:30", "priority:L"]);
    workspace.task(&["add", "Some day", "wait:2099-01-01"]);
    workspace.task(&["add", "Begun"]);
    workspace.task(&["add", "Water", "due:2026-11-21", "recur:weekly"]);
    workspace.task(&["rc.gc=on", "next"]); // makes the instance
    workspace.task(&["Begun", "start"]);
    workspace.task(&["add", "Done"]);
    workspace.task(&["Done", "done"]);
    let reading = fetch(&workspace.source()).await.unwrap();
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
async fn export_changes_nothing_and_runs_no_hook() {
    let workspace = Workspace::new();
    workspace.task(&["add", "Pay rent", "due:2026-11-20"]);
    workspace.task(&["add", "Water", "due:2026-11-01", "recur:daily"]);
    workspace.task(&["add", "Done"]);
    workspace.task(&["Done", "done"]);
    workspace.task(&["next"]); // tidies up
    let hooks = workspace.0.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    sh(&hooks, "on-launch", &format!("touch {}; exit 0", workspace.0.path().join("hooked").display()));
    let settings = format!(
        "data.location={}\nhooks.location={}\ncontext=work\ncontext.work=project:Work\n",
        workspace.data().display(),
        hooks.display()
    );
    fs::write(workspace.0.path().join("taskrc"), settings).unwrap();
    let (data, folder) = (files(&workspace.data()), fs::read_dir(workspace.0.path()).unwrap().count());
    let reading = fetch(&workspace.source()).await.unwrap();
    assert_eq!(named(&reading, "Pay rent").due.unwrap().to_string(), "2026-11-20", "whatever the context");
    assert_eq!(files(&workspace.data()), data);
    assert_eq!(fs::read_dir(workspace.0.path()).unwrap().count(), folder, "a file appeared");
}

#[tokio::test]
async fn taskrc_or_data_dir_is_enough() {
    let workspace = Workspace::new();
    workspace.task(&["add", "Pay rent"]);
    let reading = fetch(&Taskwarrior { data_dir: None, ..workspace.source() }).await.unwrap();
    assert_eq!(reading.tasks.len(), 1);
    let reading = fetch(&Taskwarrior { taskrc: None, ..workspace.source() }).await.unwrap();
    assert_eq!(reading.tasks.len(), 1, "without one, the folder is enough");
}

#[tokio::test]
async fn activity_of_the_week_is_counted() {
    let workspace = Workspace::new();
    let answer = r#"[{"uuid":"a","status":"completed","entry":"20261119T080000Z","end":"20261119T090000Z"},
        {"uuid":"b","status":"completed","entry":"20260101T080000Z","end":"20261111T090000Z"},
        {"uuid":"c","status":"pending","entry":"20261120T080000Z"}]"#;
    let reading = fetch(&workspace.fake_program(&format!("cat <<'END'\n{answer}\nEND"))).await.unwrap();
    assert_eq!(reading.activity, Some(Activity { created: 2, completed: 1, clients_today: None }));
}

#[tokio::test]
async fn missing_data_and_taskrc_start_nothing() {
    let workspace = Workspace::new();
    let trap = workspace.0.path().join("started");
    let fake_program = workspace.fake_program(&format!("touch {}; echo '[]'", trap.display()));
    let nowhere = workspace.0.path().join("nowhere");
    let empty = workspace.0.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for (source, kind, advice) in [
        (
            Taskwarrior { data_dir: None, taskrc: None, ..fake_program.clone() },
            ErrorKind::ActionRequired,
            "Run `task` once",
        ),
        (
            Taskwarrior { data_dir: None, taskrc: Some(nowhere.clone()), ..fake_program.clone() },
            ErrorKind::ActionRequired,
            "Run `task` once",
        ),
        (
            Taskwarrior { data_dir: Some(empty.clone()), ..fake_program.clone() },
            ErrorKind::ActionRequired,
            "data.location",
        ),
        (Taskwarrior { data_dir: Some(nowhere), ..fake_program.clone() }, ErrorKind::Transient, ""),
        (Taskwarrior { enabled: false, ..fake_program }, ErrorKind::NotConfigured, "enabled"),
    ] {
        let error = fetch(&source).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error:?}");
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
#[case::no_json("echo 'No matches.'", "did not print a list of tasks")]
#[case::half("printf '[{\"uuid\":\"a\"'", "did not print a list of tasks")]
#[case::no_list("echo '{}'", "did not print a list of tasks")]
#[case::silence("exit 0", "did not print a list of tasks")]
#[tokio::test]
async fn failing_program_is_transient(#[case] body: &str, #[case] message: &str) {
    let error = fetch(&Workspace::new().fake_program(body)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains(message), "{error:?}");
}

#[tokio::test]
async fn missing_program_says_what_to_do() {
    let workspace = Workspace::new();
    workspace.task(&["add", "Pay rent"]);
    let error = fetch(&Taskwarrior { program: "/nowhere/task".into(), ..workspace.source() }).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::ActionRequired, "there is no /nowhere/task"));
    assert!(error.advice.contains("sources.taskwarrior.program"), "{error:?}");
}

#[tokio::test]
async fn hanging_program_is_killed_with_children() {
    let workspace = Workspace::new();
    let line = LifeLine::in_folder(workspace.0.path());
    let body = format!("exec 9>{}; echo begun >&9; trap '' TERM; sleep 600 & wait; sleep 600", line.path.display());
    let source = Taskwarrior { timeout: Duration::from_millis(300), ..workspace.fake_program(&body) };
    let error = fetch(&source).await.unwrap_err();
    assert!(error.kind == ErrorKind::Transient && error.message.contains("did not end within 0.3 s"), "{error:?}");
    line.wait_until_dead().await;
}

#[tokio::test]
async fn endless_output_is_refused() {
    let error = fetch(&Workspace::new().fake_program("head -c 40000000 /dev/zero")).await.unwrap_err();
    assert_eq!(error.message, "its output is over 32 MiB");
}

#[tokio::test]
async fn five_thousand_tasks_are_read() {
    let workspace = Workspace::new();
    workspace.task(&["add", "first"]);
    let lines: String =
        (0..5000).map(|n| format!("[description:\"Task {n}\" due:\"1795132800\" entry:\"1795000000\" status:\"pending\" uuid:\"00000000-0000-4000-8000-{n:012}\"]\n")).collect();
    fs::write(workspace.data().join("pending.data"), lines).unwrap();
    let reading = fetch(&workspace.source()).await.unwrap();
    assert_eq!(reading.tasks.len(), 5000);
    assert!(reading.tasks.iter().all(|task| task.due.is_some()));
}
