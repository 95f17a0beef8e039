//! A summary of the open tasks: how many, which are overdue, and which were postponed most.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use serde::{Deserialize, Serialize};

use super::{MergedTask, TaskIdentities, merge_tasks};
use crate::core::facts::{Due, TaskReading};

/// A summary names at most this many tasks of each kind; the others are counted.
pub const MAX_TASKS_NAMED: usize = 20;

/// Postponements count for this long.
pub const POSTPONED_WITHIN: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The open tasks of all sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// A task of several sources counts once.
    pub open: u64,
    pub overdue: u64,
    /// Due today and not overdue yet.
    pub due_today: u64,
    /// The oldest first, at most `MAX_TASKS_NAMED`.
    pub longest_overdue: Vec<TaskSummaryItem>,
    /// Within `POSTPONED_WITHIN`, at most `MAX_TASKS_NAMED`.
    pub most_postponed: Vec<TaskSummaryItem>,
    /// When each source was last read.
    pub read_at: BTreeMap<String, Timestamp>,
}

/// One open task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSummaryItem {
    pub source: String,
    pub id: String,
    pub title: String,
    pub due: Option<Due>,
    /// How often it was postponed within `POSTPONED_WITHIN`.
    pub postponed: u64,
}

/// By source and task id.
pub type PostponementCounts = BTreeMap<(String, String), u64>;

/// The rows that a summary is made of.
#[derive(Debug)]
pub struct SummaryInput<'a> {
    /// All open rows of all sources.
    pub open_rows: u64,
    /// The rows that have a due date, belong to a row of another source, or were postponed. No other row changes a summary.
    pub readings: &'a [TaskReading],
    pub postponed: &'a PostponementCounts,
    pub read_at: BTreeMap<String, Timestamp>,
}

/// The zone of `now` is the user's.
#[must_use]
pub fn summarize(input: SummaryInput<'_>, now: &ZonedDateTime) -> TaskSummary {
    let tasks = merge_tasks(input.readings, &TaskIdentities::default());
    let rows: usize = input.readings.iter().map(|reading| reading.tasks.len()).sum();
    let duplicates = rows.saturating_sub(tasks.len()) as u64;
    let mut summary = TaskSummary {
        open: input.open_rows.saturating_sub(duplicates),
        read_at: input.read_at,
        ..TaskSummary::default()
    };
    let mut overdue: Vec<(DateTime, TaskSummaryItem)> = Vec::new();
    let mut postponed: Vec<(Reverse<u64>, TaskSummaryItem)> = Vec::new();
    for task in &tasks {
        let item = || TaskSummaryItem {
            source: task.source.to_owned(),
            id: task.task.id.clone(),
            title: task.task.title.clone(),
            due: task.task.due,
            postponed: times_postponed(task, input.postponed),
        };
        match task.task.due {
            Some(due) if due.is_past(now) => overdue.push((end(due), item())),
            Some(due) if due.date() == now.date() => summary.due_today += 1,
            _ => {}
        }
        if times_postponed(task, input.postponed) > 0 {
            let item = item();
            postponed.push((Reverse(item.postponed), item));
        }
    }
    summary.overdue = overdue.len() as u64;
    summary.longest_overdue = first_ranked(overdue);
    summary.most_postponed = first_ranked(postponed);
    summary
}

/// Each source that has the task may have seen the same postponement.
fn times_postponed(task: &MergedTask<'_>, counts: &PostponementCounts) -> u64 {
    let rows = task.rows.iter().map(|(source, id)| ((*source).to_owned(), id.clone().into_owned()));
    rows.filter_map(|row| counts.get(&row).copied()).max().unwrap_or(0)
}

fn first_ranked<R: Ord>(mut ranked: Vec<(R, TaskSummaryItem)>) -> Vec<TaskSummaryItem> {
    ranked.sort_by(|(rank, a), (other, b)| (rank, &a.source, &a.id).cmp(&(other, &b.source, &b.id)));
    ranked.into_iter().map(|(_, item)| item).take(MAX_TASKS_NAMED).collect()
}

/// The last local time at which it is not overdue.
fn end(due: Due) -> DateTime {
    match due {
        Due::Day(date) => date.at(23, 59, 59, 999_999_999),
        Due::At(at) => at,
    }
}
