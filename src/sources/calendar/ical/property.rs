//! Single properties of a parsed component.

use std::panic::{AssertUnwindSafe, catch_unwind};

use calcard::common::PartialDateTime;
use calcard::icalendar::{ICalendarComponent, ICalendarDuration, ICalendarEntry, ICalendarProperty, ICalendarValue};
use calcard::{Entry, Parser};
use jiff::tz::{Offset, TimeZone};

use crate::core::calendar::datetime::{CalDateTime, CalDuration};

/// A longer UID is truncated, in the same way everywhere.
const MAX_UID_CHARS: usize = 200;

/// Why a component is not used.
#[derive(Debug)]
pub(super) enum ComponentError {
    /// A time zone that is not defined yet.
    UnknownZone,
    Invalid(&'static str),
}

/// The component and its subcomponents. `calcard` may panic: callers catch that.
pub(super) fn parse_components(text: &[u8]) -> Vec<ICalendarComponent> {
    match Parser::new(&String::from_utf8_lossy(text)).entry() {
        Entry::ICalendar(calendar) => calendar.components,
        _ => Vec::new(),
    }
}

pub(super) fn first_value<'a>(
    component: &'a ICalendarComponent,
    property: &ICalendarProperty,
) -> Option<&'a ICalendarValue> {
    component.property(property)?.values.first()
}

pub(super) fn text<'a>(component: &'a ICalendarComponent, property: &ICalendarProperty) -> Option<&'a str> {
    first_value(component, property)?.as_text().map(str::trim).filter(|text| !text.is_empty())
}

pub(super) fn integer(component: &ICalendarComponent, property: &ICalendarProperty) -> Option<i64> {
    first_value(component, property)?.as_integer()
}

/// A vendor property, such as `X-MICROSOFT-CDO-BUSYSTATUS`.
pub(super) fn vendor_text<'a>(component: &'a ICalendarComponent, name: &str) -> Option<&'a str> {
    let has_name = |entry: &&ICalendarEntry| matches!(&entry.name, ICalendarProperty::Other(other) if other.eq_ignore_ascii_case(name));
    component.entries.iter().find(has_name)?.values.first()?.as_text()
}

pub(super) fn uid(component: &ICalendarComponent) -> String {
    text(component, &ICalendarProperty::Uid).unwrap_or_default().chars().take(MAX_UID_CHARS).collect()
}

/// The UID in the text of a to-do that cannot be parsed as a whole. An alarm inside has a UID of its own.
pub(super) fn find_uid(todo: &[u8]) -> Option<String> {
    let starts_with =
        |line: &[u8], prefix: &[u8]| line.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    let (mut depth, mut is_uid) = (0_usize, false);
    let mut uid_only = b"BEGIN:VTODO\n".to_vec();
    for line in todo.split(|byte| *byte == b'\n') {
        let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if !is_folded {
            is_uid = depth == 1 && (starts_with(line, b"UID:") || starts_with(line, b"UID;"));
            if starts_with(line, b"BEGIN:") {
                depth += 1;
            } else if starts_with(line, b"END:") {
                depth = depth.saturating_sub(1);
            }
        }
        if is_uid {
            uid_only.extend_from_slice(line);
            uid_only.push(b'\n');
        }
    }
    uid_only.extend_from_slice(b"END:VTODO\n");
    let parsed = catch_unwind(AssertUnwindSafe(|| parse_components(&uid_only).first().map(uid)));
    parsed.ok().flatten().filter(|uid| !uid.is_empty())
}

pub(super) fn utc_offset(time: &PartialDateTime) -> Option<Offset> {
    let seconds = i32::from(time.tz_hour?) * 3600 + i32::from(time.tz_minute.unwrap_or(0)) * 60;
    Offset::from_seconds(if time.tz_minus { -seconds } else { seconds }).ok()
}

/// A negative duration becomes zero.
pub(super) fn to_duration(duration: &ICalendarDuration) -> CalDuration {
    if duration.neg {
        return CalDuration::default();
    }
    let days = duration.weeks.saturating_mul(7).saturating_add(duration.days);
    let seconds = i64::from(duration.hours) * 3600 + i64::from(duration.minutes) * 60 + i64::from(duration.seconds);
    CalDuration { days: i32::try_from(days).unwrap_or(i32::MAX), seconds }
}

pub(super) fn duration(component: &ICalendarComponent) -> Option<CalDuration> {
    match first_value(component, &ICalendarProperty::Duration)? {
        ICalendarValue::Duration(duration) => Some(to_duration(duration)),
        _ => None,
    }
}

pub(super) fn duration_between(start: &CalDateTime, end: &CalDateTime) -> CalDuration {
    if start.is_day() {
        let days = start.civil().date().until(end.civil().date()).map_or(0, |span| span.get_days());
        return CalDuration::from_days(days);
    }
    // The zone makes no difference for two floating times.
    let (from, to) = (start.timestamp(&TimeZone::UTC), end.timestamp(&TimeZone::UTC));
    from.zip(to).map_or_else(CalDuration::default, |(from, to)| CalDuration::from_elapsed(to.duration_since(from)))
}
