//! Points in time as calendars write them, and lengths of time.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// A day, a time on whatever clock the person looks at, or a time in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalDateTime {
    /// A whole day, wherever the person is.
    Day(Date),
    /// A time on the wall, wherever the person is.
    Floating(DateTime),
    /// A time in a zone; UTC is one.
    At(DateTime, TimeZone),
}

impl CalDateTime {
    /// The date and time as written; a day begins at midnight.
    #[must_use]
    pub fn civil(&self) -> DateTime {
        match self {
            Self::Day(date) => date.at(0, 0, 0, 0),
            Self::Floating(at) | Self::At(at, _) => *at,
        }
    }

    /// The zone in which it counts: its own, or the person's.
    #[must_use]
    pub fn zone<'a>(&'a self, home: &'a TimeZone) -> &'a TimeZone {
        match self {
            Self::Day(_) | Self::Floating(_) => home,
            Self::At(_, zone) => zone,
        }
    }

    /// The point in time, for somebody at home in this zone; none beyond the calendar's end. A time that the clocks skip counts as
    /// much later as they jumped, one that they repeat the first time.
    #[must_use]
    pub fn timestamp(&self, home: &TimeZone) -> Option<Timestamp> {
        timestamp(self.civil(), self.zone(home))
    }

    /// Whether it is a whole day.
    #[must_use]
    pub const fn is_day(&self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// The same kind of moment at another date and time.
    #[must_use]
    pub fn moved_to(&self, civil: DateTime) -> Self {
        match self {
            Self::Day(_) => Self::Day(civil.date()),
            Self::Floating(_) => Self::Floating(civil),
            Self::At(_, zone) => Self::At(civil, zone.clone()),
        }
    }

    /// What the clock shows in `zone` at this moment; as written where it counts wherever the person is.
    #[must_use]
    pub fn civil_in(&self, zone: &TimeZone) -> DateTime {
        match self {
            Self::Day(_) | Self::Floating(_) => self.civil(),
            Self::At(at, own) if own == zone => *at,
            Self::At(at, own) => timestamp(*at, own).map_or(*at, |at| at.to_zoned_datetime(zone.clone()).datetime()),
        }
    }
}

/// The point in time at which the clock in `zone` shows this.
#[must_use]
pub(super) fn timestamp(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

/// How long something lasts: first so many days on the calendar, then so many seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CalDuration {
    /// Days by the calendar.
    pub days: i32,
    /// Seconds that really pass.
    pub seconds: i64,
}

impl CalDuration {
    /// Exactly so long; never less than nothing.
    #[must_use]
    pub fn exactly(length: SignedDuration) -> Self {
        Self { days: 0, seconds: length.as_secs().max(0) }
    }

    /// So many days; never less than none.
    #[must_use]
    pub fn of_days(days: i32) -> Self {
        Self { days: days.max(0), seconds: 0 }
    }

    /// When something that begins then is over.
    #[must_use]
    pub fn after(self, civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
        let day = civil.checked_add(i64::from(self.days).days()).ok()?;
        timestamp(day, zone)?.checked_add(SignedDuration::from_secs(self.seconds)).ok()
    }

    /// About as long, rounded up to whole days.
    #[must_use]
    pub fn in_days(self) -> i64 {
        i64::from(self.days).saturating_add(self.seconds / 86_400).saturating_add(1)
    }
}
