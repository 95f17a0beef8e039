//! The task rules: deadlines, commitments, the number of active tasks and the goal of the day.

mod commitments;
mod deadlines;
mod load;

use jiff::ZonedDateTime;

use super::Evaluation;
use super::draft::Collector;
use super::thresholds::TaskThresholds;
use crate::core::alert::Monitor;
use crate::core::calendar::busy_times::BusyTimes;
use crate::core::facts::TaskReading;
use crate::core::policy::quiet_hours::QuietHours;
use crate::core::tasks::{TaskIdentities, merge_tasks};

#[derive(Debug, Clone, Copy)]
pub struct TaskFacts<'a> {
    /// One reading per source, fresh or a saved copy.
    pub readings: &'a [TaskReading],
    pub identities: &'a TaskIdentities,
    /// Whether every configured source gave a reading or a copy. If not, alerts count, but missing alerts resolve nothing.
    pub complete: bool,
    /// None without calendars.
    pub free_time: Option<FreeTime<'a>>,
}

/// Free time is the time outside events and quiet hours.
#[derive(Debug, Clone, Copy)]
pub struct FreeTime<'a> {
    pub busy: &'a BusyTimes,
    pub quiet_hours: QuietHours,
}

/// `now` carries the user's zone.
pub fn evaluate(facts: &TaskFacts<'_>, limits: &TaskThresholds, now: &ZonedDateTime) -> Evaluation {
    let mut collector = Collector::new(Monitor::Tasks, now);
    let tasks = merge_tasks(facts.readings, facts.identities);
    deadlines::evaluate(&mut collector, facts, &tasks, limits, now);
    commitments::evaluate(&mut collector, facts, limits, now);
    load::evaluate(&mut collector, facts, &tasks, limits, now);
    let unreadable = facts.readings.iter().flat_map(|reading| unreadable_entities(reading, facts.identities));
    collector.add_unknown_entities(unreadable);
    collector.finish()
}

/// The ids of unreadable rows, and the names under which alerts about them are open.
fn unreadable_entities(reading: &TaskReading, identities: &TaskIdentities) -> Vec<String> {
    if reading.unreadable.is_empty() {
        return Vec::new();
    }
    let names = identities.names_of_rows(reading.source, |id| reading.is_unreadable(id));
    names.chain(reading.unreadable.iter().cloned()).collect()
}
