//! Whether a day is one of those that a rule names.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::rule::{Frequency, Nth, Rule};

/// Whether the rule allows this day, whatever its step.
pub(super) fn fits(rule: &Rule, day: Date) -> bool {
    let month = day.month().unsigned_abs();
    (rule.months.is_empty() || rule.months.contains(&month))
        && (rule.weekdays.is_empty() || rule.weekdays.iter().any(|nth| is_nth(rule, *nth, day)))
        && (rule.month_days.is_empty() || is_one_of(&rule.month_days, day.day().into(), day.days_in_month().into()))
        && (rule.year_days.is_empty() || is_one_of(&rule.year_days, day.day_of_year(), day.days_in_year()))
        && (rule.weeks.is_empty() || is_in_weeks(rule, day))
}

/// Whether the `number`th of so many is named, from the front or from the back.
fn is_one_of<T: Copy + Into<i32>>(named: &[T], number: i16, of: i16) -> bool {
    let (number, of) = (i32::from(number), i32::from(of));
    named.iter().any(|named| {
        let named: i32 = (*named).into();
        named == number || named == number - of - 1
    })
}

/// The second Friday is that of the month, or of the year where the rule names no months. For shorter steps it is any Friday.
fn is_nth(rule: &Rule, nth: Nth, day: Date) -> bool {
    if day.weekday() != nth.day {
        return false;
    }
    let Some(which) = nth.which else { return true };
    let (number, of) = match rule.every {
        Frequency::Monthly => (i16::from(day.day()), i16::from(day.days_in_month())),
        Frequency::Yearly if !rule.months.is_empty() => (i16::from(day.day()), i16::from(day.days_in_month())),
        Frequency::Yearly => (day.day_of_year(), day.days_in_year()),
        _ => return true,
    };
    let (from_front, from_back) = ((number - 1) / 7 + 1, -((of - number) / 7 + 1));
    which == from_front || which == from_back
}

/// The first week of a year is the first with at least four of its days.
fn is_in_weeks(rule: &Rule, day: Date) -> bool {
    let first = |year: i16| {
        let fourth = Date::new(year, 1, 4).ok()?;
        start_of_week(fourth, rule.week_start)
    };
    let number = || {
        let year = day.year();
        let next = first(year.checked_add(1)?)?;
        let this = first(year)?;
        let (from, to) = if day >= next {
            (next, first(year.checked_add(2)?)?)
        } else if day >= this {
            (this, next)
        } else {
            (first(year.checked_sub(1)?)?, this)
        };
        let weeks = |until: Date| i16::try_from(from.until(until).ok()?.get_days() / 7).ok();
        Some((weeks(day)? + 1, weeks(to)?))
    };
    number().is_some_and(|(number, of)| is_one_of(&rule.weeks, number, of))
}

/// The first day of the week that `day` lies in.
pub(super) fn start_of_week(day: Date, week_start: Weekday) -> Option<Date> {
    let past = day.weekday().since(week_start);
    day.checked_sub(i64::from(past).days()).ok()
}
