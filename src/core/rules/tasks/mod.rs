//! Deadlines, promises, the pile of today and the day's goal.

mod commitments;
mod deadlines;
mod load;

use jiff::ZonedDateTime;

use super::Evaluation;
use super::thresholds::TaskThresholds;
use crate::core::alert::Monitor;
use crate::core::calendar::busy_times::BusyTimes;
use crate::core::facts::TaskReading;
use crate::core::policy::quiet_hours::QuietHours;
use crate::core::rules::draft::Collector;
use crate::core::tasks::{TaskIdentities, merged_tasks};

/// What the task rules judge.
#[derive(Debug, Clone, Copy)]
pub struct TaskFacts<'a> {
    /// One reading a source; a copy counts.
    pub readings: &'a [TaskReading],
    /// What open alerts about tasks go by.
    pub told: &'a TaskIdentities,
    /// Whether every source that is set up gave a reading or a copy. If not, what fires counts, and silence means nothing.
    pub complete: bool,
    /// The time that is free, where calendars tell.
    pub free: Option<FreeTime<'a>>,
}

/// What free time follows from.
#[derive(Debug, Clone, Copy)]
pub struct FreeTime<'a> {
    /// What events take.
    pub agenda: &'a BusyTimes,
    /// What the night takes.
    pub quiet: QuietHours,
}

/// The task alerts of `now`, whose zone is the person's.
#[must_use]
pub fn judge(facts: &TaskFacts<'_>, limits: &TaskThresholds, now: &ZonedDateTime) -> Evaluation {
    let mut found = Collector::new(Monitor::Tasks, now);
    let tasks = merged_tasks(facts.readings, facts.told);
    deadlines::judge(&mut found, facts, &tasks, limits, now);
    commitments::judge(&mut found, facts, limits, now);
    load::judge(&mut found, facts, &tasks, limits, now);
    found.except(facts.readings.iter().flat_map(|reading| unreadable(reading, facts.told)));
    found.finish()
}

/// What nothing is known about: rows by their ids, and what was told of under another name or stands where nothing was read.
fn unreadable(reading: &TaskReading, told: &TaskIdentities) -> Vec<String> {
    if reading.unreadable.is_empty() {
        return Vec::new();
    }
    told.names_where(reading.source, |id| reading.is_unreadable(id)).chain(reading.unreadable.iter().cloned()).collect()
}
