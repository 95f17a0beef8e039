//! Due dates and times.

use std::fmt;

use jiff::ZonedDateTime;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// In the user's local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Due {
    /// By the end of the day.
    Day(Date),
    /// By this minute of the wall clock.
    At(DateTime),
}

impl Due {
    pub fn date(self) -> Date {
        match self {
            Self::Day(date) => date,
            Self::At(at) => at.date(),
        }
    }

    /// The instant from which the item is overdue: the end of the day, or the minute itself. None past the end of the calendar.
    ///
    /// A wall-clock time that DST skips moves forward by the length of the gap; a repeated one means the first occurrence.
    pub fn deadline(self, zone: &TimeZone) -> Option<ZonedDateTime> {
        let civil = match self {
            Self::Day(date) => date.tomorrow().ok()?.at(0, 0, 0, 0),
            Self::At(at) => at,
        };
        civil.to_zoned_datetime(zone.clone()).ok()
    }

    /// Local days since the due date; negative before it.
    pub fn days_past(self, today: Date) -> i32 {
        today.since(self.date()).map_or(0, |span| span.get_days())
    }

    /// Whether the item is overdue at `now`, which carries the user's zone.
    pub fn is_past(self, now: &ZonedDateTime) -> bool {
        match self {
            Self::Day(date) => now.date() > date,
            Self::At(_) => self.deadline(now.time_zone()).is_some_and(|deadline| *now >= deadline),
        }
    }
}

impl fmt::Display for Due {
    /// `2026-11-20`, `2026-11-20 14:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => write!(f, "{date}"),
            Self::At(at) => write!(f, "{} {:02}:{:02}", at.date(), at.hour(), at.minute()),
        }
    }
}
