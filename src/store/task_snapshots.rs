//! The last good reading of each source of tasks: to notice what was put off, and to go on when the source is away.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::incidents::json;
use super::{Result, Store, millis, moment};
use crate::core::facts::{Commitment, Postponement, Task, TaskReading};
use crate::core::history;

/// What kind of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// A task.
    Task,
    /// A promise.
    Commitment,
}

/// The open items of one source as they were last read; bodies are JSON, parsed only when needed.
#[derive(Debug, Clone)]
pub struct Snapshot {
    source: &'static str,
    read_at: Timestamp,
    about: SourceMeta,
    items: BTreeMap<(ItemKind, String), String>,
}

/// What the source knows besides its items.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct SourceMeta {
    has_dates: bool,
    has_commitments: bool,
}

/// How a new reading differs from the last copy: what a check has to write.
#[derive(Debug, Clone)]
pub struct SnapshotDiff {
    source: &'static str,
    read_at: Timestamp,
    about: SourceMeta,
    changed: Vec<(ItemKind, String, String)>,
    gone: Vec<(ItemKind, String)>,
    /// Tasks that were put off between the two.
    pub postponed: Vec<Postponement>,
}

impl ItemKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Commitment => "commitment",
        }
    }
}

impl Snapshot {
    /// The copy as if it had just been read, with its age.
    #[must_use]
    pub fn reading(&self) -> TaskReading {
        TaskReading {
            source: self.source,
            as_of: self.read_at,
            tasks: self.parsed(ItemKind::Task),
            commitments: self.about.has_commitments.then(|| self.parsed(ItemKind::Commitment)),
            has_dates: self.about.has_dates,
            goal: None,
            thoughts: None,
            activity: None,
            unreadable: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn parsed<T: serde::de::DeserializeOwned>(&self, wanted: ItemKind) -> Vec<T> {
        let bodies = self.items.iter().filter(|((kind, _), _)| *kind == wanted);
        bodies.filter_map(|(_, body)| serde_json::from_str(body).ok()).collect()
    }
}

impl SnapshotDiff {
    /// Compare a fresh reading with what was known. Rows that could not be read stay as they were.
    #[must_use]
    pub fn between(known: Option<&Snapshot>, reading: &TaskReading) -> Self {
        let nothing = BTreeMap::new();
        let before = known.map_or(&nothing, |copy| &copy.items);
        let about = SourceMeta { has_dates: reading.has_dates, has_commitments: reading.commitments.is_some() };
        let mut present = BTreeSet::new();
        let mut changed = Vec::new();
        for (kind, id, body) in bodies(reading) {
            let place = (kind, id);
            let unreadable = before.contains_key(&place) && reading.is_unreadable(&place.1);
            if !unreadable && before.get(&place) != Some(&body) {
                changed.push((kind, place.1.clone(), body));
            }
            present.insert(place);
        }
        let left = |place: &&(ItemKind, String)| !present.contains(*place) && !reading.is_unreadable(&place.1);
        let gone = before.keys().filter(left).cloned().collect();
        let postponed = postponed(before, &changed, reading);
        Self { source: reading.source, read_at: reading.as_of, about, changed, gone, postponed }
    }
}

fn bodies(reading: &TaskReading) -> impl Iterator<Item = (ItemKind, String, String)> {
    let tasks = reading.tasks.iter().map(|task| (ItemKind::Task, task.id.clone(), json(task)));
    let commitments: &[Commitment] = reading.commitments.as_deref().unwrap_or_default();
    tasks.chain(commitments.iter().map(|promise| (ItemKind::Commitment, promise.id.clone(), json(promise))))
}

/// Only what changed can have been put off, so only that is parsed.
fn postponed(
    before: &BTreeMap<(ItemKind, String), String>,
    changed: &[(ItemKind, String, String)],
    reading: &TaskReading,
) -> Vec<Postponement> {
    let tasks = || changed.iter().filter(|(kind, _, _)| *kind == ItemKind::Task);
    let parse = |body: &String| serde_json::from_str::<Task>(body).ok();
    let was = tasks().filter_map(|(kind, id, _)| parse(before.get(&(*kind, id.clone()))?)).collect::<Vec<_>>();
    let is = tasks().filter_map(|(_, _, body)| parse(body)).collect::<Vec<_>>();
    history::postponed(reading.source, &was, &is, reading.as_of)
}

impl Store {
    /// The last good reading of a source; none if it was never read.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn task_snapshot(&self, source: &'static str) -> Result<Option<Snapshot>> {
        self.fetch_snapshot(source).map_err(|error| self.wrap(error))
    }

    fn fetch_snapshot(&self, source: &'static str) -> rusqlite::Result<Option<Snapshot>> {
        let reading: Option<(i64, String)> = super::optional(self.db.query_row(
            "SELECT read_at, about FROM readings WHERE source = ?1",
            [source],
            |row| Ok((row.get(0)?, row.get(1)?)),
        ))?;
        let Some((read_at, about)) = reading else { return Ok(None) };
        // The planner would rather go through the primary key, and so through everything that was ever closed.
        let mut rows = self
            .db
            .prepare_cached("SELECT kind, id, body FROM items INDEXED BY items_open WHERE source = ?1 AND open = 1")?;
        let items = rows.query_map([source], |row| {
            let kind = if row.get_ref(0)?.as_str()? == "task" { ItemKind::Task } else { ItemKind::Commitment };
            Ok(((kind, row.get(1)?), row.get(2)?))
        })?;
        let about = serde_json::from_str(&about).unwrap_or_default();
        Ok(Some(Snapshot { source, read_at: moment(read_at), about, items: items.collect::<rusqlite::Result<_>>()? }))
    }
}

pub(crate) fn save(db: &Connection, update: &SnapshotDiff) -> rusqlite::Result<()> {
    let at = millis(update.read_at);
    db.execute(
        "INSERT OR REPLACE INTO readings (source, read_at, about) VALUES (?1, ?2, ?3)",
        params![update.source, at, json(&update.about)],
    )?;
    let mut write = db.prepare_cached(
        "INSERT OR REPLACE INTO items (source, kind, id, open, seen_at, body) VALUES (?1, ?2, ?3, 1, ?4, ?5)",
    )?;
    for (kind, id, body) in &update.changed {
        write.execute(params![update.source, kind.as_str(), id, at, body])?;
    }
    let mut close =
        db.prepare_cached("UPDATE items SET open = 0, seen_at = ?4 WHERE source = ?1 AND kind = ?2 AND id = ?3")?;
    for (kind, id) in &update.gone {
        close.execute(params![update.source, kind.as_str(), id, at])?;
    }
    for event in &update.postponed {
        super::history::save_postponement(db, event)?;
    }
    Ok(())
}
