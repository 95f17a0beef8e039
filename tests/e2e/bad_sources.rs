//! Broken local sources: the monitor reports why, the others go on, nothing resolves, and the exit code is 0.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use rstest::rstest;
use rusqlite::Connection;
use serde_json::json;

use crate::support::home::{Home, outcome, states};

/// Breaks an SQLite file. The returned connection has to stay open.
type Break = fn(&Path) -> Option<Connection>;

fn missing(path: &Path) -> Option<Connection> {
    fs::remove_file(path).unwrap();
    None
}

fn dangling_link(path: &Path) -> Option<Connection> {
    fs::remove_file(path).unwrap();
    symlink(path.with_extension("nowhere"), path).unwrap();
    None
}

fn folder(path: &Path) -> Option<Connection> {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
    None
}

fn empty(path: &Path) -> Option<Connection> {
    fs::write(path, b"").unwrap();
    None
}

fn not_sqlite(path: &Path) -> Option<Connection> {
    fs::write(path, "Dear diary, today I slept badly.\n".repeat(500)).unwrap();
    None
}

fn header_only(path: &Path) -> Option<Connection> {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap();
    None
}

fn truncated(path: &Path) -> Option<Connection> {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length / 2 + 1).unwrap();
    None
}

fn overwritten(path: &Path) -> Option<Connection> {
    let mut bytes = fs::read(path).unwrap();
    bytes[4096..].iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(path, bytes).unwrap();
    None
}

fn wrong_tables(path: &Path) -> Option<Connection> {
    fs::remove_file(path).unwrap();
    Connection::open(path).unwrap().execute_batch("CREATE TABLE recipes (name TEXT);").unwrap();
    None
}

fn no_tables(path: &Path) -> Option<Connection> {
    fs::remove_file(path).unwrap();
    Connection::open(path).unwrap().execute_batch("PRAGMA user_version = 3; VACUUM;").unwrap();
    None
}

fn column_gone(path: &Path) -> Option<Connection> {
    let db = Connection::open(path).unwrap();
    let cache: i64 =
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'readiness_data'", [], |row| row.get(0)).unwrap();
    let rename = if cache == 1 {
        "ALTER TABLE readiness_data RENAME COLUMN data TO document;"
    } else {
        "ALTER TABLE tasks RENAME COLUMN due_date TO deadline;"
    };
    db.execute_batch(rename).unwrap();
    None
}

/// A writer holds the lock. It blocks readers only without a WAL.
fn locked(path: &Path) -> Option<Connection> {
    let db = Connection::open(path).unwrap();
    db.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).unwrap();
    db.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;").unwrap();
    Some(db)
}

fn keys(home: &Home, prefix: &str) -> Vec<String> {
    home.open().into_iter().filter(|key| key.starts_with(prefix)).collect()
}

#[rstest]
#[case::missing(missing)]
#[case::dangling_link(dangling_link)]
#[case::folder(folder)]
#[case::empty(empty)]
#[case::not_sqlite(not_sqlite)]
#[case::header_only(header_only)]
#[case::truncated(truncated)]
#[case::overwritten(overwritten)]
#[case::wrong_tables(wrong_tables)]
#[case::no_tables(no_tables)]
#[case::column_gone(column_gone)]
#[case::locked(locked)]
fn broken_cache_skips_health(#[case] spoil: Break) {
    let home = Home::new();
    home.check(&home.at("09:05"));
    let before = keys(&home, "health:");
    assert!(before.len() >= 3, "{before:?}");
    let alive = spoil(&home.path("foreign/oura-health.db"));
    let report = home.check(&home.at("09:20"));
    assert_eq!(states(&report), ["skipped", "ok", "ok"], "{report:#}");
    let reason = report["monitors"]["health"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("oura_cache: ") && reason.contains("oura-health.db"), "{reason}");
    assert_eq!(keys(&home, "health:"), before, "nothing resolves unseen");
    drop(alive);
}

#[rstest]
#[case::missing(missing)]
#[case::dangling_link(dangling_link)]
#[case::folder(folder)]
#[case::empty(empty)]
#[case::not_sqlite(not_sqlite)]
#[case::header_only(header_only)]
#[case::truncated(truncated)]
#[case::overwritten(overwritten)]
#[case::wrong_tables(wrong_tables)]
#[case::no_tables(no_tables)]
#[case::column_gone(column_gone)]
#[case::locked(locked)]
fn broken_state_store_uses_its_last_copy(#[case] spoil: Break) {
    let (fresh, seen) = (Home::new(), Home::new());
    seen.check(&seen.at("09:05"));
    let before = keys(&seen, "task:");
    assert!(before.len() >= 5, "{before:?}");

    let alive = spoil(&seen.path("foreign/state.db"));
    let report = seen.check(&seen.at("09:20"));
    assert_eq!(states(&report), ["ok", "ok", "ok"], "{report:#}");
    let tasks = &report["monitors"]["tasks"];
    assert_eq!(tasks["source"], "state_store (copy)");
    let reason = tasks["reason"].as_str().unwrap();
    assert!(reason.starts_with("state_store: ") && reason.contains("state.db"), "{reason}");
    assert_eq!(keys(&seen, "task:"), before, "nothing resolves unseen");
    drop(alive);

    let alive = spoil(&fresh.path("foreign/state.db"));
    let report = fresh.check(&fresh.at("09:05"));
    assert_eq!(states(&report), ["ok", "skipped", "ok"], "never read, so no copy: {report:#}");
    assert_eq!(outcome(&report, "health:readiness_low"), "deliver first");
    drop(alive);
}

#[test]
fn repaired_source_is_evaluated_again() {
    let home = Home::new();
    home.check(&home.at("09:05"));
    let (cache, kept) = (home.path("foreign/oura-health.db"), home.path("tmp/kept.db"));
    fs::rename(&cache, &kept).unwrap();
    // More failures than the threshold of the circuit.
    for time in ["09:20", "09:35", "09:50", "10:05", "10:20"] {
        assert_eq!(home.check(&home.at(time))["monitors"]["health"]["status"], "skipped");
    }
    fs::rename(&kept, &cache).unwrap();
    home.readiness(90);
    let report = home.check(&home.at("10:21"));
    assert_eq!(outcome(&report, "health:readiness_low"), "resolve resolved");
    assert_eq!(report["circuits"]["oura"], "closed");
}

#[test]
fn source_unavailable_for_an_hour_is_reported() {
    let home = Home::new();
    fs::remove_file(home.path("foreign/oura-health.db")).unwrap();
    let key = "system:source_unavailable:oura";
    let times = ["09:00", "09:15", "09:30", "09:45", "10:00", "10:15", "10:31"];
    let outcomes: Vec<String> = times.iter().map(|time| outcome(&home.check(&home.at(time)), key)).collect();
    let first = outcomes.iter().position(|outcome| outcome == "deliver first").expect("it is reported");
    assert!(first >= 4, "not before an hour has passed: {outcomes:?}");
    assert!(outcomes[..first].iter().all(|outcome| outcome == "none"), "{outcomes:?}");
}

#[rstest]
#[case::missing(None, "there is no file")]
#[case::folder(Some(()), "is not a file")]
fn unreadable_focus_file_is_noted(#[case] folder: Option<()>, #[case] words: &str) {
    let home = Home::new();
    fs::remove_file(home.path("foreign/focus.md")).unwrap();
    if folder.is_some() {
        fs::create_dir(home.path("foreign/focus.md")).unwrap();
    }
    let report = home.check(&home.at("09:05"));
    assert_eq!(states(&report), ["ok", "ok", "ok"]);
    let reason = report["monitors"]["patterns"]["reason"].as_str().unwrap();
    assert!(reason.contains(words), "{reason}");
}

#[test]
fn check_without_sources_says_what_to_set() {
    let home = Home::new();
    home.set(json!({"sources": {"oura": {"cache_dir": null}, "state_store": null, "focus_file": null}}));
    let report = home.check(&home.at("09:05"));
    assert_eq!(states(&report), ["skipped", "skipped", "skipped"]);
    assert_eq!(report["alerts"], json!([]));
    let lines = home.run(&["check", "--json"]).json();
    let advice: Vec<&str> = lines.as_array().unwrap().iter().filter_map(|line| line["advice"].as_str()).collect();
    for key in ["sources.oura.cache_dir", "sources.workos.url", "sources.state_store.path"] {
        assert!(advice.iter().any(|advice| advice.contains(key)), "{key}: {advice:?}");
    }
}

#[test]
fn check_reports_a_failing_source() {
    let home = Home::new();
    home.run(&["check"]).ok();
    let mut file = fs::File::create(home.path("foreign/state.db")).unwrap();
    file.write_all(b"no database").unwrap();
    let run = home.run(&["check", "--json"]);
    assert_eq!(run.code, 1);
    let lines = run.json();
    let line = lines.as_array().unwrap().iter().find(|line| line["name"] == "state_store").unwrap();
    assert_eq!(line["result"], "failed");
    assert!(line["about"].as_str().unwrap().contains("not an SQLite database"), "{line}");
    assert!(!line["advice"].as_str().unwrap().is_empty(), "{line}");
}
