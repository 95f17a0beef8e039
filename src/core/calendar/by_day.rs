//! The BYxxx parts of a recurrence rule that select days.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::rule::{Frequency, NthWeekday, RecurrenceRule};

/// Whether the rule's BYxxx parts allow `day`. Frequency and interval do not count here.
pub(super) fn matches_day(rule: &RecurrenceRule, day: Date) -> bool {
    let month = day.month().unsigned_abs();
    (rule.months.is_empty() || rule.months.contains(&month))
        && (rule.weekdays.is_empty() || rule.weekdays.iter().any(|nth| matches_weekday(rule, *nth, day)))
        && (rule.month_days.is_empty() || has_ordinal(&rule.month_days, day.day().into(), day.days_in_month().into()))
        && (rule.year_days.is_empty() || has_ordinal(&rule.year_days, day.day_of_year(), day.days_in_year()))
        && (rule.weeks.is_empty() || matches_week_number(rule, day))
}

/// Whether `ordinals` contain `ordinal`, counted from the start (1…) or from the end (-1…) of `total`.
fn has_ordinal<T: Copy + Into<i32>>(ordinals: &[T], ordinal: i16, total: i16) -> bool {
    let (ordinal, total) = (i32::from(ordinal), i32::from(total));
    ordinals.iter().any(|&wanted| {
        let wanted: i32 = wanted.into();
        wanted == ordinal || wanted == ordinal - total - 1
    })
}

/// The ordinal counts within the month, or within the year for a yearly rule without BYMONTH. Shorter frequencies ignore it.
fn matches_weekday(rule: &RecurrenceRule, nth: NthWeekday, day: Date) -> bool {
    if day.weekday() != nth.weekday {
        return false;
    }
    let Some(wanted) = nth.ordinal else { return true };
    let (number, total) = match rule.frequency {
        Frequency::Yearly if rule.months.is_empty() => (day.day_of_year(), day.days_in_year()),
        Frequency::Yearly | Frequency::Monthly => (i16::from(day.day()), i16::from(day.days_in_month())),
        _ => return true,
    };
    wanted == (number - 1) / 7 + 1 || wanted == -((total - number) / 7 + 1)
}

fn matches_week_number(rule: &RecurrenceRule, day: Date) -> bool {
    week_number(day, rule.week_start).is_some_and(|(number, total)| has_ordinal(&rule.weeks, number, total))
}

/// The week's number and the number of weeks in its year. Week 1 is the first with at least four days in the year.
fn week_number(day: Date, week_start: Weekday) -> Option<(i16, i16)> {
    let first_week = |year: i16| first_day_of_week(Date::new(year, 1, 4).ok()?, week_start);
    let year = day.year();
    let (this, next) = (first_week(year)?, first_week(year.checked_add(1)?)?);
    let (start, end) = if day >= next {
        (next, first_week(year.checked_add(2)?)?)
    } else if day >= this {
        (this, next)
    } else {
        (first_week(year.checked_sub(1)?)?, this)
    };
    let weeks_until = |until: Date| i16::try_from(start.until(until).ok()?.get_days() / 7).ok();
    Some((weeks_until(day)? + 1, weeks_until(end)?))
}

pub(super) fn first_day_of_week(day: Date, week_start: Weekday) -> Option<Date> {
    let days_since = day.weekday().since(week_start);
    day.checked_sub(i64::from(days_since).days()).ok()
}
