//! Calendar events. Titles and attendees are not stored, because nothing needs them.

use jiff::tz::TimeZone;

use super::datetime::{CalDateTime, CalDuration};
use super::overrides::Overrides;
use super::rule::RecurrenceRule;

/// The instances of an event or a to-do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecurrenceSet {
    /// The first instance.
    pub start: CalDateTime,
    pub duration: CalDuration,
    pub rules: Vec<RecurrenceRule>,
    /// Additional instances. A period has its own duration.
    pub rdates: Vec<(CalDateTime, Option<CalDuration>)>,
    /// Excluded instances.
    pub exdates: Vec<CalDateTime>,
}

impl RecurrenceSet {
    pub const fn once(start: CalDateTime, duration: CalDuration) -> Self {
        Self { start, duration, rules: Vec::new(), rdates: Vec::new(), exdates: Vec::new() }
    }

    pub const fn is_recurring(&self) -> bool {
        !self.rules.is_empty() || !self.rdates.is_empty()
    }

    pub(super) fn exclusions(&self, home: &TimeZone) -> Overrides<()> {
        Overrides::new(self.exdates.iter().map(|date| (date.clone(), ())), &self.start, home)
    }
}

/// RECURRENCE-ID: the instance that an event or a to-do replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The start of the instance by the rules of its series.
    pub original: CalDateTime,
    /// RANGE=THISANDFUTURE: all later instances change in the same way.
    pub and_future: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Shared by a series and its overrides.
    pub uid: String,
    /// Of two versions, the one with the higher number is newer.
    pub sequence: i64,
    pub recurrence_id: Option<Override>,
    pub recurrence: RecurrenceSet,
    /// Not marked as free, and not declined by the user.
    pub is_busy: bool,
    pub is_cancelled: bool,
}
