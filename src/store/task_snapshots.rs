//! The last good reading of each task source: it shows postponements, and stands in while the source is unavailable.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Result, Store, history, json, millis, timestamp};
use crate::core::facts::{Commitment, Postponement, Task, TaskReading};
use crate::core::history::postponed;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ItemKind {
    Task,
    Commitment,
}

/// The open items of one source as last fetched. Bodies are JSON and parsed only when needed.
#[derive(Debug, Clone)]
pub struct Snapshot {
    source: &'static str,
    read_at: Timestamp,
    metadata: SourceMeta,
    items: BTreeMap<(ItemKind, String), String>,
}

/// The capabilities of a source.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct SourceMeta {
    pub(super) has_dates: bool,
    has_commitments: bool,
}

/// The difference between a new reading and the last snapshot.
#[derive(Debug, Clone)]
pub struct SnapshotDiff {
    source: &'static str,
    read_at: Timestamp,
    metadata: SourceMeta,
    changed: Vec<(ItemKind, String, String)>,
    closed: Vec<(ItemKind, String)>,
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
    /// The snapshot as a reading of its own time.
    #[must_use]
    pub fn reading(&self) -> TaskReading {
        TaskReading {
            tasks: self.parse(ItemKind::Task),
            commitments: self.metadata.has_commitments.then(|| self.parse(ItemKind::Commitment)),
            has_dates: self.metadata.has_dates,
            ..TaskReading::empty(self.source, self.read_at)
        }
    }

    fn parse<T: DeserializeOwned>(&self, wanted: ItemKind) -> Vec<T> {
        let bodies = self.items.iter().filter(|((kind, _), _)| *kind == wanted);
        bodies.filter_map(|(_, body)| serde_json::from_str(body).ok()).collect()
    }
}

impl SnapshotDiff {
    /// Unreadable rows keep their last state.
    #[must_use]
    pub fn between(known: Option<&Snapshot>, reading: &TaskReading) -> Self {
        let empty = BTreeMap::new();
        let before = known.map_or(&empty, |snapshot| &snapshot.items);
        let mut present = BTreeSet::new();
        let mut changed = Vec::new();
        for (kind, id, body) in bodies(reading) {
            let item = (kind, id);
            let is_kept = before.contains_key(&item) && reading.is_unreadable(&item.1);
            if !is_kept && before.get(&item) != Some(&body) {
                changed.push((kind, item.1.clone(), body));
            }
            present.insert(item);
        }
        let is_closed = |item: &&(ItemKind, String)| !present.contains(*item) && !reading.is_unreadable(&item.1);
        Self {
            source: reading.source,
            read_at: reading.as_of,
            metadata: SourceMeta { has_dates: reading.has_dates, has_commitments: reading.commitments.is_some() },
            closed: before.keys().filter(is_closed).cloned().collect(),
            postponed: postponements(before, &changed, reading),
            changed,
        }
    }
}

fn bodies(reading: &TaskReading) -> impl Iterator<Item = (ItemKind, String, String)> {
    let tasks = reading.tasks.iter().map(|task| (ItemKind::Task, task.id.clone(), json(task)));
    let commitments: &[Commitment] = reading.commitments.as_deref().unwrap_or_default();
    tasks.chain(commitments.iter().map(|commitment| (ItemKind::Commitment, commitment.id.clone(), json(commitment))))
}

/// Only changed tasks can be postponed, so only they are parsed.
fn postponements(
    before: &BTreeMap<(ItemKind, String), String>,
    changed: &[(ItemKind, String, String)],
    reading: &TaskReading,
) -> Vec<Postponement> {
    let tasks = || changed.iter().filter(|(kind, _, _)| *kind == ItemKind::Task);
    let parse = |body: &String| serde_json::from_str::<Task>(body).ok();
    let old: Vec<Task> = tasks().filter_map(|(kind, id, _)| parse(before.get(&(*kind, id.clone()))?)).collect();
    let new: Vec<Task> = tasks().filter_map(|(_, _, body)| parse(body)).collect();
    postponed(reading.source, &old, &new, reading.as_of)
}

impl Store {
    /// `None` if the source was never read.
    pub fn task_snapshot(&self, source: &'static str) -> Result<Option<Snapshot>> {
        self.read(|db| {
            let read: Option<(i64, String)> = db
                .query_row("SELECT read_at, metadata FROM task_reads WHERE source = ?1", [source], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            let Some((read_at, metadata)) = read else { return Ok(None) };
            // By itself the planner takes the primary key and so reads all closed items.
            let mut rows = db.prepare_cached(
                "SELECT kind, id, body FROM task_items INDEXED BY task_items_open WHERE source = ?1 AND open = 1",
            )?;
            let items = rows.query_map([source], |row| {
                let kind = if row.get_ref(0)?.as_str()? == "task" { ItemKind::Task } else { ItemKind::Commitment };
                Ok(((kind, row.get(1)?), row.get(2)?))
            })?;
            let (read_at, metadata) = (timestamp(read_at), serde_json::from_str(&metadata).unwrap_or_default());
            Ok(Some(Snapshot { source, read_at, metadata, items: items.collect::<rusqlite::Result<_>>()? }))
        })
    }
}

pub(super) fn save(db: &Connection, diff: &SnapshotDiff) -> rusqlite::Result<()> {
    let at = millis(diff.read_at);
    db.execute(
        "INSERT OR REPLACE INTO task_reads (source, read_at, metadata) VALUES (?1, ?2, ?3)",
        params![diff.source, at, json(&diff.metadata)],
    )?;
    let mut write = db.prepare_cached(
        "INSERT OR REPLACE INTO task_items (source, kind, id, open, seen_at, body) VALUES (?1, ?2, ?3, 1, ?4, ?5)",
    )?;
    for (kind, id, body) in &diff.changed {
        write.execute(params![diff.source, kind.as_str(), id, at, body])?;
    }
    let mut close =
        db.prepare_cached("UPDATE task_items SET open = 0, seen_at = ?4 WHERE source = ?1 AND kind = ?2 AND id = ?3")?;
    for (kind, id) in &diff.closed {
        close.execute(params![diff.source, kind.as_str(), id, at])?;
    }
    diff.postponed.iter().try_for_each(|event| history::save_postponement(db, event))
}
