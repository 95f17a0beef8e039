//! VTIMEZONE: the time zones that a calendar defines.

use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarFrequency, ICalendarProperty, ICalendarValue,
};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::property::{first_value, text, utc_offset};
use super::recurrence::recurrence_set;
use super::zones::{Zones, well_known_zone};
use crate::core::calendar::Budget;
use crate::core::calendar::datetime::CalDuration;
use crate::core::calendar::event::{Event, RecurrenceSet};
use crate::core::calendar::series::Series;

/// Far more changes than any zone has had.
const MAX_STEPS: u32 = 20_000;

/// `components` are a VTIMEZONE and its observances. A zone without rules that repeat every year gets its offset at `now`.
pub(super) fn define_zone(components: &[ICalendarComponent], now: Timestamp, zones: &mut Zones) {
    let Some(vtimezone) = components.first() else { return };
    let Some(name) = text(vtimezone, &ICalendarProperty::Tzid) else { return };
    let by_location = || TimeZone::get(&vtimezone.timezone()?.1.name()?).ok();
    let by_rules = || zone_from_observances(components.get(1..)?, now);
    if let Some(zone) = well_known_zone(name).or_else(by_location).or_else(by_rules) {
        zones.define(name, Some(zone));
    }
}

/// STANDARD or DAYLIGHT.
struct Observance {
    is_daylight: bool,
    offset_from: Offset,
    offset_to: Offset,
    start: DateTime,
    /// `None` if the dates of the change cannot be expanded.
    changes: Option<RecurrenceSet>,
    /// POSIX notation such as `M10.5.0/03:00:00`, if the change repeats every year.
    yearly: Option<String>,
}

/// The newest rules only: no event of this week needs the past of its zone.
fn zone_from_observances(components: &[ICalendarComponent], now: Timestamp) -> Option<TimeZone> {
    let mut observances: Vec<Observance> = components.iter().filter_map(parse_observance).collect();
    observances.sort_by_key(|observance| observance.start);
    let newest = |is_daylight: bool| observances.iter().rev().find(|one| one.is_daylight == is_daylight);
    let posix = || {
        let (standard, daylight) = (newest(false)?, newest(true)?);
        let (to_standard, to_daylight) = (standard.yearly.as_ref()?, daylight.yearly.as_ref()?);
        let (std, dst) = (posix_offset(standard.offset_to), posix_offset(daylight.offset_to));
        TimeZone::posix(&format!("STD{std}DST{dst},{to_daylight},{to_standard}")).ok()
    };
    posix().or_else(|| offset_at(&observances, now).map(TimeZone::fixed))
}

/// The offset of the last change before `now`, else the offset before the first change.
fn offset_at(observances: &[Observance], now: Timestamp) -> Option<Offset> {
    let mut newest = None;
    for observance in observances {
        let change = last_change(observance, now)?;
        newest = newest.max(change.map(|at| (at, observance.offset_to.seconds())));
    }
    match newest {
        Some((_, seconds)) => Offset::from_seconds(seconds).ok(),
        None => observances.first().map(|first| first.offset_from),
    }
}

/// `None` if the changes cannot be expanded, `Some(None)` if there was none before `now`.
fn last_change(observance: &Observance, now: Timestamp) -> Option<Option<Timestamp>> {
    let event = Event {
        uid: String::new(),
        sequence: 0,
        recurrence_id: None,
        recurrence: observance.changes.clone()?,
        is_busy: false,
        is_cancelled: false,
    };
    let zone = TimeZone::fixed(observance.offset_from);
    let first = zone.to_timestamp(observance.start.saturating_sub(1.day())).ok()?;
    let mut last = None;
    for series in Series::group(std::slice::from_ref(&event)) {
        let changes = series.occurrences(&(first..now.max(first)), &zone, &mut Budget::new(MAX_STEPS)).ok()?;
        last = last.max(changes.iter().map(|change| change.start).max());
    }
    Some(last)
}

fn parse_observance(component: &ICalendarComponent) -> Option<Observance> {
    let is_daylight = match component.component_type {
        ICalendarComponentType::Daylight => true,
        ICalendarComponentType::Standard => false,
        _ => return None,
    };
    let offset = |property: &ICalendarProperty| match first_value(component, property)? {
        ICalendarValue::PartialDateTime(value) => utc_offset(value),
        _ => None,
    };
    // Dates of an observance are local times without a zone.
    let mut no_zones = Zones::default();
    let start = no_zones.datetime(component, &ICalendarProperty::Dtstart).ok()??;
    let civil = start.civil();
    let offset_to = offset(&ICalendarProperty::Tzoffsetto)?;
    let offset_from = offset(&ICalendarProperty::Tzoffsetfrom).unwrap_or(offset_to);
    let yearly = if offset_from == offset_to { None } else { yearly_change(component, civil) };
    let changes = recurrence_set(component, start, CalDuration::default(), &mut no_zones).ok();
    Some(Observance { is_daylight, offset_from, offset_to, start: civil, changes, yearly })
}

/// A change on the nth weekday of a month of every year, in POSIX notation.
fn yearly_change(component: &ICalendarComponent, start: DateTime) -> Option<String> {
    let rule = match first_value(component, &ICalendarProperty::Rrule)? {
        ICalendarValue::RecurrenceRule(rule) if rule.until.is_none() && rule.count.is_none() => rule,
        _ => return None,
    };
    let ([month], [day]) = (rule.bymonth.as_slice(), rule.byday.as_slice()) else { return None };
    let month = month.month();
    let week = match (day.ordwk, rule.bymonthday.as_slice()) {
        (Some(-1), []) => 5,
        (Some(week @ 1..=4), []) => week,
        (None, days) => week_of_month(days, month)?,
        _ => return None,
    };
    let time = start.time().strftime("%H:%M:%S");
    let weekday = day.weekday as u8;
    (rule.freq == ICalendarFrequency::Yearly).then(|| format!("M{month}.{week}.{weekday}/{time}"))
}

/// The week that seven consecutive days form, as in `BYDAY=SU;BYMONTHDAY=8,9,10,11,12,13,14`; 5 is the last of the month.
fn week_of_month(days: &[i8], month: u8) -> Option<i16> {
    let mut days = days.to_vec();
    days.sort_unstable();
    let (first, last) = (*days.first()?, *days.last()?);
    let is_week = days.len() == 7 && days.iter().zip(first..).all(|(day, expected)| *day == expected);
    let days_in_month = match month {
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    match first {
        _ if !is_week => None,
        1 | 8 | 15 | 22 => Some(i16::from(last) / 7),
        -7 => Some(5),
        _ if last == days_in_month => Some(5),
        _ => None,
    }
}

/// POSIX counts offsets from UTC westwards.
fn posix_offset(offset: Offset) -> String {
    let seconds = -offset.seconds();
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.abs();
    format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
