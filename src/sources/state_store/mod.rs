//! The state store: an SQLite file with tasks that have due dates, and with commitments.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan, ZonedDateTime};
use rusqlite::Connection;
use serde_json::Value;

use self::due::RawDue;
use super::sqlite::{self, column_text};
use super::task_builder::{StatusParser, add_note, empty_reading, title};
use super::{Error, FetchFuture, TaskSource};
use crate::core::facts::{Activity, Commitment, Due, Task, TaskReading};
use crate::sources::blocking::run_blocking;

mod due;

const SOURCE: &str = "state_store";

const MAX_TITLE_CHARS: u32 = 500;
const MAX_JSON_BYTES: u32 = 65_536;

/// The state store at this path.
#[derive(Debug, Clone)]
pub struct StateStore(pub Option<PathBuf>);

impl TaskSource for StateStore {
    fn source_name(&self) -> &'static str {
        SOURCE
    }

    fn is_configured(&self) -> bool {
        self.0.is_some()
    }

    fn is_local(&self) -> bool {
        true
    }

    fn fetch<'a>(&'a self, now: &'a ZonedDateTime) -> FetchFuture<'a> {
        Box::pin(async {
            let Some(path) = self.0.clone() else {
                return Err(Error::not_configured(SOURCE, "no file is configured", "set sources.state_store.path"));
            };
            let now = now.clone();
            run_blocking(SOURCE, move || read_store(&path, &now)).await
        })
    }
}

/// Open tasks and commitments as of `now`, in its time zone. Blocking.
pub fn read_store(path: &Path, now: &ZonedDateTime) -> Result<TaskReading, Error> {
    sqlite::with_snapshot(SOURCE, path, |connection| {
        let required = ["id", "title", "status", "due_date"];
        let columns = sqlite::require_columns(SOURCE, path, connection, "tasks", &required)?;
        let mut reading = TaskReading { activity: None, ..empty_reading(SOURCE, now.timestamp()) };
        read_tasks(connection, &columns, now, &mut reading)?;
        read_commitments(connection, now, &mut reading)?;
        reading.activity = read_activity(connection, &columns, now.timestamp(), &mut reading.notes)?;
        Ok(reading)
    })
}

/// SQL for a column as text, or NULL where the table lacks it.
fn optional(columns: &HashSet<String>, name: &str) -> String {
    if columns.contains(name) { format!("CAST({name} AS TEXT)") } else { "NULL".into() }
}

/// SQL for a JSON column, NULL where it is too long.
fn optional_json(columns: &HashSet<String>, name: &str) -> String {
    let text = optional(columns, name);
    format!("CASE WHEN octet_length({text}) <= {MAX_JSON_BYTES} THEN {text} END")
}

fn read_tasks(
    connection: &Connection,
    columns: &HashSet<String>,
    now: &ZonedDateTime,
    reading: &mut TaskReading,
) -> Result<(), sqlite::Error> {
    let sql = format!(
        "SELECT CAST(id AS TEXT), substr(CAST(title AS TEXT), 1, {MAX_TITLE_CHARS}), {STATUS}, {priority},
                CAST(due_date AS TEXT), {due_time}, {metadata}, {tags}, {source}, {source_id}
         FROM tasks WHERE {STATUS} NOT IN ('done', 'cancelled') ORDER BY id",
        priority = optional(columns, "priority"),
        due_time = optional(columns, "due_time"),
        metadata = optional_json(columns, "metadata"),
        tags = optional_json(columns, "tags"),
        source = optional(columns, "source"),
        source_id = optional(columns, "source_id"),
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(())?;
    let mut statuses = StatusParser::default();
    while let Some(row) = rows.next()? {
        let Some(id) = column_text(row, 0)?.filter(|id| !id.is_empty()) else {
            add_note(&mut reading.notes, "A task without an id was skipped.".into());
            continue;
        };
        let due = RawDue::new(column_text(row, 4)?, column_text(row, 5)?);
        let due = parse_due("Task", &id, due, now, reading);
        reading.tasks.push(Task {
            title: title(&column_text(row, 1)?.unwrap_or_default()),
            status: statuses.parse(column_text(row, 2)?.unwrap_or_default()),
            priority: column_text(row, 3)?.and_then(|word| word.trim().to_lowercase().parse().ok()),
            due,
            milestone: is_milestone(column_text(row, 6)?.as_deref(), column_text(row, 7)?.as_deref()),
            same_as: workos_twin(column_text(row, 8)?, column_text(row, 9)?),
            id,
        });
    }
    statuses.add_notes(&mut reading.notes);
    Ok(())
}

/// SQL for the status in lower case, empty where there is none.
const STATUS: &str = "lower(trim(coalesce(CAST(status AS TEXT), '')))";

/// An invalid due date is left out, noted, and its row marked as unreadable.
fn parse_due(kind: &str, id: &str, due: RawDue, now: &ZonedDateTime, reading: &mut TaskReading) -> Option<Due> {
    due.parse(now.time_zone()).unwrap_or_else(|due| {
        reading.unreadable.push(id.to_owned());
        add_note(&mut reading.notes, format!("{kind} {id} has an invalid due date: {due}."));
        None
    })
}

/// Whether `metadata.value_tier` or a tag says milestone. Tags are a JSON list, or words between commas.
fn is_milestone(metadata: Option<&str>, tags: Option<&str>) -> bool {
    let matches = |text: &str| text.trim().eq_ignore_ascii_case("milestone");
    let metadata: Option<Value> = metadata.and_then(|text| serde_json::from_str(text).ok());
    if metadata.as_ref().and_then(|json| json.get("value_tier")).and_then(Value::as_str).is_some_and(matches) {
        return true;
    }
    let Some(tags) = tags else { return false };
    match serde_json::from_str(tags) {
        Ok(Value::Array(tags)) => tags.iter().filter_map(Value::as_str).any(matches),
        Ok(Value::String(tag)) => matches(&tag),
        _ => tags.split(',').any(matches),
    }
}

fn workos_twin(source: Option<String>, id: Option<String>) -> Option<(String, String)> {
    let id = id.filter(|id| !id.is_empty())?;
    source.filter(|source| source.trim().eq_ignore_ascii_case("workos")).map(|_| ("workos".into(), id))
}

fn read_commitments(
    connection: &Connection,
    now: &ZonedDateTime,
    reading: &mut TaskReading,
) -> Result<(), sqlite::Error> {
    let columns = sqlite::columns(connection, "commitments")?;
    if !["id", "title", "status", "due_date"].iter().all(|name| columns.contains(*name)) {
        reading.notes.push("There is no table commitments with id, title, status and due_date.".into());
        return Ok(());
    }
    let sql = format!(
        "SELECT CAST(id AS TEXT), substr(CAST(title AS TEXT), 1, {MAX_TITLE_CHARS}), {person},
                CAST(due_date AS TEXT), {due_time}
         FROM commitments WHERE {STATUS} IN ('', 'active') ORDER BY id",
        person = optional(&columns, "person"),
        due_time = optional(&columns, "due_time"),
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(())?;
    let mut commitments = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(id) = column_text(row, 0)?.filter(|id| !id.is_empty()) else {
            add_note(&mut reading.notes, "A commitment without an id was skipped.".into());
            continue;
        };
        let due = RawDue::new(column_text(row, 3)?, column_text(row, 4)?);
        let person = column_text(row, 2)?.filter(|name| !name.trim().is_empty());
        commitments.push(Commitment {
            title: title(&column_text(row, 1)?.unwrap_or_default()),
            person: person.unwrap_or_else(|| "someone".into()),
            due: parse_due("Commitment", &id, due, now, reading),
            id,
        });
    }
    reading.commitments = Some(commitments);
    Ok(())
}

/// Tasks created and completed in the last 7 days. SQLite parses the times, with or without offset.
fn read_activity(
    connection: &Connection,
    columns: &HashSet<String>,
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Result<Option<Activity>, sqlite::Error> {
    if !columns.contains("created_at") || !columns.contains("completed_at") {
        notes.push("Table tasks has no created_at and completed_at: created and completed tasks are unknown.".into());
        return Ok(None);
    }
    let since = now.saturating_sub((7 * 24).hours()).unwrap_or(Timestamp::MIN).as_second();
    let (created, completed) = connection.query_row(
        "SELECT count(*) FILTER (WHERE unixepoch(created_at) >= ?1),
                count(*) FILTER (WHERE unixepoch(completed_at) >= ?1) FROM tasks",
        [since],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(Some(Activity { created, completed, clients_today: None }))
}
