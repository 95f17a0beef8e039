//! Expands a recurrence rule into local times. Clock changes play no part here: the caller converts local times to timestamps.

use std::ops::{ControlFlow, Range};

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::by_day::{first_day_of_week, matches_day};
use super::datetime::{CalDateTime, timestamp_in};
use super::rule::{Frequency, RecurrenceRule, RuleEnd};
use super::{Budget, BudgetExceeded};

type Visit<'a> = &'a mut dyn FnMut(DateTime) -> ControlFlow<()>;

/// Visits the instances of `rule` within `range` in order, until `visit` breaks. `start` is the first instance.
pub(super) fn expand(
    rule: &RecurrenceRule,
    start: &CalDateTime,
    home: &TimeZone,
    range: &Range<DateTime>,
    budget: &mut Budget,
    visit: Visit<'_>,
) -> Result<(), BudgetExceeded> {
    let first = start.civil();
    let rule = &rule.with_defaults_from(first);
    let (mut instances_left, until) = match &rule.end {
        RuleEnd::Never => (None, None),
        RuleEnd::Count(count) => (Some(*count), None),
        RuleEnd::Until(until) => (None, Some(until)),
    };
    // COUNT counts from the first instance.
    let from = if instances_left.is_some() { first } else { range.start.max(first) };
    let mut visit_in_range = |civil: DateTime| {
        if civil < first {
            return ControlFlow::Continue(());
        }
        let is_past_until = until.is_some_and(|until| is_after(civil, until, start, home));
        if is_past_until || civil >= range.end || instances_left == Some(0) {
            return ControlFlow::Break(());
        }
        instances_left = instances_left.map(|count| count - 1);
        if civil < range.start { ControlFlow::Continue(()) } else { visit(civil) }
    };
    let expansion = Expansion { rule, first, from, end: range.end };
    if rule.frequency <= Frequency::Daily {
        expansion.by_days(budget, &mut visit_in_range)
    } else {
        expansion.by_time(budget, &mut visit_in_range)
    }
}

/// Whether an instance lies after UNTIL. A day ends at midnight.
fn is_after(civil: DateTime, until: &CalDateTime, start: &CalDateTime, home: &TimeZone) -> bool {
    match (until, start) {
        (CalDateTime::Day(day), _) => civil.date() > *day,
        (CalDateTime::Floating(until), _) => civil > *until,
        (CalDateTime::Zoned(..), CalDateTime::Day(_)) => civil.date() > until.civil_in(home).date(),
        (CalDateTime::Zoned(..), _) => timestamp_in(start.zone(home), civil) > until.timestamp(home),
    }
}

struct Expansion<'a> {
    rule: &'a RecurrenceRule,
    first: DateTime,
    from: DateTime,
    end: DateTime,
}

impl Expansion<'_> {
    /// Frequencies of a day or longer: every matching day of a period, at every matching time.
    fn by_days(&self, budget: &mut Budget, visit: Visit<'_>) -> Result<(), BudgetExceeded> {
        let interval = i64::from(self.rule.interval.max(1));
        let mut step = self.units_before_range() / interval;
        while let Some((first, last)) = self.period(step.saturating_mul(interval)) {
            if first > self.end.date() {
                break;
            }
            let mut days = Vec::new();
            let mut day = first;
            while day <= last {
                budget.spend(1)?;
                if matches_day(self.rule, day) {
                    days.push(day);
                }
                let Some(next) = self.next_day(day) else { break };
                day = next;
            }
            let times = days.iter().flat_map(|day| self.times_of_day().map(|time| day.to_datetime(time)));
            if self.visit_selected(times, budget, visit)?.is_break() {
                break;
            }
            step += 1;
        }
        Ok(())
    }

    /// The whole periods between the first instance and the range, less one: the period in progress counts too.
    fn units_before_range(&self) -> i64 {
        let (first, from) = (self.first.date(), self.from.date());
        let days = || first.until(from).map_or(0, |span| i64::from(span.get_days()));
        let years = || i64::from(from.year()) - i64::from(first.year());
        let units = match self.rule.frequency {
            Frequency::Yearly => years(),
            Frequency::Monthly => years() * 12 + i64::from(from.month()) - i64::from(first.month()),
            Frequency::Weekly => days() / 7,
            _ => days(),
        };
        (units - 1).max(0)
    }

    /// First and last day of the period that lies `units` after the first.
    fn period(&self, units: i64) -> Option<(Date, Date)> {
        let first = self.first.date();
        match self.rule.frequency {
            Frequency::Yearly => {
                let year = i16::try_from(i64::from(first.year()).checked_add(units)?).ok()?;
                Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?))
            }
            Frequency::Monthly => {
                let month = i64::from(first.month() - 1).checked_add(units)?;
                let year = i16::try_from(i64::from(first.year()).checked_add(month.div_euclid(12))?).ok()?;
                let first = Date::new(year, i8::try_from(month.rem_euclid(12) + 1).ok()?, 1).ok()?;
                Some((first, first.last_of_month()))
            }
            Frequency::Weekly => {
                let first = add_days(first_day_of_week(first, self.rule.week_start)?, units.checked_mul(7)?)?;
                Some((first, add_days(first, 6)?))
            }
            _ => add_days(first, units).map(|day| (day, day)),
        }
    }

    /// Skips months that BYMONTH does not list.
    fn next_day(&self, day: Date) -> Option<Date> {
        let months = &self.rule.months;
        let is_listed = months.is_empty() || months.contains(&day.month().unsigned_abs());
        if is_listed { day.tomorrow().ok() } else { day.last_of_month().tomorrow().ok() }
    }

    fn times_of_day(&self) -> impl Iterator<Item = Time> {
        let RecurrenceRule { hours, minutes, seconds, .. } = self.rule;
        hours.iter().flat_map(move |hour| {
            minutes
                .iter()
                .flat_map(move |minute| seconds.iter().filter_map(move |second| new_time(*hour, *minute, *second)))
        })
    }

    /// Visits the times of one period, or those at the positions of BYSETPOS. A yearly rule may list every second of the year: each
    /// time is paid for before it is stored.
    fn visit_selected(
        &self,
        times: impl Iterator<Item = DateTime>,
        budget: &mut Budget,
        visit: Visit<'_>,
    ) -> Result<ControlFlow<()>, BudgetExceeded> {
        let mut period = Vec::new();
        for time in times {
            budget.spend(1)?;
            if !self.rule.positions.is_empty() {
                period.push(time);
            } else if visit(time).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(at_positions(&self.rule.positions, &period).into_iter().try_for_each(visit))
    }

    /// Frequencies shorter than a day, counted in seconds of local time.
    fn by_time(&self, budget: &mut Budget, visit: Visit<'_>) -> Result<(), BudgetExceeded> {
        let rule = self.rule;
        let unit = match rule.frequency {
            Frequency::Hourly => 3600,
            Frequency::Minutely => 60,
            _ => 1,
        };
        let Some((first, from)) = to_seconds(self.first).zip(to_seconds(self.from)) else { return Ok(()) };
        // `DateTime::MAX` has no timestamp.
        let end = to_seconds(self.end).unwrap_or(Timestamp::MAX.as_second());
        let first = first - first.rem_euclid(unit);
        let interval = unit * i64::from(rule.interval.max(1));
        let step_from = |second: i64| first + (second - first + interval - 1).div_euclid(interval).max(0) * interval;
        let mut at = step_from(from - unit);
        while at < end {
            budget.spend(1)?;
            let Some(civil) = from_seconds(at) else { return Ok(()) };
            let next = if !matches_day(rule, civil.date()) {
                at - at.rem_euclid(86_400) + 86_400
            } else if !allows(&rule.hours, civil.hour()) {
                at - at.rem_euclid(3600) + 3600
            } else if unit < 3600 && !allows(&rule.minutes, civil.minute()) {
                at - at.rem_euclid(60) + 60
            } else {
                let is_allowed = unit >= 60 || allows(&rule.seconds, civil.second());
                if is_allowed && self.visit_selected(self.times_of_step(civil), budget, visit)?.is_break() {
                    return Ok(());
                }
                at + 1
            };
            at = step_from(next);
        }
        Ok(())
    }

    fn times_of_step(&self, step: DateTime) -> impl Iterator<Item = DateTime> {
        let rule = self.rule;
        let [hour, minute, second] = [step.hour(), step.minute(), step.second()].map(i8::unsigned_abs);
        let minutes = if rule.frequency < Frequency::Minutely { rule.minutes.clone() } else { vec![minute] };
        let seconds = if rule.frequency < Frequency::Secondly { rule.seconds.clone() } else { vec![second] };
        minutes.into_iter().flat_map(move |minute| {
            let times = seconds.clone().into_iter().filter_map(move |second| new_time(hour, minute, second));
            times.map(move |time| step.date().to_datetime(time))
        })
    }
}

fn add_days(day: Date, days: i64) -> Option<Date> {
    // `ToSpan` panics beyond the range of a span.
    let days = i32::try_from(days).ok()?;
    day.checked_add(days.days()).ok()
}

fn new_time(hour: u8, minute: u8, second: u8) -> Option<Time> {
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?, 0).ok()
}

fn at_positions(positions: &[i32], period: &[DateTime]) -> Vec<DateTime> {
    let index = |position: &i32| {
        let offset = usize::try_from(position.unsigned_abs()).ok()?.checked_sub(1)?;
        if *position > 0 { Some(offset) } else { period.len().checked_sub(offset + 1) }
    };
    let mut indexes: Vec<usize> = positions.iter().filter_map(index).collect();
    indexes.sort_unstable();
    indexes.dedup();
    indexes.into_iter().filter_map(|index| period.get(index).copied()).collect()
}

fn allows(list: &[u8], number: i8) -> bool {
    list.is_empty() || list.contains(&number.unsigned_abs())
}

/// Seconds of local time, as if it were UTC.
fn to_seconds(civil: DateTime) -> Option<i64> {
    Some(civil.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp().as_second())
}

fn from_seconds(seconds: i64) -> Option<DateTime> {
    Some(Timestamp::from_second(seconds).ok()?.to_zoned_datetime(TimeZone::UTC).datetime())
}
