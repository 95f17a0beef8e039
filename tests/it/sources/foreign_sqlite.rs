//! Reads SQLite files of other programs in every state, and changes nothing.

use std::fs;
use std::path::Path;

use jiff::ZonedDateTime;
use jiff::civil::{Date, date};
use operator::core::facts::HealthReading;
use operator::sources::oura::cache;
use operator::sources::state_store;
use operator::sources::{self, ErrorKind};
use rusqlite::Connection;

use crate::support::files::{STATE_STORE, contents, database, insert_document, oura_cache as new_cache};

const TODAY: Date = date(2026, 11, 20);

fn now() -> ZonedDateTime {
    "2026-11-20T09:05:00-06:00[America/Chicago]".parse().unwrap()
}

fn read_cache(path: &Path) -> Result<HealthReading, sources::Error> {
    cache::fetch(path, TODAY, TODAY)
}

/// The errors of both sources for one file.
fn read_errors(path: &Path) -> [sources::Error; 2] {
    [read_cache(path).unwrap_err(), state_store::read_store(path, &now()).unwrap_err()]
}

fn readiness(connection: &Connection, score: u32) {
    let document = format!(r#"{{"id":"r{score}","day":"2026-11-20","score":{score}}}"#);
    insert_document(connection, "readiness_data", &format!("r{score}"), "2026-11-20", &document);
}

fn score(reading: &HealthReading) -> Option<f64> {
    reading.days[0].readiness
}

#[test]
fn missing_file_is_transient() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not-yet.db");
    for error in read_errors(&path) {
        assert_eq!(error.kind, ErrorKind::Transient);
        assert!(error.message.contains("there is no file") && error.message.contains("not-yet.db"), "{error}");
    }
    assert!(contents(folder.path()).is_empty());
}

#[test]
fn folder_needs_the_user() {
    let folder = tempfile::tempdir().unwrap();
    for error in read_errors(folder.path()) {
        assert_eq!(error.kind, ErrorKind::ActionRequired);
        assert!(error.message.contains("is a folder"), "{error}");
    }
}

#[test]
fn path_through_a_file_needs_the_user() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    for error in read_errors(&folder.path().join("file/inside.db")) {
        assert_eq!(error.kind, ErrorKind::ActionRequired);
    }
}

#[test]
fn empty_file_is_transient() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.db");
    fs::write(&path, "").unwrap();
    for error in read_errors(&path) {
        assert_eq!(error.kind, ErrorKind::Transient);
        assert!(error.message.contains("empty"), "{error}");
    }
}

#[test]
fn other_file_needs_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    fs::write(&path, "# not a database\n".repeat(500)).unwrap();
    for error in read_errors(&path) {
        assert_eq!(error.kind, ErrorKind::ActionRequired);
        assert!(error.message.contains("is not an SQLite database"), "{error}");
    }
}

#[test]
fn truncated_database_is_reported() {
    for wal in [true, false] {
        let (folder, path, connection) = if wal { new_cache() } else { database("s.db", STATE_STORE) };
        drop(connection);
        let whole = fs::read(&path).unwrap();
        for length in [50, 150, 5000, whole.len() - 4096] {
            fs::write(&path, &whole[..length]).unwrap();
            for error in read_errors(&path) {
                assert_eq!(error.kind, ErrorKind::Transient, "{length}: {error}");
                assert!(error.message.contains("damaged"), "{length}: {error}");
            }
        }
        assert_eq!(contents(folder.path()).len(), 1);
    }
}

#[test]
fn garbled_database_is_reported() {
    let (_folder, path, connection) = new_cache();
    readiness(&connection, 70);
    drop(connection);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    assert!(read_cache(&path).unwrap_err().message.contains("damaged"));
}

#[test]
fn database_of_other_program_needs_the_user() {
    let (_folder, path, _writer) = database("other.db", "CREATE TABLE songs (id, title);");
    let [cache, store] = read_errors(&path);
    assert_eq!((cache.kind, store.kind), (ErrorKind::ActionRequired, ErrorKind::ActionRequired));
    assert!(cache.message.contains("no table readiness_data"), "{cache}");
    assert!(store.message.contains("no table tasks"), "{store}");
}

#[test]
fn missing_tables_and_columns_are_named() {
    let (_folder, path, writer) = database("a.db", "CREATE TABLE readiness_data (id, day, data, cached_at);");
    assert!(read_cache(&path).unwrap_err().message.contains("no table sleep_data"));
    writer.execute_batch("CREATE TABLE sleep_data (id, data); CREATE TABLE tasks (id, title);").unwrap();
    let [cache, store] = read_errors(&path);
    assert!(cache.message.contains("table sleep_data has no column day, cached_at"), "{cache}");
    assert!(store.message.contains("table tasks has no column status, due_date"), "{store}");
}

#[test]
fn locked_file_is_transient_until_unlocked() {
    let (folder, path, writer) = database("store.db", STATE_STORE);
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let before = contents(folder.path());
    let error = state_store::read_store(&path, &now()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains("locked by another program"), "{error}");
    assert_eq!(contents(folder.path()), before);
    writer.execute_batch("COMMIT").unwrap();
    assert!(state_store::read_store(&path, &now()).is_ok());
}

#[test]
fn idle_wal_database_is_read_without_a_trace() {
    let (folder, path, writer) = new_cache();
    readiness(&writer, 70);
    drop(writer);
    let before = contents(folder.path());
    assert_eq!(before.len(), 1, "the last writer has cleaned up");
    assert_eq!(score(&read_cache(&path).unwrap()), Some(70.0));
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn live_wal_is_read() {
    let (folder, path, writer) = new_cache();
    let names = |folder: &Path| contents(folder).into_keys().collect::<Vec<_>>();
    let before = names(folder.path());
    for new in [70, 71, 72] {
        readiness(&writer, new);
        assert_eq!(score(&read_cache(&path).unwrap()), Some(f64::from(new)), "committed and not yet checkpointed");
    }
    assert_eq!(names(folder.path()), before);
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    readiness(&writer, 73);
    assert_eq!(score(&read_cache(&path).unwrap()), Some(72.0), "not committed");
    writer.execute_batch("COMMIT").unwrap();
    writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert_eq!(score(&read_cache(&path).unwrap()), Some(73.0), "the log is empty");
    assert_eq!(names(folder.path()), before);
}

#[test]
fn wal_without_index_is_read_without_a_trace() {
    let (from, _, writer) = new_cache();
    readiness(&writer, 64);
    let folder = tempfile::tempdir().unwrap();
    for name in ["oura-health.db", "oura-health.db-wal"] {
        fs::copy(from.path().join(name), folder.path().join(name)).unwrap();
    }
    let before = contents(folder.path());
    assert_eq!(score(&read_cache(&folder.path().join("oura-health.db")).unwrap()), Some(64.0));
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn interrupted_write_is_not_rolled_back() {
    let (from, _, writer) = database("store.db", STATE_STORE);
    writer.execute_batch("PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN").unwrap();
    for id in 0..200 {
        let sql = "INSERT INTO tasks (id, title, domain, source) VALUES (?1, ?2, '', '')";
        writer.execute(sql, (id, "x".repeat(2000))).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-journal"] {
        fs::copy(from.path().join(name), folder.path().join(name)).unwrap();
    }
    let before = contents(folder.path());
    let error = state_store::read_store(&folder.path().join("store.db"), &now()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains("interrupted write"), "{error}");
    assert!(contents(folder.path()) == before);
}

#[test]
fn path_may_hold_special_characters() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("ä b?mode=rwc&x#%41");
    fs::create_dir(&folder).unwrap();
    let (_from, path, writer) = new_cache();
    readiness(&writer, 81);
    drop(writer);
    let odd = folder.join("oura-health.db");
    fs::copy(path, &odd).unwrap();
    assert_eq!(score(&read_cache(&odd).unwrap()), Some(81.0));
    let link = outer.path().join("link.db");
    std::os::unix::fs::symlink(&odd, &link).unwrap();
    assert_eq!(score(&read_cache(&link).unwrap()), Some(81.0));
    assert_eq!(contents(&folder).len(), 1);
}
