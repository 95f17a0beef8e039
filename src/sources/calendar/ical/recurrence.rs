//! Recurrence properties: RRULE, RDATE, EXDATE and RECURRENCE-ID.

use calcard::common::CalendarScale;
use calcard::icalendar::{
    ICalendarComponent, ICalendarEntry, ICalendarFrequency, ICalendarParameterName, ICalendarPeriod, ICalendarProperty,
    ICalendarRecurrenceRule, ICalendarSkip, ICalendarValue, ICalendarWeekday,
};
use jiff::civil::Weekday;

use super::property::{ComponentError, duration_between, to_duration};
use super::zones::Zones;
use crate::core::calendar::datetime::{CalDateTime, CalDuration};
use crate::core::calendar::event::{Override, RecurrenceSet};
use crate::core::calendar::rule::{Frequency, NthWeekday, RecurrenceRule, RuleEnd};

/// RDATE and EXDATE together.
const MAX_DATES: usize = 5000;

const MAX_RULES: usize = 20;

pub(super) fn recurrence_set(
    component: &ICalendarComponent,
    start: CalDateTime,
    duration: CalDuration,
    zones: &mut Zones,
) -> Result<RecurrenceSet, ComponentError> {
    let mut set = RecurrenceSet::once(start, duration);
    for entry in &component.entries {
        match entry.name {
            ICalendarProperty::Rrule => {
                for value in &entry.values {
                    let ICalendarValue::RecurrenceRule(rule) = value else {
                        return Err(ComponentError::Invalid("its recurrence rule is invalid"));
                    };
                    set.rules.push(to_rule(rule, entry, zones)?);
                }
            }
            ICalendarProperty::Rdate => set.rdates.extend(dates(entry, zones)?),
            ICalendarProperty::Exdate => set.exdates.extend(dates(entry, zones)?.into_iter().map(|(date, _)| date)),
            _ => {}
        }
        if set.rdates.len() + set.exdates.len() > MAX_DATES || set.rules.len() > MAX_RULES {
            return Err(ComponentError::Invalid("it lists too many dates or rules"));
        }
    }
    Ok(set)
}

/// Invalid dates are ignored.
fn dates(entry: &ICalendarEntry, zones: &mut Zones) -> Result<Vec<(CalDateTime, Option<CalDuration>)>, ComponentError> {
    let mut dates = Vec::new();
    for value in entry.values.iter().take(MAX_DATES + 1) {
        let date = match value {
            ICalendarValue::PartialDateTime(date) => zones.resolve(date, entry).map(|date| (date, None)),
            ICalendarValue::Period(ICalendarPeriod::Duration { start, duration }) => {
                zones.resolve(start, entry).map(|start| (start, Some(to_duration(duration))))
            }
            ICalendarValue::Period(ICalendarPeriod::Range { start, end }) => {
                zones.resolve(start, entry).and_then(|start| {
                    let duration = duration_between(&start, &zones.resolve(end, entry)?);
                    Ok((start, Some(duration)))
                })
            }
            _ => continue,
        };
        match date {
            Ok(date) => dates.push(date),
            Err(ComponentError::UnknownZone) => return Err(ComponentError::UnknownZone),
            Err(ComponentError::Invalid(_)) => {}
        }
    }
    Ok(dates)
}

pub(super) fn recurrence_id(
    component: &ICalendarComponent,
    zones: &mut Zones,
) -> Result<Option<Override>, ComponentError> {
    let Some(original) = zones.datetime(component, &ICalendarProperty::RecurrenceId)? else { return Ok(None) };
    // THISANDFUTURE is the only value of RANGE.
    let entry = component.property(&ICalendarProperty::RecurrenceId);
    let and_future = entry.is_some_and(|entry| entry.has_parameter(&ICalendarParameterName::Range));
    Ok(Some(Override { original, and_future }))
}

fn to_rule(
    rule: &ICalendarRecurrenceRule,
    entry: &ICalendarEntry,
    zones: &mut Zones,
) -> Result<RecurrenceRule, ComponentError> {
    if rule.rscale.as_ref().is_some_and(|scale| *scale != CalendarScale::Gregorian) {
        return Err(ComponentError::Invalid("its recurrence rule is not for the Gregorian calendar"));
    }
    if rule.skip.is_some_and(|skip| skip != ICalendarSkip::Omit) {
        return Err(ComponentError::Invalid("its recurrence rule moves dates that do not exist (SKIP)"));
    }
    let end = match (&rule.until, rule.count) {
        (_, Some(count)) => RuleEnd::Count(count),
        (Some(until), None) => RuleEnd::Until(zones.resolve(until, entry)?),
        (None, None) => RuleEnd::Never,
    };
    let nth = |ordinal, weekday| NthWeekday { ordinal, weekday: to_weekday(weekday) };
    Ok(RecurrenceRule {
        interval: rule.interval.unwrap_or(1).into(),
        end,
        // A leap second counts as the second before it.
        seconds: rule.bysecond.iter().map(|second| if *second == 60 { 59 } else { *second }).collect(),
        minutes: rule.byminute.clone(),
        hours: rule.byhour.clone(),
        weekdays: rule.byday.iter().map(|day| nth(day.ordwk, day.weekday)).collect(),
        month_days: rule.bymonthday.clone(),
        year_days: rule.byyearday.clone(),
        weeks: rule.byweekno.clone(),
        months: rule.bymonth.iter().map(|month| month.month()).collect(),
        positions: rule.bysetpos.clone(),
        week_start: rule.wkst.map_or(Weekday::Monday, to_weekday),
        ..RecurrenceRule::new(to_frequency(rule.freq))
    })
}

const fn to_frequency(frequency: ICalendarFrequency) -> Frequency {
    match frequency {
        ICalendarFrequency::Yearly => Frequency::Yearly,
        ICalendarFrequency::Monthly => Frequency::Monthly,
        ICalendarFrequency::Weekly => Frequency::Weekly,
        ICalendarFrequency::Daily => Frequency::Daily,
        ICalendarFrequency::Hourly => Frequency::Hourly,
        ICalendarFrequency::Minutely => Frequency::Minutely,
        ICalendarFrequency::Secondly => Frequency::Secondly,
    }
}

const fn to_weekday(weekday: ICalendarWeekday) -> Weekday {
    match weekday {
        ICalendarWeekday::Monday => Weekday::Monday,
        ICalendarWeekday::Tuesday => Weekday::Tuesday,
        ICalendarWeekday::Wednesday => Weekday::Wednesday,
        ICalendarWeekday::Thursday => Weekday::Thursday,
        ICalendarWeekday::Friday => Weekday::Friday,
        ICalendarWeekday::Saturday => Weekday::Saturday,
        ICalendarWeekday::Sunday => Weekday::Sunday,
    }
}
