//! When something comes again: a rule and its first time, walked step by step on the calendar and the clock of one place.
//!
//! Days of a zone's clock change need no care here: what the clock shows is turned into points in time afterwards.

use std::ops::{ControlFlow, Range};

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::days::{fits, start_of_week};
use super::rule::{End, Frequency, Rule};
use super::{Budget, BudgetExceeded};

/// Walk through the times of a rule that lie in `range`, in their order, until `found` breaks off. `is_past` tells whether a time
/// lies after the rule's UNTIL; it is asked for those beyond the range too.
///
/// # Errors
/// `BudgetExceeded` when that would be more work than allowed.
pub fn walk(
    rule: &Rule,
    start: DateTime,
    range: &Range<DateTime>,
    work: &mut Budget,
    is_past: &dyn Fn(DateTime) -> bool,
    found: &mut dyn FnMut(DateTime) -> ControlFlow<()>,
) -> Result<(), BudgetExceeded> {
    let rule = rule.completed_from(start);
    let mut left = match rule.end {
        End::Times(times) => Some(times),
        _ => None,
    };
    let mut tell = |at: DateTime| {
        if at < start {
            return ControlFlow::Continue(());
        }
        if is_past(at) || at >= range.end || left == Some(0) {
            return ControlFlow::Break(());
        }
        left = left.map(|left| left - 1);
        if at < range.start { ControlFlow::Continue(()) } else { found(at) }
    };
    // Where all are to be counted, the walk cannot begin later.
    let from = if matches!(rule.end, End::Times(_)) { start } else { range.start.max(start) };
    if rule.every <= Frequency::Daily {
        by_days(&rule, start, from, range.end, work, &mut tell)
    } else {
        by_time(&rule, start, from, range.end, work, &mut tell)
    }
}

/// Steps of a day or longer: the days of each step that fit, at the times that fit.
fn by_days(
    rule: &Rule,
    start: DateTime,
    from: DateTime,
    end: DateTime,
    work: &mut Budget,
    tell: &mut dyn FnMut(DateTime) -> ControlFlow<()>,
) -> Result<(), BudgetExceeded> {
    let interval = i64::from(rule.interval.max(1));
    let mut number = steps_between(rule, start.date(), from.date()) / interval;
    loop {
        let Some((first, last)) = step(rule, start.date(), number.saturating_mul(interval)) else { return Ok(()) };
        if first > end.date() {
            return Ok(());
        }
        let mut days = Vec::new();
        let mut day = first;
        while day <= last {
            work.spend(1)?;
            if fits(rule, day) {
                days.push(day);
            }
            let Some(next) = next_day(rule, day) else { break };
            day = next;
        }
        let moments = days.iter().flat_map(|day| times(rule).map(|time| day.to_datetime(time)));
        if tell_chosen(rule, moments, work, tell)?.is_break() {
            return Ok(());
        }
        number += 1;
    }
}

/// How many whole steps of one unit lie between two days, less one, so that none is missed.
fn steps_between(rule: &Rule, start: Date, from: Date) -> i64 {
    let days = || start.until(from).map_or(0, |span| i64::from(span.get_days()));
    let years = || i64::from(from.year()) - i64::from(start.year());
    let steps = match rule.every {
        Frequency::Yearly => years(),
        Frequency::Monthly => years() * 12 + i64::from(from.month()) - i64::from(start.month()),
        Frequency::Weekly => days() / 7,
        _ => days(),
    };
    (steps - 1).max(0)
}

/// First and last day of the step that lies so many units after the first.
fn step(rule: &Rule, start: Date, units: i64) -> Option<(Date, Date)> {
    match rule.every {
        Frequency::Yearly => {
            let year = i16::try_from(i64::from(start.year()).checked_add(units)?).ok()?;
            Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?))
        }
        Frequency::Monthly => {
            let month = i64::from(start.month() - 1).checked_add(units)?;
            let year = i16::try_from(i64::from(start.year()).checked_add(month.div_euclid(12))?).ok()?;
            let first = Date::new(year, i8::try_from(month.rem_euclid(12) + 1).ok()?, 1).ok()?;
            Some((first, first.last_of_month()))
        }
        Frequency::Weekly => {
            let first = after(start_of_week(start, rule.week_start)?, units.checked_mul(7)?)?;
            Some((first, after(first, 6)?))
        }
        _ => after(start, units).map(|day| (day, day)),
    }
}

fn after(day: Date, days: i64) -> Option<Date> {
    // No calendar has so many days; jiff's spans refuse more.
    let days = i32::try_from(days).ok()?;
    day.checked_add(days.days()).ok()
}

/// The day to look at next: of months that the rule does not name, only the first.
fn next_day(rule: &Rule, day: Date) -> Option<Date> {
    let is_named = rule.months.is_empty() || rule.months.contains(&day.month().unsigned_abs());
    if is_named { day.tomorrow().ok() } else { day.last_of_month().tomorrow().ok() }
}

/// The times of a day, in order.
fn times(rule: &Rule) -> impl Iterator<Item = Time> {
    rule.hours.iter().flat_map(move |hour| {
        rule.minutes
            .iter()
            .flat_map(move |minute| rule.seconds.iter().filter_map(move |second| time(*hour, *minute, *second)))
    })
}

fn time(hour: u8, minute: u8, second: u8) -> Option<Time> {
    let number = |number: u8| i8::try_from(number).ok();
    Time::new(number(hour)?, number(minute)?, number(second)?, 0).ok()
}

/// Tell those of a step that BYSETPOS leaves. A year has more seconds than are kept at once: each is paid for before it is.
fn tell_chosen(
    rule: &Rule,
    all: impl Iterator<Item = DateTime>,
    work: &mut Budget,
    tell: &mut dyn FnMut(DateTime) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, BudgetExceeded> {
    let mut step = Vec::new();
    for at in all {
        work.spend(1)?;
        if !rule.positions.is_empty() {
            step.push(at);
        } else if tell(at).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(chosen(rule, &step).into_iter().try_for_each(tell))
}

/// Those of a step that stand at the places that BYSETPOS names.
fn chosen(rule: &Rule, all: &[DateTime]) -> Vec<DateTime> {
    let place = |position: &i32| {
        let place = usize::try_from(position.unsigned_abs()).ok()?.checked_sub(1)?;
        if *position > 0 { Some(place) } else { all.len().checked_sub(place + 1) }
    };
    let mut places: Vec<usize> = rule.positions.iter().filter_map(place).collect();
    places.sort_unstable();
    places.dedup();
    places.into_iter().filter_map(|place| all.get(place).copied()).collect()
}

/// Steps shorter than a day, counted in seconds on the clock.
fn by_time(
    rule: &Rule,
    start: DateTime,
    from: DateTime,
    end: DateTime,
    work: &mut Budget,
    tell: &mut dyn FnMut(DateTime) -> ControlFlow<()>,
) -> Result<(), BudgetExceeded> {
    let unit = match rule.every {
        Frequency::Hourly => 3600,
        Frequency::Minutely => 60,
        _ => 1,
    };
    let Some((first, from)) = seconds(start).zip(seconds(from)) else { return Ok(()) };
    // The last day of the calendar has no seconds any more.
    let end = seconds(end).unwrap_or(Timestamp::MAX.as_second());
    let first = first - first.rem_euclid(unit);
    let interval = unit * i64::from(rule.interval.max(1));
    let at_or_after = |second: i64| first + (second - first + interval - 1).div_euclid(interval).max(0) * interval;
    let mut at = at_or_after(from - unit);
    while at < end {
        work.spend(1)?;
        let Some(moment) = on_the_clock(at) else { return Ok(()) };
        let skip_to = match () {
            () if !fits(rule, moment.date()) => at - at.rem_euclid(86_400) + 86_400,
            () if lacks(&rule.hours, moment.hour()) => at - at.rem_euclid(3600) + 3600,
            () if unit < 3600 && lacks(&rule.minutes, moment.minute()) => at - at.rem_euclid(60) + 60,
            () if unit < 60 && lacks(&rule.seconds, moment.second()) => at + 1,
            () => {
                if tell_chosen(rule, within(rule, moment), work, tell)?.is_break() {
                    return Ok(());
                }
                at + 1
            }
        };
        at = at_or_after(skip_to);
    }
    Ok(())
}

fn lacks(named: &[u8], number: i8) -> bool {
    !named.is_empty() && !named.contains(&number.unsigned_abs())
}

/// The moments of a step that is shorter than a day.
fn within(rule: &Rule, step: DateTime) -> impl Iterator<Item = DateTime> {
    let [hour, own_minute, own_second] = [step.hour(), step.minute(), step.second()].map(i8::unsigned_abs);
    let minutes = if rule.every < Frequency::Minutely { rule.minutes.clone() } else { vec![own_minute] };
    let seconds = if rule.every < Frequency::Secondly { rule.seconds.clone() } else { vec![own_second] };
    minutes.into_iter().flat_map(move |minute| {
        let times = seconds.clone().into_iter().filter_map(move |second| time(hour, minute, second));
        times.map(move |time| step.date().to_datetime(time))
    })
}

/// Seconds on an imaginary clock without zones.
fn seconds(civil: DateTime) -> Option<i64> {
    Some(civil.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp().as_second())
}

fn on_the_clock(seconds: i64) -> Option<DateTime> {
    Some(Timestamp::from_second(seconds).ok()?.to_zoned_datetime(TimeZone::UTC).datetime())
}
