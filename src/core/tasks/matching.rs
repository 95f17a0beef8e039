//! Matching rows of different sources, and naming the merged tasks.
//!
//! Rows with the same `MatchKey` become as many tasks as the source with the most such rows has. A name of an open alert stays with
//! the rows that it was last notified for, also when rows join or leave. It ends only where there are more names than tasks.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;

use super::{MatchKey, MergedTask, TaskIdentities};
use crate::core::facts::{Due, Task};

type Candidates<'a> = BTreeMap<MatchKey, Vec<MergedTask<'a>>>;

pub(super) fn merge_matches<'a>(rows: Vec<MergedTask<'a>>, identities: &TaskIdentities) -> Vec<MergedTask<'a>> {
    let mut candidates = Candidates::new();
    let mut tasks = Vec::new(); // begins with the rows that match no other
    for row in rows {
        match row.match_key() {
            Some(key) => candidates.entry(key).or_default().push(row),
            None => tasks.push(row),
        }
    }
    let key_of_name = keys_of_names(&candidates, identities);
    let mut used: BTreeSet<Cow<'a, str>> = identities.names().map(|name| Cow::Owned(name.to_owned())).collect();
    let mut unnamed = Vec::new();
    for (key, rows) in &mut candidates {
        for slot in slots(key, std::mem::take(rows), &key_of_name, identities) {
            match slot.name {
                Some(name) => tasks.extend(merge_rows(Cow::Owned(name.to_owned()), slot.rows)),
                None => unnamed.push(slot.rows),
            }
        }
    }
    for rows in unnamed {
        let name = new_name(&rows, &used);
        used.insert(name.clone());
        tasks.extend(merge_rows(name, rows));
    }
    tasks
}

/// The match key at which each open name continues: the one of the last notification if a row is still there, else the one with
/// the most rows of the name.
fn keys_of_names<'t>(candidates: &Candidates<'_>, identities: &'t TaskIdentities) -> BTreeMap<&'t str, MatchKey> {
    let mut best = BTreeMap::new();
    for (key, rows) in candidates {
        let mut names: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
        for row in rows {
            if let Some(name) = identities.name_of(row.source, &row.task.id) {
                let (count, own) = names.entry(name).or_default();
                *count += 1;
                *own |= row.task.id == name;
            }
        }
        for (name, (count, own)) in names {
            let weight = (identities.is_current_match(name, key), count, own);
            let known = best.entry(name).or_insert((weight, key));
            if weight > known.0 {
                *known = (weight, key);
            }
        }
    }
    best.into_iter().map(|(name, (_, key))| (name, key.clone())).collect()
}

/// A task among the rows of one match key: at most one row per source.
#[derive(Default)]
struct MergedSlot<'t, 'a> {
    name: Option<&'t str>,
    rows: Vec<MergedTask<'a>>,
}

impl MergedSlot<'_, '_> {
    fn has_source(&self, source: &str) -> bool {
        self.rows.iter().any(|row| row.source == source)
    }

    fn time(&self) -> Option<DateTime> {
        self.rows.iter().find_map(|row| due_time(&row.task))
    }
}

/// The tasks among the rows of one match key; those with an open name first.
fn slots<'t, 'a>(
    key: &MatchKey,
    mut rows: Vec<MergedTask<'a>>,
    key_of_name: &BTreeMap<&'t str, MatchKey>,
    identities: &'t TaskIdentities,
) -> Vec<MergedSlot<'t, 'a>> {
    let name_of = |row: &MergedTask<'_>| {
        let name = identities.name_of(row.source, &row.task.id)?;
        (key_of_name.get(name)? == key).then_some(name)
    };
    let count = most_rows_of_one_source(&rows);
    rows.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    // Among the rows of one source, the row whose id is the name comes first.
    rows.sort_by_key(|row| name_of(row) != Some(&row.task.id));
    let mut by_name: BTreeMap<&str, MergedSlot<'_, '_>> = BTreeMap::new();
    let mut unassigned = Vec::new();
    for row in rows {
        match name_of(&row) {
            Some(name) if !by_name.get(name).is_some_and(|slot| slot.has_source(row.source)) => {
                by_name.entry(name).or_insert(MergedSlot { name: Some(name), rows: Vec::new() }).rows.push(row);
            }
            _ => unassigned.push(row),
        }
    }
    let mut slots: Vec<MergedSlot<'_, '_>> = by_name.into_values().collect();
    slots.sort_by_key(|slot| {
        let name = slot.name.unwrap_or_default();
        let own = slot.rows.iter().any(|row| row.task.id == name);
        (Reverse((identities.is_current_match(name, key), slot.rows.len(), own)), name)
    });
    let surplus = slots.split_off(count.min(slots.len()));
    unassigned.extend(surplus.into_iter().flat_map(|slot| slot.rows));
    slots.resize_with(count, MergedSlot::default);
    assign(&mut slots, unassigned);
    slots
}

fn most_rows_of_one_source(rows: &[MergedTask<'_>]) -> usize {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(row.source).or_default() += 1);
    counts.into_values().max().unwrap_or(0)
}

/// Put each row into a slot without a row of its source, preferably one that is due at the same time.
fn assign<'a>(slots: &mut [MergedSlot<'_, 'a>], rows: Vec<MergedTask<'a>>) {
    let mut by_source: BTreeMap<&str, Vec<MergedTask<'a>>> = BTreeMap::new();
    rows.into_iter().for_each(|row| by_source.entry(row.source).or_default().push(row));
    for (source, mut rows) in by_source {
        rows.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        let vacant = slots.iter().enumerate().filter(|(_, slot)| !slot.has_source(source));
        let mut vacant: BTreeSet<(Option<DateTime>, usize)> = vacant.map(|(at, slot)| (slot.time(), at)).collect();
        let mut push = |at: usize, row| {
            if let Some(slot) = slots.get_mut(at) {
                slot.rows.push(row);
            }
        };
        let mut without_match = Vec::new();
        for row in rows {
            let time = due_time(&row.task);
            match vacant.range((time, 0)..=(time, usize::MAX)).next().copied() {
                Some(slot) => {
                    vacant.remove(&slot);
                    push(slot.1, row);
                }
                None => without_match.push(row),
            }
        }
        for (row, (_, at)) in without_match.into_iter().zip(vacant) {
            push(at, row);
        }
    }
}

/// Makes the result independent of the order in which a source returns its rows.
fn sort_key<'r>(row: &'r MergedTask<'_>) -> impl Ord + use<'r> {
    let task = &*row.task;
    (&task.id, due_time(task), &task.title, task.priority, task.milestone, task.status.rank())
}

fn due_time(task: &Task) -> Option<DateTime> {
    match task.due? {
        Due::At(at) => Some(at),
        Due::Day(_) => None,
    }
}

/// The id of the first row by source. If other tasks use all ids: the first id with a number.
fn new_name<'a>(rows: &[MergedTask<'a>], used: &BTreeSet<Cow<'a, str>>) -> Cow<'a, str> {
    let mut ids: Vec<&(&str, Cow<'a, str>)> = rows.iter().flat_map(|row| &row.rows).collect();
    ids.sort();
    if let Some((_, id)) = ids.iter().find(|(_, id)| !used.contains(id)) {
        return id.clone();
    }
    let first = ids.first().map_or("", |(_, id)| id);
    let mut numbered = (2_u32..).map(|number| Cow::Owned(format!("{first}~{number}")));
    numbered.find(|name| !used.contains(name)).unwrap_or_default()
}

/// The row with the name's id gives title and id; due time, priority, milestone and status are the most urgent of all rows.
fn merge_rows<'a>(name: Cow<'a, str>, mut rows: Vec<MergedTask<'a>>) -> Option<MergedTask<'a>> {
    rows.sort_by(|a, b| (a.task.id != name, a.source).cmp(&(b.task.id != name, b.source)));
    let mut rows = rows.into_iter();
    let mut merged = rows.next()?;
    for other in rows {
        let (task, more) = (merged.task.to_mut(), &*other.task);
        task.due = earlier_due(task, more);
        task.priority = task.priority.max(more.priority);
        task.milestone |= more.milestone;
        if more.status.rank() > task.status.rank() {
            task.status = more.status;
        }
        merged.as_of = merged.as_of.min(other.as_of);
        merged.rows.extend(other.rows);
    }
    merged.rows.sort();
    merged.name = name;
    Some(merged)
}

/// Of two due dates on the same day, the earlier time. A time wins over none.
fn earlier_due(a: &Task, b: &Task) -> Option<Due> {
    match (due_time(a), due_time(b)) {
        (Some(one), Some(other)) => Some(Due::At(one.min(other))),
        (None, Some(at)) => Some(Due::At(at)),
        _ => a.due,
    }
}
