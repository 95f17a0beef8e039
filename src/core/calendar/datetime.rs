//! Dates, times and durations of RFC 5545.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalDateTime {
    /// A whole day in the user's zone.
    Day(Date),
    /// A local time in the user's zone.
    Floating(DateTime),
    /// A local time in this zone, which may be UTC.
    Zoned(DateTime, TimeZone),
}

impl CalDateTime {
    /// The local date and time as written. A day starts at midnight.
    pub fn civil(&self) -> DateTime {
        match self {
            Self::Day(date) => date.at(0, 0, 0, 0),
            Self::Floating(civil) | Self::Zoned(civil, _) => *civil,
        }
    }

    /// Its own zone, else the user's.
    pub fn zone<'a>(&'a self, home: &'a TimeZone) -> &'a TimeZone {
        match self {
            Self::Day(_) | Self::Floating(_) => home,
            Self::Zoned(_, zone) => zone,
        }
    }

    pub fn timestamp(&self, home: &TimeZone) -> Option<Timestamp> {
        timestamp_in(self.zone(home), self.civil())
    }

    pub const fn is_day(&self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// The same variant and zone at another local time.
    pub fn with_civil(&self, civil: DateTime) -> Self {
        match self {
            Self::Day(_) => Self::Day(civil.date()),
            Self::Floating(_) => Self::Floating(civil),
            Self::Zoned(_, zone) => Self::Zoned(civil, zone.clone()),
        }
    }

    /// The local time in `zone`. Days and floating times are the same in every zone.
    pub fn civil_in(&self, zone: &TimeZone) -> DateTime {
        match self {
            Self::Zoned(civil, own) if own != zone => {
                timestamp_in(own, *civil).map_or(*civil, |at| at.to_zoned_datetime(zone.clone()).datetime())
            }
            _ => self.civil(),
        }
    }
}

/// `None` outside of the range of `Timestamp`. A skipped local time moves forward by the gap; a repeated one is the first of both.
pub(super) fn timestamp_in(zone: &TimeZone, civil: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

/// Calendar days first, then elapsed seconds: a day may have 23 or 25 hours. Never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CalDuration {
    pub days: i32,
    pub seconds: i64,
}

impl CalDuration {
    /// A negative duration becomes zero.
    pub fn from_elapsed(elapsed: SignedDuration) -> Self {
        Self { days: 0, seconds: elapsed.as_secs().max(0) }
    }

    /// A negative number becomes zero.
    pub fn from_days(days: i32) -> Self {
        Self { days: days.max(0), seconds: 0 }
    }

    /// The end of an event that starts at `civil` in `zone`.
    pub fn end_in(self, zone: &TimeZone, civil: DateTime) -> Option<Timestamp> {
        let day = civil.checked_add(i64::from(self.days).days()).ok()?;
        timestamp_in(zone, day)?.checked_add(SignedDuration::from_secs(self.seconds)).ok()
    }

    /// An upper bound in whole days.
    pub fn max_days(self) -> i64 {
        i64::from(self.days).saturating_add(self.seconds / 86_400).saturating_add(1)
    }
}
