//! Reads notes in real folders, common and odd.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use operator::core::facts::{TaskReading, TaskStatus};
use operator::sources::TaskSource;
use operator::sources::markdown::Markdown;
use operator::sources::{self, ErrorKind};
use tempfile::TempDir;

use crate::support::facts::at;

struct Vault {
    folder: TempDir,
    source: Markdown,
}

impl Vault {
    fn new(notes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Markdown { folder: Some(folder.path().to_path_buf()), ..Markdown::default() };
        let vault = Self { folder, source };
        notes.iter().for_each(|(name, text)| vault.write(name, text));
        vault
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file looks an hour old: fresh files are not cached.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self.age(name, 3600);
    }

    fn age(&self, name: &str, seconds: u64) {
        let file = fs::File::options().append(true).open(self.path(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    async fn try_fetch(&self) -> Result<TaskReading, sources::Error> {
        self.source.fetch(&at("2026-11-20T09:05[UTC]")).await
    }

    async fn fetch(&self) -> TaskReading {
        self.try_fetch().await.unwrap()
    }

    async fn ids(&self) -> Vec<String> {
        self.fetch().await.tasks.into_iter().map(|task| task.id).collect()
    }
}

const NOTE: &str = "\
---
tags: [work]
---
# Today
- [ ] Pay **rent** 📅 2026-11-20 ⏫ #home
  - [/] Find the [[Contract|contract]] [due:: 2026-11-19]
- [x] Done 📅 2026-11-18 ✅ 2026-11-18
- [-] Dropped 📅 2026-11-18
> - [ ] From a quote 📅 2026-11-21
```
- [ ] In code 📅 2026-11-20
```
- [ ] Later 🛫 2026-12-01
- [ ] Water 🔁 every week 📅 2026-11-22
- not a task
";

#[tokio::test]
async fn note_tasks_are_read() {
    let vault = Vault::new(&[("Work/Today.md", NOTE), ("empty.md", "")]);
    let reading = vault.fetch().await;
    assert_eq!((reading.source, reading.has_dates, reading.notes.len()), ("markdown", true, 0));
    let shown: Vec<String> = reading
        .tasks
        .iter()
        .map(|task| {
            let due = task.due.map_or("-".into(), |due| due.to_string());
            format!("{} | {} | {due} | {}", task.id, task.title, task.status.as_str())
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Work/Today.md#find_the_contract | Find the contract | 2026-11-19 | active",
            "Work/Today.md#from_a_quote | From a quote | 2026-11-21 | pending",
            "Work/Today.md#later | Later | - | backlog",
            "Work/Today.md#pay_rent | Pay rent | 2026-11-20 | pending",
            "Work/Today.md#water@2026-11-22 | Water | 2026-11-22 | pending",
        ]
    );
}

#[tokio::test]
async fn task_id_survives_moves_in_the_note() {
    let vault = Vault::new(&[("a.md", "- [ ] Report\n- [ ] Report\n- [ ] Letter\n")]);
    assert_eq!(vault.ids().await, ["a.md#letter", "a.md#report", "a.md#report-2"]);
    vault.write("a.md", "# New heading\n\n- [ ] Letter\n- [x] Report ✅ 2026-11-20\n- [ ] Report 📅 2026-11-30\n");
    assert_eq!(vault.ids().await, ["a.md#letter", "a.md#report-2"], "the one that is left keeps its number");
}

#[tokio::test]
async fn each_recurrence_is_its_own_task() {
    let vault = Vault::new(&[("a.md", "- [ ] Water 🔁 every day 📅 2026-11-20\n")]);
    assert_eq!(vault.ids().await, ["a.md#water@2026-11-20"]);
    let done = "- [ ] Water 🔁 every day 📅 2026-11-21\n- [x] Water 🔁 every day 📅 2026-11-20 ✅ 2026-11-20\n";
    vault.write("a.md", done);
    assert_eq!(vault.ids().await, ["a.md#water@2026-11-21"]);
}

#[tokio::test]
async fn hidden_excluded_and_other_files_are_skipped() {
    let task = "- [ ] Task\n";
    let vault = Vault::new(&[
        ("a.md", task),
        ("B.MD", task),
        ("c.markdown", task),
        ("d.txt", task),
        (".obsidian/e.md", task),
        (".trash/f.md", task),
        ("sub/.hidden.md", task),
        ("Templates/g.md", task),
        ("Archive/Old/h.md", task),
        ("Archive/Old.md", task),
        ("Archive/New/i.md", task),
    ]);
    let exclude = ["Templates/", "Archive/Old", "nowhere"].map(PathBuf::from).to_vec();
    let source = Markdown { exclude, ..vault.source.clone() };
    let reading = source.fetch(&at("2026-11-20T09:05[UTC]")).await.unwrap();
    let ids: Vec<&str> = reading.tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids, ["Archive/New/i.md#task", "Archive/Old.md#task", "B.MD#task", "a.md#task", "c.markdown#task"]);
}

#[tokio::test]
async fn symlinks_are_not_followed() {
    let outside = Vault::new(&[("secret.md", "- [ ] Outside\n")]);
    let vault = Vault::new(&[("notes/a.md", "- [ ] Inside\n")]);
    symlink(vault.folder.path(), vault.path("notes/loop")).unwrap();
    symlink("self.md", vault.path("self.md")).unwrap();
    symlink(outside.folder.path(), vault.path("out")).unwrap();
    symlink(outside.path("secret.md"), vault.path("notes/secret.md")).unwrap();
    symlink("/nowhere/at/all.md", vault.path("dangling.md")).unwrap();
    let reading = vault.fetch().await;
    assert_eq!(reading.tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["notes/a.md#inside"]);
    assert_eq!(reading.notes, ["Symlinks in the folder were not followed (5)."]);
    // The folder itself may be a symlink.
    symlink(vault.path("notes"), outside.path("linked")).unwrap();
    let source = Markdown { folder: Some(outside.path("linked")), ..Markdown::default() };
    assert_eq!(source.fetch(&at("2026-11-20T09:05[UTC]")).await.unwrap().tasks.len(), 1);
}

#[tokio::test]
async fn changed_notes_are_read_again() {
    let vault = Vault::new(&[("a.md", "- [ ] Old\n"), ("b.md", "nothing"), ("c.md", "- [ ] Other\n")]);
    assert_eq!(vault.ids().await, ["a.md#old", "c.md#other"]);
    vault.write("a.md", "- [ ] New\n");
    assert_eq!(vault.ids().await[0], "a.md#new");
    // The same size and mtime: only the ctime differs.
    vault.write("a.md", "- [ ] Six\n");
    assert_eq!(vault.ids().await[0], "a.md#six");
    fs::rename(vault.path("a.md"), vault.path("z.md")).unwrap();
    assert_eq!(vault.ids().await.last().unwrap(), "z.md#six");
    fs::remove_file(vault.path("z.md")).unwrap();
    assert!(!vault.ids().await.contains(&"z.md#six".to_owned()));
}

#[tokio::test]
async fn fresh_notes_are_read_again() {
    let vault = Vault::new(&[("a.md", "- [ ] One\n")]);
    vault.age("a.md", 0);
    assert_eq!(vault.ids().await, ["a.md#one"]);
    let before = fs::metadata(vault.path("a.md")).unwrap().modified().unwrap();
    fs::write(vault.path("a.md"), "- [ ] Two\n").unwrap();
    fs::File::options().append(true).open(vault.path("a.md")).unwrap().set_modified(before).unwrap();
    assert_eq!(vault.ids().await, ["a.md#two"]);
}

#[tokio::test]
async fn odd_files_are_read_as_far_as_possible() {
    let vault = Vault::new(&[("a.md", "- [ ] Fine\r\n- [ ] Windows 📅 2026-11-20\r\n")]);
    vault.write("latin1.md", b"- [ ] Caf\xe9 \xff\n");
    vault.write("binary.md", [0_u8, 159, 146, 150].repeat(1000));
    vault.write("line.md", "x".repeat(2_000_000));
    vault.write("huge.md", format!("- [ ] Begins\n{}- [ ] Ends\n", "word ".repeat(1_000_000) + "\n"));
    vault.write("bom.md", "\u{feff}- [ ] Marked\n");
    assert!(Command::new("mkfifo").arg(vault.path("pipe.md")).status().unwrap().success());
    let reading = vault.fetch().await;
    let titles: Vec<&str> = reading.tasks.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(titles, ["Fine", "Windows", "Marked", "Begins", "Caf� �"]);
    assert_eq!(reading.notes, ["Only the beginning of huge.md was read, because it is very long."]);
}

#[tokio::test]
async fn invalid_date_makes_the_task_unreadable() {
    let before = "- [ ] Report 📅 2026-11-20\n- [ ] Water 🔁 every day 📅 2026-11-20\n- [ ] Letter 📅 2026-11-20\n";
    let vault = Vault::new(&[("a.md", before)]);
    let ids = vault.ids().await;
    assert_eq!(ids, ["a.md#letter", "a.md#report", "a.md#water@2026-11-20"]);
    let after = "- [ ] Report 📅 tomorrow\n- [ ] Water 🔁 every day 📅 2026-11-20T9:00\n- [ ] Letter 📅 2026-11-20\n";
    vault.write("a.md", after);
    let reading = vault.fetch().await;
    assert_eq!(reading.tasks.len(), 1);
    assert_eq!(ids.iter().map(|id| reading.is_unreadable(id)).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(reading.notes[0], "'Report' in a.md has an invalid due date.");
}

#[tokio::test]
async fn very_long_task_is_unreadable() {
    let line = format!("- [ ] {}", "([".repeat(1_000_000));
    let vault = Vault::new(&[("a.md", &format!("{line}\n- [ ] Letter\n"))]);
    let reading = vault.fetch().await;
    assert_eq!(reading.tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["a.md#letter"]);
    assert!(reading.notes[0].ends_with("in a.md is too long."), "{:?}", reading.notes);
}

#[tokio::test]
async fn icloud_placeholder_makes_note_unreadable() {
    let vault = Vault::new(&[("a.md", "- [ ] Fine\n"), ("Work/.Plan.md.icloud", "x"), ("Old/.Plan.md.icloud", "x")]);
    vault.write("Work/.picture.png.icloud", "x");
    let source = Markdown { exclude: vec!["Old".into()], ..vault.source.clone() };
    let reading = source.fetch(&at("2026-11-20T09:05[UTC]")).await.unwrap();
    assert_eq!((reading.tasks.len(), reading.unreadable), (1, vec!["Work/Plan.md#".to_owned()]));
    assert_eq!(reading.notes, ["Skipped: Work/Plan.md is in iCloud and not on this Mac."]);
}

#[tokio::test]
async fn commented_checkbox_is_no_task() {
    let note =
        "- [ ] Letter %% - [ ] or not %%\n%%\n- [ ] Old\n```\n%%\n- [ ] Report\n> ```\n> - [ ] Code\n- [ ] Rent\n";
    let vault = Vault::new(&[("a.md", note)]);
    assert_eq!(vault.ids().await, ["a.md#letter", "a.md#rent", "a.md#report"]);
}

#[tokio::test]
async fn denied_files_and_folders_are_unreadable() {
    let vault = Vault::new(&[("a.md", "- [ ] Fine\n"), ("closed/b.md", "- [ ] Away\n"), ("c.md", "- [ ] Shut\n")]);
    fs::set_permissions(vault.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(vault.path("c.md"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(vault.path("closed")).is_ok() {
        return eprintln!("skipped: root may read everything");
    }
    let reading = vault.fetch().await;
    assert_eq!(reading.tasks.len(), 1);
    assert!(reading.is_unreadable("closed/b.md#away") && reading.is_unreadable("c.md#shut"));
    assert!(!reading.is_unreadable("a.md#fine") && !reading.is_unreadable("c.mdx#shut"));
    fs::set_permissions(vault.path("closed"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn missing_folder_is_transient() {
    let vault = Vault::new(&[("a.md", "")]);
    let fetch_error = async |folder: &Path| {
        let source = Markdown { folder: Some(folder.to_path_buf()), ..Markdown::default() };
        source.fetch(&at("2026-11-20T09:05[UTC]")).await.unwrap_err()
    };
    assert_eq!(fetch_error(&vault.path("nowhere")).await.kind, ErrorKind::Transient);
    assert_eq!(fetch_error(&vault.path("a.md")).await.kind, ErrorKind::ActionRequired);
    fs::create_dir(vault.path("empty")).unwrap();
    let error = fetch_error(&vault.path("empty")).await;
    assert!(error.kind == ErrorKind::Transient && error.message.contains("there are no notes"), "{error:?}");
    assert_eq!(
        Markdown::default().fetch(&at("2026-11-20T09:05[UTC]")).await.unwrap_err().kind,
        ErrorKind::NotConfigured
    );
}

#[tokio::test]
async fn fifty_thousand_notes_are_read() {
    let vault = Vault::new(&[]);
    for folder in 0..50 {
        fs::create_dir(vault.path(&format!("{folder}"))).unwrap();
        for note in 0..1000 {
            let text = if note == 0 { "- [ ] Task 📅 2026-11-20\n" } else { "nothing\n" };
            fs::write(vault.path(&format!("{folder}/{note}.md")), text).unwrap();
        }
    }
    for _ in 0..2 {
        let reading = vault.fetch().await;
        assert_eq!((reading.tasks.len(), reading.notes.len()), (50, 0));
        assert!(reading.tasks.iter().all(|task| task.status == TaskStatus::Pending));
    }
}
