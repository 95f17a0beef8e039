//! Log lines, levels and rotation.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use operator::config::schema::LogLevel;
use operator::telemetry::logging::subscriber;
use operator::telemetry::rotate::RotatingFile;
use rstest::rstest;
use tempfile::tempdir;
use tracing::{debug, error, info, warn};

use crate::support::screen::{Screen, without_time};

fn logged(level: LogLevel, verbose: bool, events: impl FnOnce()) -> Vec<String> {
    let screen = Screen::default();
    tracing::subscriber::with_default(subscriber(level, verbose, screen.clone(), None), events);
    screen.lines()
}

#[test]
fn line_has_time_target_level_and_fields() {
    let lines = logged(LogLevel::Info, false, || {
        info!(target: "operator::engine", alerts = 3, "check completed");
        warn!(target: "operator", source = "workos", pause = 60, "circuit opened");
        error!(target: "operator", what = "two words", empty = "", quote = "a\"b", "failed");
        debug!(target: "operator", "hidden");
    });
    let expected = [
        " - operator - INFO - check completed alerts=3",
        " - operator - WARNING - circuit opened source=workos pause=60",
        r#" - operator - ERROR - failed what="two words" empty="" quote="a\"b""#,
    ];
    assert_eq!(lines, expected);
}

#[rstest]
#[case(LogLevel::Error, false, "ERROR")]
#[case(LogLevel::Warn, false, "ERROR WARNING")]
#[case(LogLevel::Info, false, "ERROR WARNING INFO")]
#[case(LogLevel::Debug, false, "ERROR WARNING INFO DEBUG")]
#[case(LogLevel::Error, true, "ERROR WARNING INFO DEBUG")]
fn level_filters_own_events(#[case] level: LogLevel, #[case] verbose: bool, #[case] expected: &str) {
    let lines = logged(level, verbose, || {
        error!(target: "operator::store", "x");
        warn!(target: "operator::store", "x");
        info!(target: "operator::store", "x");
        debug!(target: "operator::store", "x");
    });
    let levels: Vec<&str> = lines.iter().filter_map(|line| line.split(" - ").nth(2)).collect();
    assert_eq!(levels.join(" "), expected);
}

#[rstest]
#[case(LogLevel::Debug, 1)]
#[case(LogLevel::Error, 0)]
fn libraries_log_warnings_only(#[case] level: LogLevel, #[case] expected: usize) {
    let lines = logged(level, false, || {
        warn!(target: "hyper::client", "x");
        info!(target: "hyper::client", "x");
    });
    assert_eq!(lines.len(), expected);
}

#[test]
fn foreign_text_cannot_forge_a_line() {
    let lines = logged(LogLevel::Info, false, || {
        let forged = "x\r\n2026-01-01 00:00:00 - operator - ERROR - forged\u{1b}[31m\u{2028}";
        info!(target: "operator", title = forged, "Task: {forged}");
    });
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert!(line.contains(r"Task: x\r\n2026-01-01") && line.contains(r"forged\u{1b}[31m\u{2028}"), "{line}");
    assert!(line.contains(r#" title="x\r\n2026"#), "{line}");
}

#[test]
fn stderr_and_file_get_the_same_lines() {
    let dir = tempdir().unwrap();
    let (screen, path) = (Screen::default(), dir.path().join("operator.log"));
    let file = RotatingFile::open(&path, 1000, 5).unwrap();
    tracing::subscriber::with_default(subscriber(LogLevel::Info, false, screen.clone(), Some(file)), || {
        info!(target: "operator", "one");
        info!(target: "operator", "two");
    });
    assert_eq!(screen.lines(), [" - operator - INFO - one", " - operator - INFO - two"]);
    assert_eq!(fs::read_to_string(path).unwrap(), screen.text());
}

#[test]
fn unwritable_file_is_reported_once() {
    let dir = tempdir().unwrap();
    let (screen, folder) = (Screen::default(), dir.path().join("logs"));
    fs::create_dir(&folder).unwrap();
    let file = RotatingFile::open(&folder.join("operator.log"), 1000, 5).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    tracing::subscriber::with_default(subscriber(LogLevel::Info, false, screen.clone(), Some(file)), || {
        info!(target: "operator", "one");
        info!(target: "operator", "two");
    });
    let text = screen.text();
    assert!(text.contains("INFO - one") && text.contains("INFO - two"), "{text}");
    assert_eq!(text.matches("log file not written").count(), 1, "{text}");
}

/// Contents of the log files, oldest first.
fn contents(path: &Path) -> Vec<String> {
    let older = (1..20).rev().map(|n| format!("{}.{n}", path.display()));
    older.chain([path.display().to_string()]).filter_map(|name| fs::read_to_string(name).ok()).collect()
}

#[test]
fn rotation_drops_the_oldest_file() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("operator.log");
    let mut log = RotatingFile::open(&path, 100, 5).unwrap();
    let lines: Vec<String> = (0..100).map(|n| format!("line {n:03} {}\n", "x".repeat(n % 30))).collect();
    for line in &lines {
        log.write_all(line.as_bytes()).unwrap();
        assert!(contents(&path).len() <= 5);
    }
    let contents = contents(&path);
    assert_eq!(contents.len(), 5);
    assert!(contents.iter().all(|content| content.len() <= 100));
    let kept = contents.concat();
    assert!(lines.concat().ends_with(&kept), "a line was lost, split or moved:\n{kept}");
    assert!(contents[0].starts_with("line "));
}

#[test]
fn rotation_loses_no_line() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("operator.log");
    let mut log = RotatingFile::open(&path, 10, 5).unwrap();
    for line in ["one\n", "two\n", "three\n", "longer than a file may be\n", "four\n"] {
        log.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(contents(&path), ["one\ntwo\n", "three\n", "longer than a file may be\n", "four\n"]);
}

#[test]
fn single_file_starts_again_when_full() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("operator.log");
    let mut log = RotatingFile::open(&path, 10, 1).unwrap();
    log.write_all(b"12345678\n").unwrap();
    log.write_all(b"abc\n").unwrap();
    assert_eq!(contents(&path), ["abc\n"]);
}

#[test]
fn reopened_file_keeps_its_content() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("operator.log");
    for line in ["one\n", "two\n"] {
        RotatingFile::open(&path, 100, 5).unwrap().write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(contents(&path), ["one\ntwo\n"]);
}

#[test]
fn removed_file_is_created_again() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("operator.log");
    let mut log = RotatingFile::open(&path, 100, 5).unwrap();
    fs::remove_file(&path).unwrap();
    log.write_all(b"here\n").unwrap();
    assert_eq!(contents(&path), ["here\n"]);
}

#[test]
fn unrotatable_file_keeps_growing() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("operator.log");
    fs::create_dir(dir.path().join("operator.log.1")).unwrap();
    let mut log = RotatingFile::open(&path, 10, 2).unwrap();
    log.write_all(b"12345678\n").unwrap();
    log.write_all(b"abcdefgh\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "12345678\nabcdefgh\n");
}

#[test]
fn log_files_have_mode_0600() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("operator.log");
    let mut log = RotatingFile::open(&path, 5, 3).unwrap();
    log.write_all(b"1234\n").unwrap();
    log.write_all(b"abcd\n").unwrap();
    for name in ["operator.log", "operator.log.1"] {
        assert_eq!(fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

/// `init` affects the whole process: the next test runs this one in a process of its own.
#[test]
#[ignore = "run by the next test, in a process of its own"]
fn child_process_logs() {
    let folder = std::env::var_os("LOG_DIR").unwrap();
    operator::telemetry::logging::init(LogLevel::Info, false, Some(Path::new(&folder))).unwrap();
    info!(target: "operator", "here");
    assert!(operator::telemetry::logging::init(LogLevel::Info, false, None).is_err());
}

fn stderr_of_process_logging_to(folder: &Path) -> String {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "telemetry::logging::child_process_logs", "--ignored", "--nocapture"])
        .env("LOG_DIR", folder)
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn process_logs_to_its_folder() {
    let dir = tempdir().unwrap();
    let folder = dir.path().join("a/logs");
    let stderr = stderr_of_process_logging_to(&folder);
    let file = fs::read_to_string(folder.join("operator.log")).unwrap();
    assert_eq!(without_time(file.trim_end()), " - operator - INFO - here");
    assert!(stderr.contains(&file), "{stderr}");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn unusable_folder_logs_to_stderr() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let stderr = stderr_of_process_logging_to(&file);
    assert!(stderr.contains("WARNING") && stderr.contains("log file unavailable"), "{stderr}");
    assert!(stderr.contains(" - operator - INFO - here\n"), "{stderr}");
}
