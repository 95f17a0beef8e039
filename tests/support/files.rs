//! SQLite files as other programs leave them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) const OURA_CACHE: &str = include_str!("../fixtures/schema/oura_cache.sql");
pub(crate) const STATE_STORE: &str = include_str!("../fixtures/schema/state_store.sql");

/// Creates a database in a new folder, with an open connection.
pub(crate) fn database(name: &str, schema: &str) -> (TempDir, PathBuf, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(schema).unwrap();
    (folder, path, connection)
}

/// An Oura cache in WAL mode, like the real one.
pub(crate) fn oura_cache() -> (TempDir, PathBuf, Connection) {
    let (folder, path, connection) = database("oura-health.db", "PRAGMA journal_mode=WAL;");
    connection.execute_batch(OURA_CACHE).unwrap();
    (folder, path, connection)
}

/// Inserts a document into a table of the cache.
pub(crate) fn insert_document(connection: &Connection, table: &str, id: &str, day: &str, data: &str) {
    insert_document_at(connection, table, id, day, data, "2026-11-20T08:00:00+00:00");
}

pub(crate) fn insert_document_at(connection: &Connection, table: &str, id: &str, day: &str, data: &str, at: &str) {
    let sql = format!("INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, '2026-11-20T08:30:00+00:00')");
    connection.execute(&sql, (id, day, data, at)).unwrap();
}

/// The content of every file in a folder.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}
