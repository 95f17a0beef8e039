//! Our own database when it is damaged, when there is no room for it, and when nothing can be written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;
use rusqlite::Connection;

use crate::support::home::{Home, Run, finish, outcome, states};

const READINESS: &str = "health:readiness_low";

/// A way to ruin a file.
type Damage = fn(&Path);

fn scribble(path: &Path, from: usize, to: usize) {
    let mut bytes = fs::read(path).unwrap();
    let end = to.min(bytes.len());
    bytes[from..end].iter_mut().for_each(|byte| *byte = 0xa5);
    fs::write(path, bytes).unwrap();
}

fn set_aside(home: &Home) -> Vec<PathBuf> {
    let files = fs::read_dir(home.path("state")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_string_lossy().contains("operator.db.damaged-")).collect()
}

fn sound(path: &Path) -> String {
    Connection::open(path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

#[rstest]
#[case::text(|path: &Path| fs::write(path, "no database at all\n".repeat(400)).unwrap())]
#[case::header(|path: &Path| scribble(path, 0, 64))]
#[case::first_page(|path: &Path| scribble(path, 64, 4096))]
#[case::cut(|path: &Path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(9000).unwrap())]
#[case::all_but_the_header(|path: &Path| scribble(path, 4096, usize::MAX))]
#[case::zeroes(|path: &Path| fs::write(path, vec![0; 40_960]).unwrap())]
fn corrupt_database_is_replaced(#[case] damage: Damage) {
    let home = Home::new();
    home.check(&home.at("09:05"));
    let path = home.path("state/operator.db");
    damage(&path);
    let damaged = fs::read(&path).unwrap();
    let run = home.run(&["--once", "--json", "--at", &home.at("09:20")]).ok();
    let report = run.json();
    assert_eq!(states(&report), ["ok", "ok", "ok"]);
    assert_eq!(outcome(&report, READINESS), "deliver first", "a fresh start");
    let kept = set_aside(&home);
    assert_eq!(kept.len(), 1, "{kept:?} {}", run.err);
    assert_eq!(fs::read(&kept[0]).unwrap(), damaged, "kept as it was");
    assert!(run.err.contains("damaged") && run.err.contains(kept[0].to_str().unwrap()), "{}", run.err);
    assert_eq!(sound(&path), "ok");
    assert_eq!(outcome(&home.check(&home.at("09:35")), READINESS), "suppress duplicate", "and it is remembered in it");
    assert_eq!(set_aside(&home).len(), 1);
}

/// One table's pages after the other: whatever is hit, the check is made and the program does not crash.
#[test]
fn corruption_while_running_is_survived() {
    let home = Home::new();
    home.check(&home.at("05:00"));
    home.check(&home.at("09:05"));
    let path = home.path("state/operator.db");
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 20, "{pages}");
    for page in 1..pages {
        for name in fs::read_dir(home.path("state")).unwrap() {
            fs::remove_file(name.unwrap().path()).unwrap();
        }
        fs::write(&path, &whole).unwrap();
        scribble(&path, page * 4096, page * 4096 + 4096);
        let before = home.everything();
        let dry = home.run(&["--once", "--dry-run", "--at", &home.at("09:20")]);
        assert!(dry.code == 0 || (dry.code == 1 && dry.err.contains("damaged")), "page {page}: {dry:?}");
        assert!(before == home.everything(), "page {page}: a dry run sets nothing aside");
        let run = home.run(&["--once", "--json", "--at", &home.at("09:20")]).ok();
        let (report, kept) = (run.json(), set_aside(&home));
        assert_eq!(states(&report), ["ok", "ok", "ok"], "page {page}: {run:?}");
        let expected = if kept.is_empty() { "suppress duplicate" } else { "deliver first" };
        assert_eq!(outcome(&report, READINESS), expected, "page {page}: {}", run.err);
        assert_eq!(kept.is_empty(), !run.err.contains("set aside"), "page {page}: {}", run.err);
    }
}

#[rstest]
#[case::header(0, 64)]
#[case::all_but_the_header(4096, usize::MAX)]
fn query_of_corrupt_database_changes_nothing(#[case] from: usize, #[case] to: usize) {
    let home = Home::new();
    home.check(&home.at("09:05"));
    scribble(&home.path("state/operator.db"), from, to);
    let before = home.everything();
    for arguments in [&["alerts"][..], &["journal"], &["--status"], &["why", READINESS]] {
        assert!(home.run(arguments).failed(1).err.contains("operator.db"), "{arguments:?}");
    }
    let dry = home.run(&["--once", "--dry-run", "--json"]).ok();
    assert!(dry.err.contains("operator.db") && dry.err.contains("damaged"), "{}", dry.err);
    assert!(!dry.json()["alerts"].as_array().unwrap().is_empty(), "a dry run goes on without what was remembered");
    assert!(before == home.everything());
}

#[test]
fn corrupt_state_file_is_rewritten() {
    let home = Home::new();
    home.check(&home.at("09:05"));
    fs::write(home.path("state/operator_state.json"), "{\"run_count\": ").unwrap();
    home.check(&home.at("09:20"));
    let state: serde_json::Value =
        serde_json::from_slice(&fs::read(home.path("state/operator_state.json")).unwrap()).unwrap();
    assert_eq!(state["run_count"], 2);
    for key in ["last_run", "total_alerts", "uptime_start", "recent_dedup_keys", "monitor_states", "circuit_states"] {
        assert!(state.get(key).is_some_and(|value| !value.is_null()), "{key}: {state:#}");
    }
    assert!(state["recent_dedup_keys"][READINESS].is_string(), "{state:#}");
}

/// Run a script in which the state directory can be mounted over; none where the system does not permit that.
fn with_mounts(home: &Home, script: &str) -> Option<Run> {
    let shell = |script: &str| {
        let mut shell = Command::new("unshare");
        home.clean(&mut shell);
        shell.args(["--mount", "--map-root-user", "sh", "-euc", script]);
        shell.env("STATE", home.path("state")).env("KEPT", home.path("tmp"));
        shell.env("OPERATOR", env!("CARGO_BIN_EXE_operator")).env("CONFIG", home.path("config.yaml"));
        shell
    };
    let permitted = shell("mount -t tmpfs tmpfs \"$STATE\"").output().is_ok_and(|output| output.status.success());
    if !permitted {
        eprintln!("skipped: this system does not let a test mount anything");
        return None;
    }
    Some(finish(shell(script)))
}

/// What the database holds that decisions rest on.
fn content(path: &Path) -> (i64, i64, String) {
    let db = Connection::open(path).unwrap();
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let counters = db.query_row("SELECT value FROM settings WHERE name = 'counters'", [], |row| row.get(0)).unwrap();
    (count("SELECT count(*) FROM journal"), count("SELECT count(*) FROM incidents"), counters)
}

#[test]
fn full_disk_keeps_existing_data() {
    let home = Home::new();
    home.check(&home.at("09:05"));
    let before = content(&home.path("state/operator.db"));
    // Enough to say that the log does not fit, whatever room the file system has left itself.
    let values: Vec<String> =
        (0..3000).map(|n| format!("('t{n}', 'Task {n}', 'active', '2001-01-01', 'w', 'm')")).collect();
    home.tasks(&format!("INSERT INTO tasks (id, title, status, due_date, domain, source) VALUES {}", values.join(",")));
    let script = format!(
        r#"cp -a "$STATE/." "$KEPT/"
           mount -t tmpfs -o size=1m tmpfs "$STATE"
           cp -a "$KEPT/." "$STATE/"
           code=0; "$OPERATOR" --config "$CONFIG" --once --json --at {} || code=$?
           rm -rf "$KEPT"/*; cp -a "$STATE/." "$KEPT/"
           exit $code"#,
        home.at("13:20")
    );
    let Some(run) = with_mounts(&home, &script) else { return };
    let run = run.failed(1);
    assert!(run.err.contains("disk is full") && run.err.contains("operator.db"), "{run:?}");
    assert_eq!(sound(&home.path("tmp/operator.db")), "ok");
    assert_eq!(content(&home.path("tmp/operator.db")), before);
    let left: Vec<_> = fs::read_dir(home.path("tmp")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("damaged")), "{left:?}");
    // With room again, the same check goes through: nothing was lost.
    assert_eq!(outcome(&home.check(&home.at("13:20")), READINESS), "deliver repeat");
}

#[test]
fn full_disk_at_first_run_is_an_error() {
    let home = Home::new();
    fs::create_dir(home.path("state")).unwrap();
    let script = format!(
        r#"mount -t tmpfs -o size=8k tmpfs "$STATE"
           "$OPERATOR" --config "$CONFIG" --once --json --at {}"#,
        home.at("09:05")
    );
    let Some(run) = with_mounts(&home, &script) else { return };
    assert!(run.failed(1).err.contains("disk is full"));
}

#[test]
fn file_size_limit_leaves_no_partial_write() {
    let home = Home::new();
    home.check(&home.at("09:05"));
    let before = content(&home.path("state/operator.db"));
    let size = fs::metadata(home.path("state/operator.db")).unwrap().len() / 512;
    for blocks in [0, 8, 64, size / 4] {
        let mut shell = Command::new("sh");
        home.clean(&mut shell);
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec '{}' --config '{}' --once --json --at {} 2>&1 >&3 | cat >&2",
            env!("CARGO_BIN_EXE_operator"),
            home.path("config.yaml").display(),
            home.at("13:20")
        );
        let script = format!("exec 3>&1; {script}");
        shell.args(["-c", &script]);
        let run = finish(shell);
        assert!(run.err.contains("operator.db") || run.err.contains("operator: "), "{blocks}: {run:?}");
        assert_eq!(run.out, "", "{blocks}");
        assert_eq!(sound(&home.path("state/operator.db")), "ok", "{blocks}");
        assert_eq!(content(&home.path("state/operator.db")), before, "{blocks}");
    }
    assert_eq!(outcome(&home.check(&home.at("13:20")), READINESS), "deliver repeat");
}

#[test]
fn read_only_state_dir_error_has_a_hint() {
    let home = Home::new();
    home.check(&home.at("09:05"));
    let before = home.everything();
    let command = |arguments: &str| {
        format!(
            r#"mount --bind "$STATE" "$STATE"
               mount -o remount,bind,ro "$STATE"
               "$OPERATOR" --config "$CONFIG" {arguments}"#
        )
    };
    for arguments in [&format!("--once --at {}", home.at("13:20")), "--headless", "ack health:readiness_low", "pause"] {
        let Some(run) = with_mounts(&home, &command(arguments)) else { return };
        let run = run.failed(1);
        assert!(run.err.contains("paths.state_dir") && run.err.contains("Read-only"), "{arguments}: {run:?}");
    }
    for arguments in ["alerts", "journal", "--status", "--once --dry-run"] {
        let Some(run) = with_mounts(&home, &command(arguments)) else { return };
        assert_eq!(run.code, 0, "a look needs no writing: {arguments}: {run:?}");
    }
    let logs = home.path("logs");
    let state = |files: &std::collections::BTreeMap<PathBuf, Vec<u8>>| -> Vec<(PathBuf, Vec<u8>)> {
        files.iter().filter(|(path, _)| !path.starts_with(&logs)).map(|(p, c)| (p.clone(), c.clone())).collect()
    };
    assert!(state(&before) == state(&home.everything()));
}
