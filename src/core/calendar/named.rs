//! Times of a series that something else names: by their moment, or by their day alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::core::calendar::datetime::CalDateTime;

/// What is said of certain times of a series.
#[derive(Debug)]
pub(super) struct Overrides<T> {
    moments: BTreeMap<Timestamp, T>,
    days: BTreeMap<Date, T>,
}

impl<T> Overrides<T> {
    /// Of a series that begins at `start`, for a person at home in this zone. What is said later takes the place of the earlier.
    pub(super) fn of(said: impl IntoIterator<Item = (CalDateTime, T)>, start: &CalDateTime, home: &TimeZone) -> Self {
        let mut named = Self { moments: BTreeMap::new(), days: BTreeMap::new() };
        for (moment, what) in said {
            match &moment {
                CalDateTime::Day(day) => drop(named.days.insert(*day, what)),
                _ if start.is_day() => drop(named.days.insert(moment.civil_in(home).date(), what)),
                _ => drop(moment.timestamp(home).map(|at| named.moments.insert(at, what))),
            }
        }
        named
    }

    /// What is said of the time at this moment, at which the clock of the series shows `civil`.
    pub(super) fn get(&self, civil: DateTime, at: Timestamp) -> Option<&T> {
        self.moments.get(&at).or_else(|| self.days.get(&civil.date()))
    }
}
