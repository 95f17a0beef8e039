//! The evaluated content of one calendar at one time.

use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::busy_times::BusyTimes;
use super::event::Event;
use super::series::{Occurrence, Series};
use super::todo::{Todo, open_tasks};
use super::{Budget, BudgetExceeded};
use crate::core::facts::Task;

/// Events are expanded from yesterday up to this many days ahead.
const DAYS_AHEAD: i64 = 8;

const MAX_STEPS: u32 = 5_000_000;
const MAX_STEPS_PER_SERIES: u32 = 100_000;

#[derive(Debug, Clone, PartialEq)]
pub struct CalendarReading {
    pub as_of: Timestamp,
    pub busy_times: BusyTimes,
    /// The number of events today, free ones included.
    pub events_today: usize,
    pub tasks: Vec<Task>,
    /// UIDs of to-dos that exist but could not be evaluated.
    pub unreadable: Vec<String>,
    /// Sentences about skipped content.
    pub notes: Vec<String>,
}

impl CalendarReading {
    /// `notes` are the notes of the parser. The zone of `now` is the user's.
    pub fn evaluate(events: &[Event], todos: &[Todo], notes: &[String], now: &ZonedDateTime) -> Self {
        let mut budget = Budget::new(MAX_STEPS);
        let (occurrences, skipped_series) = occurrences(events, now, &mut budget);
        let (tasks, unreadable) = open_tasks(todos, now.time_zone(), &mut budget);
        let mut notes = notes.to_vec();
        let skipped = skipped_series + unreadable.len();
        if skipped > 0 {
            notes.push(format!("{skipped} series skipped: too many recurrences"));
        }
        Self {
            as_of: now.timestamp(),
            busy_times: BusyTimes::from_occurrences(&occurrences),
            events_today: count_today(&occurrences, now),
            tasks,
            unreadable,
            notes,
        }
    }
}

/// The occurrences near `now`, and the number of series that exceed their budget.
fn occurrences(events: &[Event], now: &ZonedDateTime, budget: &mut Budget) -> (Vec<Occurrence>, usize) {
    let in_days = |days: i64| now.saturating_add(days.days()).timestamp();
    let window = in_days(-1)..in_days(DAYS_AHEAD);
    let (mut all, mut skipped) = (Vec::new(), 0);
    for series in Series::group(events) {
        let expand = |budget: &mut Budget| series.occurrences(&window, now.time_zone(), budget);
        match budget.with_limit(MAX_STEPS_PER_SERIES, expand) {
            Ok(occurrences) => all.extend(occurrences),
            Err(BudgetExceeded) => skipped += 1,
        }
    }
    (all, skipped)
}

fn count_today(occurrences: &[Occurrence], now: &ZonedDateTime) -> usize {
    let bounds = now.start_of_day().ok().zip(now.tomorrow().and_then(|day| day.start_of_day()).ok());
    let Some((from, to)) = bounds.map(|(from, to)| (from.timestamp(), to.timestamp())) else { return 0 };
    occurrences.iter().filter(|one| one.start < to && (one.end > from || one.start >= from)).count()
}
