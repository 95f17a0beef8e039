//! The tasks at a glance: how many, what is late, what is put off, and how old all that is.
//!
//! There may be very many. Bodies are looked at one after the other, in brief, and only those that can matter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{Result, Store, millis, moment, optional};
use crate::core::facts::Due;

/// An overview names so many tasks of each kind; the others are counted.
pub const TASKS_NAMED: usize = 20;

/// How far back it counts what was put off (days).
pub const POSTPONED_DAYS: i64 = 30;

/// The open tasks of all sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOverview {
    /// How many are open; one that two sources know counts once.
    pub open: u64,
    /// How many of them are past due.
    pub overdue: u64,
    /// How many are due today and not past due yet.
    pub due_today: u64,
    /// The longest overdue, the oldest first; at most `TASKS_NAMED`.
    pub longest_overdue: Vec<TaskBrief>,
    /// Those put off most often in the last `POSTPONED_DAYS` days; at most `TASKS_NAMED`.
    pub most_postponed: Vec<TaskBrief>,
    /// When each source was last read.
    pub read_at: BTreeMap<String, Timestamp>,
}

/// One open task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskBrief {
    /// Where it lives.
    pub source: String,
    /// What the source calls it.
    pub id: String,
    /// As the person wrote it.
    pub title: String,
    /// When it is due, if it has a date.
    pub due: Option<Due>,
    /// How often it was put off in the last `POSTPONED_DAYS` days.
    pub postponed: u64,
}

/// As much of a body as decides where a task belongs.
#[derive(Deserialize)]
struct Brief {
    title: String,
    due: Option<Due>,
}

/// A record of another source's task.
#[derive(Deserialize)]
struct Link {
    same_as: (String, String),
}

#[derive(Deserialize)]
struct Event {
    source: String,
    task_id: String,
}

#[derive(Default, Deserialize)]
struct About {
    has_dates: bool,
}

/// Source and id.
type Place = (String, String);

impl Store {
    /// The open tasks as they were last read, judged at `now`, whose zone is the person's.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn task_overview(&self, now: &ZonedDateTime) -> Result<TaskOverview> {
        overview(&self.db, now).map_err(|error| self.fail(error))
    }
}

fn overview(db: &Connection, now: &ZonedDateTime) -> rusqlite::Result<TaskOverview> {
    let (read_at, dated) = readings(db)?;
    let hidden = hidden(db, &dated)?;
    let open = count_open(db)?.saturating_sub(hidden.len() as u64);
    let mut tasks = TaskOverview { open, read_at, ..TaskOverview::default() };
    let postponed = postponed(db, now.timestamp())?;
    let mut late = Latest::default();
    each_with_a_date(db, |source, id, brief| {
        let Some(due) = brief.due.filter(|_| !hidden.contains(&(source.to_owned(), id.to_owned()))) else { return };
        if due.is_past(now) {
            tasks.overdue += 1;
            late.see(source, id, due, brief);
        } else if due.date() == now.date() {
            tasks.due_today += 1;
        }
    })?;
    tasks.longest_overdue = late.0.into_values().collect();
    for task in &mut tasks.longest_overdue {
        task.postponed = postponed.get(&(task.source.clone(), task.id.clone())).copied().unwrap_or(0);
    }
    tasks.most_postponed = most_postponed(db, postponed)?;
    Ok(tasks)
}

/// When each source was read, and which of them know dates.
fn readings(db: &Connection) -> rusqlite::Result<(BTreeMap<String, Timestamp>, BTreeSet<String>)> {
    let (mut read_at, mut dated) = (BTreeMap::new(), BTreeSet::new());
    let mut statement = db.prepare_cached("SELECT source, read_at, about FROM readings")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let source: String = row.get(0)?;
        let about: About = serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default();
        if about.has_dates {
            dated.insert(source.clone());
        }
        read_at.insert(source, moment(row.get(1)?));
    }
    Ok((read_at, dated))
}

/// Of two open records of one task, the one that does not count: the one whose source knows no dates, else the original.
fn hidden(db: &Connection, dated: &BTreeSet<String>) -> rusqlite::Result<BTreeSet<Place>> {
    // Inside a title the quotes would be escaped, so these words stand in a body only where the field does.
    let sql = "SELECT source, id, body FROM items INDEXED BY items_open
               WHERE open = 1 AND kind = 'task' AND instr(body, '\"same_as\":[') > 0";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(())?;
    let mut hidden = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let Ok(Link { same_as: original }) = serde_json::from_str(row.get_ref(2)?.as_str()?) else { continue };
        let copy: Place = (row.get(0)?, row.get(1)?);
        if copy.0 == original.0 || task(db, &original)?.is_none() {
            continue;
        }
        let original_tells = dated.contains(&original.0) && !dated.contains(&copy.0);
        hidden.insert(if original_tells { copy } else { original });
    }
    Ok(hidden)
}

fn count_open(db: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM items INDEXED BY items_open WHERE open = 1 AND kind = 'task'";
    let count: i64 = db.prepare_cached(sql)?.query_row((), |row| row.get(0))?;
    Ok(count.max(0).unsigned_abs())
}

/// Most open tasks have no date: they are passed over without being parsed.
fn each_with_a_date(db: &Connection, mut see: impl FnMut(&str, &str, Brief)) -> rusqlite::Result<()> {
    let sql = "SELECT source, id, body FROM items INDEXED BY items_open
               WHERE open = 1 AND kind = 'task' AND instr(body, '\"due\":{') > 0";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        if let Ok(brief) = serde_json::from_str(row.get_ref(2)?.as_str()?) {
            see(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?, brief);
        }
    }
    Ok(())
}

/// The tasks that are overdue for longest, no more of them than are named.
#[derive(Default)]
struct Latest(BTreeMap<(jiff::civil::DateTime, Place), TaskBrief>);

impl Latest {
    fn see(&mut self, source: &str, id: &str, due: Due, brief: Brief) {
        let at = match due {
            Due::Day(date) => date.at(23, 59, 59, 999_999_999),
            Due::At(at) => at,
        };
        let place = (source.to_owned(), id.to_owned());
        let (source, id) = place.clone();
        self.0.insert((at, place), TaskBrief { source, id, title: brief.title, due: Some(due), postponed: 0 });
        if self.0.len() > TASKS_NAMED {
            self.0.pop_last();
        }
    }
}

/// How often each task was put off of late.
fn postponed(db: &Connection, now: Timestamp) -> rusqlite::Result<BTreeMap<Place, u64>> {
    let since = now.saturating_sub(SignedDuration::from_hours(24 * POSTPONED_DAYS)).unwrap_or(Timestamp::MIN);
    let mut times = BTreeMap::new();
    let mut statement = db.prepare_cached("SELECT body FROM postponements WHERE at > ?1")?;
    let mut rows = statement.query([millis(since)])?;
    while let Some(row) = rows.next()? {
        if let Ok(Event { source, task_id }) = serde_json::from_str(row.get_ref(0)?.as_str()?) {
            *times.entry((source, task_id)).or_default() += 1;
        }
    }
    Ok(times)
}

/// What is done by now was put off no longer than that.
fn most_postponed(db: &Connection, times: BTreeMap<Place, u64>) -> rusqlite::Result<Vec<TaskBrief>> {
    let mut ranked: Vec<(Reverse<u64>, Place)> =
        times.into_iter().map(|(place, times)| (Reverse(times), place)).collect();
    ranked.sort();
    let mut tasks = Vec::new();
    for (Reverse(postponed), place) in ranked {
        if let Some(Brief { title, due }) = task(db, &place)? {
            let (source, id) = place;
            tasks.push(TaskBrief { source, id, title, due, postponed });
        }
        if tasks.len() == TASKS_NAMED {
            break;
        }
    }
    Ok(tasks)
}

/// A task, if it is open.
fn task(db: &Connection, (source, id): &Place) -> rusqlite::Result<Option<Brief>> {
    let mut statement =
        db.prepare_cached("SELECT body FROM items WHERE source = ?1 AND kind = 'task' AND id = ?2 AND open = 1")?;
    let body: Option<String> = optional(statement.query_row(params![source, id], |row| row.get(0)))?;
    Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
}
