//! Recurrence rules (RFC 5545, RRULE).

use jiff::civil::{DateTime, Weekday};

use super::datetime::CalDateTime;

/// From the longest to the shortest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
    Minutely,
    Secondly,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleEnd {
    Never,
    /// After this many instances.
    Count(u32),
    /// The last time that may be an instance.
    Until(CalDateTime),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NthWeekday {
    /// 1 is the first in the month or year, -1 the last; `None` every one.
    pub ordinal: Option<i16>,
    pub weekday: Weekday,
}

/// An empty list sets no limit. Negative numbers count from the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecurrenceRule {
    pub frequency: Frequency,
    /// 0 counts as 1.
    pub interval: u32,
    pub end: RuleEnd,
    /// BYSECOND, 0 to 59.
    pub seconds: Vec<u8>,
    /// BYMINUTE, 0 to 59.
    pub minutes: Vec<u8>,
    /// BYHOUR, 0 to 23.
    pub hours: Vec<u8>,
    /// BYDAY.
    pub weekdays: Vec<NthWeekday>,
    /// BYMONTHDAY.
    pub month_days: Vec<i8>,
    /// BYYEARDAY.
    pub year_days: Vec<i16>,
    /// BYWEEKNO.
    pub weeks: Vec<i8>,
    /// BYMONTH, 1 to 12.
    pub months: Vec<u8>,
    /// BYSETPOS, within one period of the frequency.
    pub positions: Vec<i32>,
    pub week_start: Weekday,
}

impl RecurrenceRule {
    pub const fn new(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: 1,
            end: RuleEnd::Never,
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

    /// Fills the parts that the rule omits from its first instance: a yearly rule without days recurs on the same date.
    pub(super) fn with_defaults_from(&self, start: DateTime) -> Self {
        let mut rule = self.clone();
        let has_days = !(rule.weekdays.is_empty() && rule.month_days.is_empty() && rule.year_days.is_empty());
        let weekday = NthWeekday { ordinal: None, weekday: start.weekday() };
        match rule.frequency {
            _ if has_days => {}
            Frequency::Yearly if !rule.weeks.is_empty() => rule.weekdays.push(weekday),
            Frequency::Yearly => {
                if rule.months.is_empty() {
                    rule.months.push(start.month().unsigned_abs());
                }
                rule.month_days.push(start.day());
            }
            Frequency::Monthly => rule.month_days.push(start.day()),
            Frequency::Weekly => rule.weekdays.push(weekday),
            _ => {}
        }
        let fill = |values: &mut Vec<u8>, unit: Frequency, default: i8| {
            if values.is_empty() && rule.frequency < unit {
                values.push(default.unsigned_abs());
            }
            values.sort_unstable();
            values.dedup();
        };
        fill(&mut rule.hours, Frequency::Hourly, start.hour());
        fill(&mut rule.minutes, Frequency::Minutely, start.minute());
        fill(&mut rule.seconds, Frequency::Secondly, start.second());
        rule
    }
}
