//! Properties of a component as our own values.

use std::panic::{AssertUnwindSafe, catch_unwind};

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendarComponent, ICalendarDuration, ICalendarEntry, ICalendarPeriod, ICalendarProperty, ICalendarValue,
};
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};

use super::Refusal;
use super::zones::Zones;
use crate::core::calendar::datetime::{CalDateTime, CalDuration};
use crate::core::calendar::event::{Override, Times};

/// No series names more single days.
const MOST_DAYS: usize = 5000;

/// A name for the same event in all places; longer ones are cut.
const LONGEST_UID: usize = 200;

/// The first value of a property.
pub(crate) fn value<'a>(component: &'a ICalendarComponent, name: &ICalendarProperty) -> Option<&'a ICalendarValue> {
    component.property(name)?.values.first()
}

/// A property's text.
pub(crate) fn text<'a>(component: &'a ICalendarComponent, name: &ICalendarProperty) -> Option<&'a str> {
    value(component, name)?.as_text().map(str::trim).filter(|text| !text.is_empty())
}

/// A property's number.
pub(crate) fn number(component: &ICalendarComponent, name: &ICalendarProperty) -> Option<i64> {
    value(component, name)?.as_integer()
}

/// A property of somebody's own, such as `X-MICROSOFT-CDO-BUSYSTATUS`.
pub(crate) fn own<'a>(component: &'a ICalendarComponent, name: &str) -> Option<&'a str> {
    let is_it = |entry: &&ICalendarEntry| matches!(&entry.name, ICalendarProperty::Other(other) if other.eq_ignore_ascii_case(name));
    component.entries.iter().find(is_it)?.values.first()?.as_text()
}

/// What the calendar knows it by.
pub(crate) fn uid(component: &ICalendarComponent) -> String {
    text(component, &ICalendarProperty::Uid).unwrap_or_default().chars().take(LONGEST_UID).collect()
}

/// What a part's text says that it is known by, whatever else it says. An alarm inside has a name of its own.
pub(crate) fn uid_in(text: &[u8]) -> Option<String> {
    let is = |line: &[u8], name: &[u8]| line.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let (mut depth, mut is_it) = (0_usize, false);
    let mut own = b"BEGIN:VTODO\n".to_vec();
    for line in text.split(|byte| *byte == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            is_it = depth == 1 && (is(line, b"UID:") || is(line, b"UID;"));
            depth = match line {
                _ if is(line, b"BEGIN:") => depth + 1,
                _ if is(line, b"END:") => depth.saturating_sub(1),
                _ => depth,
            };
        }
        if is_it {
            own.extend_from_slice(line);
            own.push(b'\n');
        }
    }
    own.extend_from_slice(b"END:VTODO\n");
    let read = catch_unwind(AssertUnwindSafe(|| super::components(&own).first().map(uid)));
    read.ok().flatten().filter(|uid| !uid.is_empty())
}

/// A property's date, or date and time; none if it is not there.
pub(crate) fn moment(
    component: &ICalendarComponent,
    name: &ICalendarProperty,
    zones: &mut Zones,
) -> Result<Option<CalDateTime>, Refusal> {
    let Some(entry) = component.property(name) else { return Ok(None) };
    match entry.values.first() {
        Some(ICalendarValue::PartialDateTime(at)) => moment_of(at, entry, zones).map(Some),
        _ => Err(Refusal::Broken("one of its times cannot be read")),
    }
}

/// A date and time as the library has it, in the zone that its property names.
pub(crate) fn moment_of(
    at: &PartialDateTime,
    entry: &ICalendarEntry,
    zones: &mut Zones,
) -> Result<CalDateTime, Refusal> {
    let date = date(at).ok_or(Refusal::Broken("one of its dates is not on the calendar"))?;
    let Some(hour) = at.hour else { return Ok(CalDateTime::Day(date)) };
    let number = |number: Option<u8>| i8::try_from(number.unwrap_or(0)).ok();
    // A leap second counts as the one before it.
    let second = number(at.second).map(|second| if second == 60 { 59 } else { second });
    let time = || Time::new(number(Some(hour))?, number(at.minute)?, second?, 0).ok();
    let civil = date.to_datetime(time().ok_or(Refusal::Broken("one of its times is not on the clock"))?);
    if let Some(offset) = offset(at) {
        return Ok(CalDateTime::At(civil, TimeZone::fixed(offset)));
    }
    match entry.tz_id().map(str::trim).filter(|name| !name.is_empty()) {
        None => Ok(CalDateTime::Floating(civil)),
        Some(name) => Ok(zones.find(name)?.map_or(CalDateTime::Floating(civil), |zone| CalDateTime::At(civil, zone))),
    }
}

fn date(at: &PartialDateTime) -> Option<Date> {
    let (year, month, day) = (at.year?, at.month?, at.day?);
    // Year 0 is somebody's way of leaving the year open.
    let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    (year > 0).then_some(date)
}

/// The distance from UTC, if one stands there.
pub(crate) fn offset(at: &PartialDateTime) -> Option<Offset> {
    let seconds = i32::from(at.tz_hour?) * 3600 + i32::from(at.tz_minute.unwrap_or(0)) * 60;
    Offset::from_seconds(if at.tz_minus { -seconds } else { seconds }).ok()
}

/// A length as written; a negative one is none.
pub(crate) fn length(duration: &ICalendarDuration) -> CalDuration {
    if duration.neg {
        return CalDuration::default();
    }
    let days = duration.weeks.saturating_mul(7).saturating_add(duration.days);
    let hours = i64::from(duration.hours) * 3600;
    let seconds = hours + i64::from(duration.minutes) * 60 + i64::from(duration.seconds);
    CalDuration { days: i32::try_from(days).unwrap_or(i32::MAX), seconds }
}

/// A property's length.
pub(crate) fn duration(component: &ICalendarComponent) -> Option<CalDuration> {
    match value(component, &ICalendarProperty::Duration)? {
        ICalendarValue::Duration(duration) => Some(length(duration)),
        _ => None,
    }
}

/// How long it is from one moment to another.
pub(crate) fn between(start: &CalDateTime, end: &CalDateTime) -> CalDuration {
    if start.is_day() {
        let days = start.civil().date().until(end.civil().date()).map_or(0, |span| span.get_days());
        return CalDuration::of_days(days);
    }
    // Floating times are as far apart as any two on one clock.
    let (from, to) = (start.timestamp(&TimeZone::UTC), end.timestamp(&TimeZone::UTC));
    from.zip(to).map_or_else(CalDuration::default, |(from, to)| CalDuration::exactly(to.duration_since(from)))
}

/// When something happens and comes again.
pub(crate) fn times(
    component: &ICalendarComponent,
    start: CalDateTime,
    length: CalDuration,
    zones: &mut Zones,
) -> Result<Times, Refusal> {
    let mut times = Times::once(start, length);
    for entry in &component.entries {
        match entry.name {
            ICalendarProperty::Rrule => {
                for value in &entry.values {
                    let ICalendarValue::RecurrenceRule(rule) = value else {
                        return Err(Refusal::Broken("its recurrence rule cannot be read"));
                    };
                    times.rules.push(super::rule::of(rule, entry, zones)?);
                }
            }
            ICalendarProperty::Rdate => add(entry, zones, &mut times.also)?,
            ICalendarProperty::Exdate => {
                let mut except = Vec::new();
                add(entry, zones, &mut except)?;
                times.except.extend(except.into_iter().map(|(moment, _)| moment));
            }
            _ => {}
        }
        if times.also.len() + times.except.len() > MOST_DAYS || times.rules.len() > 20 {
            return Err(Refusal::Broken("it names too many days"));
        }
    }
    Ok(times)
}

/// Single times; those that cannot be read count as not there.
fn add(
    entry: &ICalendarEntry,
    zones: &mut Zones,
    into: &mut Vec<(CalDateTime, Option<CalDuration>)>,
) -> Result<(), Refusal> {
    for value in entry.values.iter().take(MOST_DAYS + 1) {
        let read = match value {
            ICalendarValue::PartialDateTime(at) => moment_of(at, entry, zones).map(|at| (at, None)),
            ICalendarValue::Period(ICalendarPeriod::Duration { start, duration }) => {
                moment_of(start, entry, zones).map(|at| (at, Some(length(duration))))
            }
            ICalendarValue::Period(ICalendarPeriod::Range { start, end }) => {
                moment_of(start, entry, zones).and_then(|at| {
                    let length = between(&at, &moment_of(end, entry, zones)?);
                    Ok((at, Some(length)))
                })
            }
            _ => continue,
        };
        match read {
            Ok(time) => into.push(time),
            Err(Refusal::Zone(name)) => return Err(Refusal::Zone(name)),
            Err(Refusal::Broken(_)) => {}
        }
    }
    Ok(())
}

/// Which time of a series this takes the place of.
pub(crate) fn instead(component: &ICalendarComponent, zones: &mut Zones) -> Result<Option<Override>, Refusal> {
    let Some(of) = moment(component, &ICalendarProperty::RecurrenceId, zones)? else { return Ok(None) };
    let range = calcard::icalendar::ICalendarParameterName::Range;
    let entry = component.property(&ICalendarProperty::RecurrenceId);
    Ok(Some(Override { of, and_later: entry.is_some_and(|entry| entry.has_parameter(&range)) }))
}
