//! The tasks at a glance: how many, what is late, what is put off, and how old all that is.
//!
//! There may be very many. Bodies are looked at one after the other, in brief, and only those that can matter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{Result, Store, millis, moment, optional};
use crate::core::facts::Due;
use crate::core::tasks::MatchKey;

/// An overview names so many tasks of each kind; the others are counted.
pub const TASKS_NAMED: usize = 20;

/// How far back it counts what was put off (days).
pub const POSTPONED_DAYS: i64 = 30;

/// The open tasks of all sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// How many are open; one that two sources know counts once.
    pub open: u64,
    /// How many of them are past due.
    pub overdue: u64,
    /// How many are due today and not past due yet.
    pub due_today: u64,
    /// The longest overdue, the oldest first; at most `TASKS_NAMED`.
    pub longest_overdue: Vec<TaskSummaryItem>,
    /// Those put off most often in the last `POSTPONED_DAYS` days; at most `TASKS_NAMED`.
    pub most_postponed: Vec<TaskSummaryItem>,
    /// When each source was last read.
    pub read_at: BTreeMap<String, Timestamp>,
}

/// One open task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSummaryItem {
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
    same_as: Option<Place>,
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
    pub fn task_summary(&self, now: &ZonedDateTime) -> Result<TaskSummary> {
        overview(&self.db, now).map_err(|error| self.wrap(error))
    }
}

fn overview(db: &Connection, now: &ZonedDateTime) -> rusqlite::Result<TaskSummary> {
    let (read_at, dated) = readings(db)?;
    let several = dated.len() > 1;
    let mut tally = Tally::of(db, now, several, &BTreeSet::new())?;
    let hidden = hidden(db, &tally.links, &dated)?;
    if hidden.values().any(|task| task.due.is_some()) {
        // Rarely does what is hidden have a date: the one that knows dates is the one that counts.
        tally = Tally::of(db, now, several, &hidden.keys().cloned().collect())?;
    }
    let postponed = postponed(db, now.timestamp())?;
    let times = |task: &TaskSummaryItem| postponed.get(&(task.source.clone(), task.id.clone())).copied().unwrap_or(0);
    let late = tally.late.into_values().map(|task| TaskSummaryItem { postponed: times(&task), ..task });
    Ok(TaskSummary {
        open: count_open(db)?.saturating_sub(hidden.len() as u64 + tally.told_already),
        overdue: tally.overdue,
        due_today: tally.due_today,
        longest_overdue: late.collect(),
        most_postponed: most_postponed(db, &postponed)?,
        read_at,
    })
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

/// What one look at all open tasks tells.
#[derive(Default)]
struct Tally {
    overdue: u64,
    due_today: u64,
    /// Those that are overdue for longest, no more of them than are named.
    late: BTreeMap<(DateTime, Place), TaskSummaryItem>,
    /// Copies, each with its original in another source.
    links: Vec<(Place, Place)>,
    /// Where several sources know dates: what they may know of one task.
    alike: Option<Alike>,
    /// How many rows only repeat what another source tells.
    told_already: u64,
}

impl Tally {
    /// Most open tasks have no date and are no copies: they are passed over without being parsed.
    fn of(db: &Connection, now: &ZonedDateTime, several: bool, hidden: &BTreeSet<Place>) -> rusqlite::Result<Self> {
        let mut tally = Self { alike: several.then(Alike::default), ..Self::default() };
        let mut statement = db.prepare_cached(
            "SELECT source, id, body FROM items INDEXED BY items_open WHERE open = 1 AND kind = 'task'",
        )?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(2)?.as_str()?;
            if may_matter(body)
                && let Ok(brief) = serde_json::from_str(body)
            {
                tally.see((row.get(0)?, row.get(1)?), brief, now, hidden);
            }
        }
        Ok(tally)
    }

    fn see(&mut self, place: Place, brief: Brief, now: &ZonedDateTime, hidden: &BTreeSet<Place>) {
        if let Some(original) = brief.same_as.filter(|original| original.0 != place.0) {
            self.links.push((place.clone(), original));
        }
        let Some(due) = brief.due.filter(|_| !hidden.contains(&place)) else { return };
        if let Some(alike) = &mut self.alike
            && !alike.is_news(&place.0, &brief.title, due)
        {
            self.told_already += 1;
            return;
        }
        if due.is_past(now) {
            self.overdue += 1;
            let (source, id) = place.clone();
            let task = TaskSummaryItem { source, id, title: brief.title, due: Some(due), postponed: 0 };
            self.late.insert((end(due), place), task);
            if self.late.len() > TASKS_NAMED {
                self.late.pop_last();
            }
        } else if due.date() == now.date() {
            self.due_today += 1;
        }
    }
}

/// Rows of several sources that are one task, by the hash of what they share: there may be very many.
#[derive(Default)]
struct Alike {
    of_source: BTreeMap<(u64, u64), u32>,
    most: BTreeMap<u64, u32>,
}

impl Alike {
    /// There are as many tasks as the source with the most rows has: whether this row is one that no other source had before.
    fn is_news(&mut self, source: &str, title: &str, due: Due) -> bool {
        let Some(likeness) = MatchKey::new(title, Some(due.date())) else { return true };
        let (likeness, source) = (hash(&likeness), hash(source));
        let count = self.of_source.entry((likeness, source)).or_default();
        *count += 1;
        let most = self.most.entry(likeness).or_default();
        let is_news = *count > *most;
        *most = (*most).max(*count);
        is_news
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Whether a body has a date or names another source's task, which is the last that stands in it. Inside a title the quotes
/// would be escaped.
fn may_matter(body: &str) -> bool {
    !body.ends_with("\"same_as\":null}") || body.contains("\"due\":{")
}

/// The last moment at which it is not past, by the clock on the wall.
fn end(due: Due) -> DateTime {
    match due {
        Due::Day(date) => date.at(23, 59, 59, 999_999_999),
        Due::At(at) => at,
    }
}

/// Of two open records of one task, the one that does not count: the one whose source knows no dates, else the original.
fn hidden(
    db: &Connection,
    links: &[(Place, Place)],
    dated: &BTreeSet<String>,
) -> rusqlite::Result<BTreeMap<Place, Brief>> {
    let mut hidden = BTreeMap::new();
    for (copy, original) in links {
        let Some(task_there) = task(db, original)? else { continue };
        if dated.contains(&original.0) && !dated.contains(&copy.0) {
            hidden.extend(task(db, copy)?.map(|task| (copy.clone(), task)));
        } else {
            hidden.insert(original.clone(), task_there);
        }
    }
    Ok(hidden)
}

fn count_open(db: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM items INDEXED BY items_open WHERE open = 1 AND kind = 'task'";
    let count: i64 = db.prepare_cached(sql)?.query_row((), |row| row.get(0))?;
    Ok(count.max(0).unsigned_abs())
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
fn most_postponed(db: &Connection, times: &BTreeMap<Place, u64>) -> rusqlite::Result<Vec<TaskSummaryItem>> {
    let mut ranked: Vec<(Reverse<u64>, &Place)> = times.iter().map(|(place, times)| (Reverse(*times), place)).collect();
    ranked.sort();
    let mut tasks = Vec::new();
    let mut named: BTreeMap<MatchKey, &str> = BTreeMap::new();
    for (Reverse(postponed), place) in ranked {
        if let Some(Brief { title, due, .. }) = task(db, place)? {
            // The same task in another source was put off there too.
            if let Some(likeness) = MatchKey::new(&title, due.map(Due::date))
                && *named.entry(likeness).or_insert(&place.0) != place.0
            {
                continue;
            }
            let (source, id) = place.clone();
            tasks.push(TaskSummaryItem { source, id, title, due, postponed });
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
