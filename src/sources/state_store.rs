//! The state store: an SQLite file with tasks that have due dates, and with promises.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan, ZonedDateTime};
use rusqlite::Connection;
use serde_json::Value;

use self::due::Written;
use super::error::SourceError;
use super::sqlite::{self, Trouble, text};
use super::tasks::{Reading, TaskSource};
use crate::core::facts::{Activity, Commitment, Due, Task, TaskReading, TaskStatus, UNTITLED};
use crate::sources::blocking::run_blocking;

mod due;

const SOURCE: &str = "state_store";

/// More notes than this say nothing new.
const MOST_NOTES: usize = 20;

/// Longer text (characters of a title, bytes of a JSON column) tells the rules nothing more.
const LONGEST_TITLE: u32 = 500;
const LONGEST_JSON: u32 = 65_536;

/// The state store's file, if one is named.
#[derive(Debug, Clone)]
pub struct StateStore(pub Option<PathBuf>);

impl TaskSource for StateStore {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn is_set_up(&self) -> bool {
        self.0.is_some()
    }

    fn is_local(&self) -> bool {
        true
    }

    fn read<'a>(&'a self, now: &'a ZonedDateTime) -> Reading<'a> {
        Box::pin(async {
            let Some(path) = self.0.clone() else {
                return Err(SourceError::not_set_up(SOURCE, "no file is named", "set sources.state_store.path"));
            };
            let now = now.clone();
            run_blocking(SOURCE, move || read(&path, &now)).await
        })
    }
}

/// Open tasks and promises as of `now`, in its time zone. Blocking.
///
/// # Errors
/// `Outage` if the file is missing, locked or damaged; `NeedsUser` if it is not a state store.
pub fn read(path: &Path, now: &ZonedDateTime) -> Result<TaskReading, SourceError> {
    sqlite::read(SOURCE, path, |connection| {
        let columns = sqlite::require(SOURCE, path, connection, "tasks", &["id", "title", "status", "due_date"])?;
        let mut reading = empty(now.timestamp());
        tasks(connection, &columns, now, &mut reading)?;
        commitments(connection, now, &mut reading)?;
        reading.activity = activity(connection, &columns, now.timestamp(), &mut reading.notes)?;
        Ok(reading)
    })
}

fn empty(as_of: Timestamp) -> TaskReading {
    TaskReading {
        source: SOURCE,
        as_of,
        tasks: Vec::new(),
        commitments: None,
        has_dates: true,
        goal: None,
        thoughts: None,
        activity: None,
        unreadable: Vec::new(),
        notes: Vec::new(),
    }
}

fn note(reading: &mut TaskReading, note: String) {
    if reading.notes.len() < MOST_NOTES {
        reading.notes.push(note);
    }
}

/// A column as text, or NULL where the table lacks it.
fn optional(columns: &HashSet<String>, name: &str) -> String {
    if columns.contains(name) { format!("CAST({name} AS TEXT)") } else { "NULL".into() }
}

/// A JSON column, unless it is too long to be looked into.
fn optional_json(columns: &HashSet<String>, name: &str) -> String {
    let text = optional(columns, name);
    format!("CASE WHEN octet_length({text}) <= {LONGEST_JSON} THEN {text} END")
}

fn tasks(
    connection: &Connection,
    columns: &HashSet<String>,
    now: &ZonedDateTime,
    reading: &mut TaskReading,
) -> Result<(), Trouble> {
    let sql = format!(
        "SELECT CAST(id AS TEXT), substr(CAST(title AS TEXT), 1, {LONGEST_TITLE}), {STATUS}, {priority},
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
    let mut unknown = HashSet::new();
    while let Some(row) = rows.next()? {
        let Some(id) = text(row, 0)?.filter(|id| !id.is_empty()) else {
            note(reading, "A task without an id was passed over.".into());
            continue;
        };
        let word = text(row, 2)?.unwrap_or_default();
        let status = status(&word).unwrap_or_else(|| {
            unknown.insert(word);
            TaskStatus::Pending
        });
        let due = due_or_note("Task", &id, Written::new(text(row, 4)?, text(row, 5)?), now, reading);
        reading.tasks.push(Task {
            title: title(text(row, 1)?),
            status,
            priority: text(row, 3)?.and_then(|word| word.trim().to_lowercase().parse().ok()),
            due,
            milestone: is_milestone(text(row, 6)?.as_deref(), text(row, 7)?.as_deref()),
            same_as: same_as(text(row, 8)?, text(row, 9)?),
            id,
        });
    }
    let mut unknown: Vec<String> = unknown.into_iter().take(10).collect();
    unknown.sort();
    for word in unknown {
        note(reading, format!("Unknown task status '{word}' is taken as pending."));
    }
    Ok(())
}

/// A status in lower case; without one a task is pending, a promise active.
const STATUS: &str = "lower(trim(coalesce(CAST(status AS TEXT), '')))";

fn status(word: &str) -> Option<TaskStatus> {
    match word {
        "" | "pending" => Some(TaskStatus::Pending),
        "active" => Some(TaskStatus::Active),
        "queued" => Some(TaskStatus::Queued),
        "backlog" => Some(TaskStatus::Backlog),
        _ => None,
    }
}

fn title(text: Option<String>) -> String {
    text.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| UNTITLED.into())
}

/// A date that cannot be read leaves the row without one, and in `unreadable`.
fn due_or_note(kind: &str, id: &str, written: Written, now: &ZonedDateTime, reading: &mut TaskReading) -> Option<Due> {
    written.parse(now.time_zone()).unwrap_or_else(|written| {
        reading.unreadable.push(id.to_owned());
        note(reading, format!("{kind} {id} has an unreadable due date: {written}."));
        None
    })
}

/// Whether `metadata.value_tier` or a tag says so. Tags are a JSON list, or words between commas.
fn is_milestone(metadata: Option<&str>, tags: Option<&str>) -> bool {
    let says = |text: &str| text.trim().eq_ignore_ascii_case("milestone");
    let metadata: Option<Value> = metadata.and_then(|text| serde_json::from_str(text).ok());
    if metadata.as_ref().and_then(|json| json.get("value_tier")).and_then(Value::as_str).is_some_and(says) {
        return true;
    }
    let Some(tags) = tags else { return false };
    match serde_json::from_str(tags) {
        Ok(Value::Array(tags)) => tags.iter().filter_map(Value::as_str).any(says),
        Ok(Value::String(tag)) => says(&tag),
        _ => tags.split(',').any(says),
    }
}

fn same_as(source: Option<String>, id: Option<String>) -> Option<(String, String)> {
    let id = id.filter(|id| !id.is_empty())?;
    source.filter(|source| source.trim().eq_ignore_ascii_case("workos")).map(|_| ("workos".into(), id))
}

fn commitments(connection: &Connection, now: &ZonedDateTime, reading: &mut TaskReading) -> Result<(), Trouble> {
    let columns = sqlite::columns(connection, "commitments")?;
    if !["id", "title", "status", "due_date"].iter().all(|name| columns.contains(*name)) {
        reading.notes.push("There is no table commitments with id, title, status and due_date.".into());
        return Ok(());
    }
    let sql = format!(
        "SELECT CAST(id AS TEXT), substr(CAST(title AS TEXT), 1, {LONGEST_TITLE}), {person},
                CAST(due_date AS TEXT), {due_time}
         FROM commitments WHERE {STATUS} IN ('', 'active') ORDER BY id",
        person = optional(&columns, "person"),
        due_time = optional(&columns, "due_time"),
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(())?;
    let mut promises = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(id) = text(row, 0)?.filter(|id| !id.is_empty()) else {
            note(reading, "A commitment without an id was passed over.".into());
            continue;
        };
        let due = due_or_note("Commitment", &id, Written::new(text(row, 3)?, text(row, 4)?), now, reading);
        let person = text(row, 2)?.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "someone".into());
        promises.push(Commitment { title: title(text(row, 1)?), person, due, id });
    }
    reading.commitments = Some(promises);
    Ok(())
}

/// Created and completed in the last 7 days, counted by SQLite, which reads ISO times with and without zone.
fn activity(
    connection: &Connection,
    columns: &HashSet<String>,
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Result<Option<Activity>, Trouble> {
    if !columns.contains("created_at") || !columns.contains("completed_at") {
        notes.push("Table tasks has no created_at and completed_at: what came in and got done is not known.".into());
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
