//! What a calendar said at one time.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::event::Event;
use super::series::{Occurrence, Series};
use super::todo::{Todo, open_tasks};
use super::{Budget, BudgetExceeded};
use crate::core::calendar::busy_times::BusyTimes;
use crate::core::facts::Task;
use crate::core::text::count;

/// How far ahead time is known to be taken or free (days).
const DAYS_AHEAD: i64 = 8;

/// What all of a calendar may take of the work, and what one series.
const ALL: u32 = 5_000_000;
const ONE: u32 = 100_000;

/// One reading of a calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct CalendarReading {
    /// When this was true.
    pub as_of: Timestamp,
    /// The time that its events take, from yesterday on for a week.
    pub agenda: BusyTimes,
    /// How many events there are today, those that take no time included.
    pub today: usize,
    /// Its to-dos.
    pub tasks: Vec<Task>,
    /// Names of to-dos whose next time could not be found.
    pub unreadable: Vec<String>,
    /// What could not be read and was passed over, in sentences.
    pub notes: Vec<String>,
}

impl CalendarReading {
    /// What these events and to-dos come to at `now`, whose zone is the person's.
    #[must_use]
    pub fn of(events: &[Event], todos: &[Todo], notes: &[String], now: &ZonedDateTime) -> Self {
        let home = now.time_zone();
        let mut work = Budget::of(ALL);
        let (occurrences, endless) = occurrences(events, home, now, &mut work);
        let mut unreadable = Vec::new();
        let tasks = open_tasks(todos, home, &mut work, &mut |uid| unreadable.push(uid.to_owned()));
        let mut notes = notes.to_vec();
        let too_often = endless + unreadable.len();
        if too_often > 0 {
            notes.push(format!("{} passed over: nothing comes again so often", count(too_often, "series was")));
        }
        Self {
            as_of: now.timestamp(),
            agenda: BusyTimes::of(&occurrences),
            today: today(&occurrences, now),
            tasks,
            unreadable,
            notes,
        }
    }
}

/// What happens near `now`, and how many series come again too often to be followed.
fn occurrences(events: &[Event], home: &TimeZone, now: &ZonedDateTime, work: &mut Budget) -> (Vec<Occurrence>, usize) {
    let at = |days: i64| now.saturating_add(days.days()).timestamp();
    let window = at(-1)..at(DAYS_AHEAD);
    let (mut all, mut endless) = (Vec::new(), 0);
    for series in Series::of(events) {
        let mut share = work.share(ONE);
        match series.occurrences(&window, home, &mut share) {
            Ok(occurrences) => all.extend(occurrences),
            Err(BudgetExceeded) => endless += 1,
        }
        work.give_back(&share);
    }
    (all, endless)
}

fn today(occurrences: &[Occurrence], now: &ZonedDateTime) -> usize {
    let day = now.start_of_day().ok().zip(now.tomorrow().and_then(|day| day.start_of_day()).ok());
    let Some((from, to)) = day.map(|(from, to)| (from.timestamp(), to.timestamp())) else { return 0 };
    occurrences.iter().filter(|one| one.start < to && (one.end > from || one.start >= from)).count()
}
