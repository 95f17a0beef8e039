//! A recurrence rule (RFC 5545, RECUR): how often something comes again, and on which days and times.

use jiff::civil::{DateTime, Weekday};

use crate::core::calendar::datetime::CalDateTime;

/// The step of a rule, from the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frequency {
    /// Years.
    Yearly,
    /// Months.
    Monthly,
    /// Weeks.
    Weekly,
    /// Days.
    Daily,
    /// Hours.
    Hourly,
    /// Minutes.
    Minutely,
    /// Seconds.
    Secondly,
}

/// When something no longer comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Never.
    Never,
    /// After so many times.
    Times(u32),
    /// After this moment, which is the last that counts.
    Until(CalDateTime),
}

/// A day of the week, or a certain one of a month or year: the second (2), the last (-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nth {
    /// Which one, counted from 1, or from -1 backwards; none: every one.
    pub which: Option<i16>,
    /// The day.
    pub day: Weekday,
}

/// A rule. An empty list limits nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The step.
    pub every: Frequency,
    /// How many of them at a time; 0 counts as 1.
    pub interval: u32,
    /// When it ends.
    pub end: End,
    /// BYSECOND, 0 to 59.
    pub seconds: Vec<u8>,
    /// BYMINUTE, 0 to 59.
    pub minutes: Vec<u8>,
    /// BYHOUR, 0 to 23.
    pub hours: Vec<u8>,
    /// BYDAY.
    pub weekdays: Vec<Nth>,
    /// BYMONTHDAY, counted from 1, or from -1 backwards.
    pub month_days: Vec<i8>,
    /// BYYEARDAY, likewise.
    pub year_days: Vec<i16>,
    /// BYWEEKNO, likewise.
    pub weeks: Vec<i8>,
    /// BYMONTH, 1 to 12.
    pub months: Vec<u8>,
    /// BYSETPOS, counted from 1, or from -1 backwards, within each step.
    pub positions: Vec<i32>,
    /// The first day of a week.
    pub week_start: Weekday,
}

impl Rule {
    /// A rule without limits.
    #[must_use]
    pub const fn every(step: Frequency) -> Self {
        Self {
            every: step,
            interval: 1,
            end: End::Never,
            seconds: Vec::new(),
            minutes: Vec::new(),
            hours: Vec::new(),
            weekdays: Vec::new(),
            month_days: Vec::new(),
            year_days: Vec::new(),
            weeks: Vec::new(),
            months: Vec::new(),
            positions: Vec::new(),
            week_start: Weekday::Monday,
        }
    }

    /// With what a rule leaves open taken from its first time: a yearly one without days comes on the same date.
    pub(super) fn completed_from(&self, start: DateTime) -> Self {
        let mut rule = self.clone();
        let names_days = !(rule.weekdays.is_empty() && rule.month_days.is_empty() && rule.year_days.is_empty());
        let weekday = Nth { which: None, day: start.weekday() };
        match rule.every {
            Frequency::Yearly if !rule.weeks.is_empty() && !names_days => rule.weekdays.push(weekday),
            Frequency::Yearly if !names_days => {
                if rule.months.is_empty() {
                    rule.months.push(start.month().unsigned_abs());
                }
                rule.month_days.push(start.day());
            }
            Frequency::Monthly if !names_days => rule.month_days.push(start.day()),
            Frequency::Weekly if !names_days => rule.weekdays.push(weekday),
            _ => {}
        }
        let fill = |times: &mut Vec<u8>, shorter_than: Frequency, from_start: i8| {
            if times.is_empty() && rule.every < shorter_than {
                times.push(from_start.unsigned_abs());
            }
            times.sort_unstable();
            times.dedup();
        };
        fill(&mut rule.hours, Frequency::Hourly, start.hour());
        fill(&mut rule.minutes, Frequency::Minutely, start.minute());
        fill(&mut rule.seconds, Frequency::Secondly, start.second());
        rule
    }
}
