//! Loads the rows that a summary of the open tasks needs; most rows do not change it and are only counted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ZonedDateTime};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

use super::task_snapshots::SourceMeta;
use super::{Result, Store, count, millis, timestamp};
use crate::core::facts::{TASK_SOURCES, Task, TaskReading};
use crate::core::tasks::summary::{POSTPONED_WITHIN, PostponementCounts, SummaryInput, TaskSummary, summarize};

/// Source and id.
type TaskKey = (String, String);

#[derive(Deserialize)]
struct PostponedTask {
    source: String,
    task_id: String,
}

impl Store {
    /// The open tasks as last read. The zone of `now` is the user's.
    pub fn task_summary(&self, now: &ZonedDateTime) -> Result<TaskSummary> {
        self.read(|db| {
            let since = now.timestamp().saturating_sub(POSTPONED_WITHIN).unwrap_or(Timestamp::MIN);
            let postponed = postponement_counts(db, since)?;
            let mut tasks = dated_and_linked(db)?;
            let originals = tasks.values().filter_map(|task| task.same_as.clone());
            let others: BTreeSet<TaskKey> = originals.chain(postponed.keys().cloned()).collect();
            for key in others {
                if !tasks.contains_key(&key)
                    && let Some(task) = open_task(db, &key)?
                {
                    tasks.insert(key, task);
                }
            }
            let reads = task_reads(db)?;
            let readings = readings(tasks, &reads);
            let read_at = reads.into_iter().map(|(source, (at, _))| (source, at)).collect();
            let input =
                SummaryInput { open_rows: count_open(db)?, readings: &readings, postponed: &postponed, read_at };
            Ok(summarize(input, now))
        })
    }
}

fn readings(tasks: BTreeMap<TaskKey, Task>, reads: &BTreeMap<String, (Timestamp, SourceMeta)>) -> Vec<TaskReading> {
    let mut by_source: BTreeMap<String, Vec<Task>> = BTreeMap::new();
    for ((source, _), task) in tasks {
        by_source.entry(source).or_default().push(task);
    }
    let reading = |source: &'static str| {
        let (as_of, metadata) = reads.get(source)?;
        let tasks = by_source.remove(source)?;
        Some(TaskReading { has_dates: metadata.has_dates, tasks, ..TaskReading::empty(source, *as_of) })
    };
    TASK_SOURCES.into_iter().filter_map(reading).collect()
}

/// When each source was read, and its capabilities.
fn task_reads(db: &Connection) -> rusqlite::Result<BTreeMap<String, (Timestamp, SourceMeta)>> {
    let mut statement = db.prepare_cached("SELECT source, read_at, metadata FROM task_reads")?;
    let mut rows = statement.query(())?;
    let mut reads = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let metadata = serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default();
        reads.insert(row.get(0)?, (timestamp(row.get(1)?), metadata));
    }
    Ok(reads)
}

/// The open tasks with a date or with an original in another source.
fn dated_and_linked(db: &Connection) -> rusqlite::Result<BTreeMap<TaskKey, Task>> {
    let mut statement = db.prepare_cached(
        "SELECT source, id, body FROM task_items INDEXED BY task_items_open WHERE open = 1 AND kind = 'task'
           AND json_valid(body) AND (body ->> '$.due' IS NOT NULL OR body ->> '$.same_as' IS NOT NULL)",
    )?;
    let mut rows = statement.query(())?;
    let mut tasks = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let Ok(task) = serde_json::from_str(row.get_ref(2)?.as_str()?) {
            tasks.insert((row.get(0)?, row.get(1)?), task);
        }
    }
    Ok(tasks)
}

fn open_task(db: &Connection, (source, id): &TaskKey) -> rusqlite::Result<Option<Task>> {
    let mut statement =
        db.prepare_cached("SELECT body FROM task_items WHERE source = ?1 AND kind = 'task' AND id = ?2 AND open = 1")?;
    let body: Option<String> = statement.query_row(params![source, id], |row| row.get(0)).optional()?;
    Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
}

fn count_open(db: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM task_items INDEXED BY task_items_open WHERE open = 1 AND kind = 'task'";
    db.prepare_cached(sql)?.query_row((), |row| Ok(count(row.get(0)?)))
}

fn postponement_counts(db: &Connection, since: Timestamp) -> rusqlite::Result<PostponementCounts> {
    let mut statement = db.prepare_cached("SELECT body FROM postponements WHERE at > ?1")?;
    let mut rows = statement.query([millis(since)])?;
    let mut counts = PostponementCounts::new();
    while let Some(row) = rows.next()? {
        if let Ok(PostponedTask { source, task_id }) = serde_json::from_str(row.get_ref(0)?.as_str()?) {
            *counts.entry((source, task_id)).or_default() += 1;
        }
    }
    Ok(counts)
}
