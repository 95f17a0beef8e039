//! An event as its calendar holds it. Neither its title nor who takes part is kept: nothing here needs them.

use super::rule::Rule;
use crate::core::calendar::datetime::{CalDateTime, CalDuration};

/// When something happens, and when again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// The first time.
    pub start: CalDateTime,
    /// How long each time lasts.
    pub length: CalDuration,
    /// How it comes again.
    pub rules: Vec<Rule>,
    /// Further times, with a length of their own if they have one.
    pub also: Vec<(CalDateTime, Option<CalDuration>)>,
    /// Times that are left out.
    pub except: Vec<CalDateTime>,
}

impl Times {
    /// Something that happens once.
    #[must_use]
    pub const fn once(start: CalDateTime, length: CalDuration) -> Self {
        Self { start, length, rules: Vec::new(), also: Vec::new(), except: Vec::new() }
    }

    /// Whether it happens more than once.
    #[must_use]
    pub const fn comes_again(&self) -> bool {
        !self.rules.is_empty() || !self.also.is_empty()
    }
}

/// Which time of a series something takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The time as the series has it.
    pub of: CalDateTime,
    /// Whether all later times change in the same way.
    pub and_later: bool,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What the calendar knows it by; a series and its exceptions share it.
    pub uid: String,
    /// The version of the event: a higher one is the newer.
    pub sequence: i64,
    /// Set in an exception to a series.
    pub instead: Option<Override>,
    /// When it happens.
    pub times: Times,
    /// Whether it takes the person's time: it is not marked as free, and the person did not decline.
    pub takes_time: bool,
    /// Whether it does not take place.
    pub cancelled: bool,
}
