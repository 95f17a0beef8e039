//! Which rows are one task, and what it is called.
//!
//! Tasks of different sources with the same title and date are one. Where each source has several of them, there are as many
//! tasks as the source with the most has. What was told of keeps its name: a name goes on where its rows were last seen
//! together, whoever joins them or leaves them, and is given up only where there are more names than tasks.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;

use super::{MatchKey, MergedTask, TaskIdentities};
use crate::core::facts::{Due, Task};

type Alike<'a> = BTreeMap<MatchKey, Vec<MergedTask<'a>>>;

/// Every task once, with its name.
pub(super) fn named<'a>(rows: Vec<MergedTask<'a>>, told: &TaskIdentities) -> Vec<MergedTask<'a>> {
    let mut alike = Alike::new();
    let mut tasks = Vec::new(); // first those that are like no other: they have no date, or no title
    for row in rows {
        match row.likeness() {
            Some(likeness) => alike.entry(likeness).or_default().push(row),
            None => tasks.push(row),
        }
    }
    let places = places(&alike, told);
    let mut taken: BTreeSet<Cow<'a, str>> = told.names().map(|name| Cow::Owned(name.to_owned())).collect();
    let mut unnamed = Vec::new();
    for (likeness, rows) in &mut alike {
        for seat in seats(likeness, std::mem::take(rows), &places, told) {
            match seat.name {
                Some(name) => tasks.extend(joined(Cow::Owned(name.to_owned()), seat.rows)),
                None => unnamed.push(seat.rows),
            }
        }
    }
    for rows in unnamed {
        let name = new_name(&rows, &taken);
        taken.insert(name.clone());
        tasks.extend(joined(name, rows));
    }
    tasks
}

/// Where each told name goes on: where its rows were last seen together if one still is there, else where most of them are.
fn places<'t>(alike: &Alike<'_>, told: &'t TaskIdentities) -> BTreeMap<&'t str, MatchKey> {
    let mut best = BTreeMap::new();
    for (likeness, rows) in alike {
        let mut here: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
        for row in rows {
            if let Some(name) = told.name_of(row.source, &row.task.id) {
                let (count, own) = here.entry(name).or_default();
                *count += 1;
                *own |= row.task.id == name;
            }
        }
        for (name, (count, own)) in here {
            let weight = (told.is_home(name, likeness), count, own);
            let known = best.entry(name).or_insert((weight, likeness));
            if weight > known.0 {
                *known = (weight, likeness);
            }
        }
    }
    best.into_iter().map(|(name, (_, likeness))| (name, likeness.clone())).collect()
}

/// A task among its like: at most one row a source.
#[derive(Default)]
struct MergedSlot<'t, 'a> {
    name: Option<&'t str>,
    rows: Vec<MergedTask<'a>>,
}

impl MergedSlot<'_, '_> {
    fn is_known_to(&self, source: &str) -> bool {
        self.rows.iter().any(|row| row.source == source)
    }

    fn time(&self) -> Option<DateTime> {
        self.rows.iter().find_map(|row| time(&row.task))
    }
}

/// The tasks among rows that are alike: those with a told name first.
fn seats<'t, 'a>(
    likeness: &MatchKey,
    mut rows: Vec<MergedTask<'a>>,
    places: &BTreeMap<&'t str, MatchKey>,
    told: &'t TaskIdentities,
) -> Vec<MergedSlot<'t, 'a>> {
    let name_here = |row: &MergedTask<'_>| {
        let name = told.name_of(row.source, &row.task.id)?;
        (places.get(name)? == likeness).then_some(name)
    };
    let most = most_of_one_source(&rows);
    rows.sort_by(|a, b| in_order(a).cmp(&in_order(b)));
    // The row whose id a name is has the first right to it among those of its source.
    rows.sort_by_key(|row| name_here(row) != Some(&row.task.id));
    let mut by_name: BTreeMap<&str, MergedSlot<'_, '_>> = BTreeMap::new();
    let mut free = Vec::new();
    for row in rows {
        match name_here(&row) {
            Some(name) if !by_name.get(name).is_some_and(|seat| seat.is_known_to(row.source)) => {
                by_name.entry(name).or_insert(MergedSlot { name: Some(name), rows: Vec::new() }).rows.push(row);
            }
            _ => free.push(row),
        }
    }
    let mut seats: Vec<MergedSlot<'_, '_>> = by_name.into_values().collect();
    seats.sort_by_key(|seat| {
        let name = seat.name.unwrap_or_default();
        let own = seat.rows.iter().any(|row| row.task.id == name);
        (Reverse((told.is_home(name, likeness), seat.rows.len(), own)), name)
    });
    let one_too_many = seats.split_off(most.min(seats.len()));
    free.extend(one_too_many.into_iter().flat_map(|seat| seat.rows));
    seats.resize_with(most, MergedSlot::default);
    fill(&mut seats, free);
    seats
}

fn most_of_one_source(rows: &[MergedTask<'_>]) -> usize {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(row.source).or_default() += 1);
    counts.into_values().max().unwrap_or(0)
}

/// MergedSlot every free row where its source has none yet, first beside one that is due at the same time.
fn fill<'a>(seats: &mut [MergedSlot<'_, 'a>], free: Vec<MergedTask<'a>>) {
    let mut by_source: BTreeMap<&str, Vec<MergedTask<'a>>> = BTreeMap::new();
    free.into_iter().for_each(|row| by_source.entry(row.source).or_default().push(row));
    for (source, mut rows) in by_source {
        rows.sort_by(|a, b| in_order(a).cmp(&in_order(b)));
        let vacant = seats.iter().enumerate().filter(|(_, seat)| !seat.is_known_to(source));
        let mut vacant: BTreeSet<(Option<DateTime>, usize)> = vacant.map(|(at, seat)| (seat.time(), at)).collect();
        let mut late = Vec::new();
        let mut sit = |at: usize, row| {
            if let Some(seat) = seats.get_mut(at) {
                seat.rows.push(row);
            }
        };
        for row in rows {
            let time = time(&row.task);
            match vacant.range((time, 0)..=(time, usize::MAX)).next().copied() {
                Some(place) => {
                    vacant.remove(&place);
                    sit(place.1, row);
                }
                None => late.push(row),
            }
        }
        for (row, (_, at)) in late.into_iter().zip(vacant) {
            sit(at, row);
        }
    }
}

/// An order among the rows of one source that does not depend on that in which they were read.
fn in_order<'r>(row: &'r MergedTask<'_>) -> impl Ord + use<'r> {
    let task = &*row.task;
    (&task.id, time(task), &task.title, task.priority, task.milestone, task.status.rank())
}

/// The time of day that it is due, if it is due at one.
fn time(task: &Task) -> Option<DateTime> {
    match task.due? {
        Due::At(at) => Some(at),
        Due::Day(_) => None,
    }
}

/// The id of the first row, by source; with a number where another task goes by that.
fn new_name<'a>(rows: &[MergedTask<'a>], taken: &BTreeSet<Cow<'a, str>>) -> Cow<'a, str> {
    let mut ids: Vec<&(&str, Cow<'a, str>)> = rows.iter().flat_map(|row| &row.rows).collect();
    ids.sort();
    if let Some((_, id)) = ids.iter().find(|(_, id)| !taken.contains(id)) {
        return id.clone();
    }
    let first = ids.first().map_or("", |(_, id)| id);
    let numbered = (2_u32..).map(|number| Cow::Owned(format!("{first}~{number}")));
    numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or_default()
}

/// Rows of one task, put together: in the words of the row that it is named after, with the most urgent of what they say.
fn joined<'a>(name: Cow<'a, str>, mut rows: Vec<MergedTask<'a>>) -> Option<MergedTask<'a>> {
    rows.sort_by(|a, b| (a.task.id != name, a.source).cmp(&(b.task.id != name, b.source)));
    let mut rows = rows.into_iter();
    let mut merged = rows.next()?;
    for other in rows {
        let (task, more) = (merged.task.to_mut(), &*other.task);
        task.due = sooner(task, more);
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

/// Of two that are due on the same date, one with a time says more than one without.
fn sooner(a: &Task, b: &Task) -> Option<Due> {
    match (time(a), time(b)) {
        (Some(one), Some(other)) => Some(Due::At(one.min(other))),
        (None, Some(at)) => Some(Due::At(at)),
        _ => a.due,
    }
}
