//! Values for single instances of a series, such as EXDATE or RECURRENCE-ID.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::datetime::CalDateTime;

#[derive(Debug)]
pub(super) struct Overrides<T> {
    by_time: BTreeMap<Timestamp, T>,
    /// For an all-day series, and for entries without a time.
    by_day: BTreeMap<Date, T>,
}

impl<T> Overrides<T> {
    /// `start` is the start of the series. A later entry replaces an earlier one for the same instance.
    pub(super) fn new(
        entries: impl IntoIterator<Item = (CalDateTime, T)>,
        start: &CalDateTime,
        home: &TimeZone,
    ) -> Self {
        let mut overrides = Self { by_time: BTreeMap::new(), by_day: BTreeMap::new() };
        for (original, value) in entries {
            match &original {
                CalDateTime::Day(day) => drop(overrides.by_day.insert(*day, value)),
                _ if start.is_day() => drop(overrides.by_day.insert(original.civil_in(home).date(), value)),
                _ => drop(original.timestamp(home).map(|at| overrides.by_time.insert(at, value))),
            }
        }
        overrides
    }

    /// `civil` is the instance's local time in the zone of the series, `at` the same as a timestamp.
    pub(super) fn get(&self, civil: DateTime, at: Timestamp) -> Option<&T> {
        self.by_time.get(&at).or_else(|| self.by_day.get(&civil.date()))
    }
}
