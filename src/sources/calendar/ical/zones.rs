//! Time zones by the names that calendars give them: IANA's, Windows', and those that a calendar defines itself.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarFrequency, ICalendarProperty, ICalendarValue,
};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::property::{moment, offset, text, times, value};
use super::{Refusal, shown};
use crate::core::calendar::Budget;
use crate::core::calendar::datetime::CalDuration;
use crate::core::calendar::event::{Event, Times};
use crate::core::calendar::series::Series;

/// No calendar defines more.
const MOST: usize = 1000;

/// What following the changes of one zone may take: it was never changed so often.
const WORK: u32 = 20_000;

/// What is known of zones.
#[derive(Debug, Default)]
pub(crate) struct Zones {
    known: BTreeMap<String, Option<TimeZone>>,
    /// Everything was read: what is not known by now is not defined.
    is_settled: bool,
    unknown: BTreeSet<String>,
    now: Timestamp,
}

impl Zones {
    /// None yet. Where the rules of one cannot be followed, it is as it is `now`.
    pub(crate) fn as_of(now: Timestamp) -> Self {
        Self { now, ..Self::default() }
    }

    /// The zone of this name; none if it is defined nowhere.
    ///
    /// # Errors
    /// While it may still be defined.
    pub(crate) fn find(&mut self, name: &str) -> Result<Option<TimeZone>, Refusal> {
        if let Some(zone) = self.known.get(name) {
            return Ok(zone.clone());
        }
        let zone = by_name(name);
        if zone.is_none() && !self.is_settled {
            return Err(Refusal::Zone(name.to_owned()));
        }
        if zone.is_none() && self.unknown.len() < MOST {
            self.unknown.insert(name.to_owned());
        }
        if self.known.len() < MOST {
            self.known.insert(name.to_owned(), zone.clone());
        }
        Ok(zone)
    }

    /// Everything was read.
    pub(crate) const fn settle(&mut self) {
        self.is_settled = true;
    }

    /// What could not be found, in a sentence.
    pub(crate) fn complaint(&self) -> Option<String> {
        let first = self.unknown.first()?;
        let others = match self.unknown.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Some(format!("the time zone '{}'{others} is not known: its times count as your own", shown(first)))
    }

    /// Take in what a calendar says of a zone: its usual name if it can be told, else its rules.
    pub(crate) fn learn(&mut self, components: &[ICalendarComponent]) {
        let Some(zone) = components.first() else { return };
        let Some(name) = text(zone, &ICalendarProperty::Tzid) else { return };
        if self.known.len() >= MOST {
            return;
        }
        let usual = || TimeZone::get(&zone.timezone()?.1.name()?).ok();
        let found = by_name(name).or_else(usual).or_else(|| by_rules(components.get(1..)?, self.now));
        if let Some(found) = found {
            self.known.insert(name.to_owned(), Some(found));
        }
    }
}

fn by_name(name: &str) -> Option<TimeZone> {
    let mapped = || TimeZone::get(&Tz::from_str(name).ok()?.name()?).ok();
    // Some put a registry before it: /freeassociation.sourceforge.net/Asia/Tokyo.
    let behind = || name.match_indices('/').find_map(|(at, _)| TimeZone::get(name.get(at + 1..)?).ok());
    TimeZone::get(name).ok().or_else(|| if name.starts_with('/') { behind() } else { None }).or_else(mapped)
}

/// Winter or summer time as a calendar defines it.
struct Observance {
    is_summer: bool,
    from: Offset,
    to: Offset,
    begins: DateTime,
    /// When it begins; none if it cannot be told.
    times: Option<Times>,
    /// `M10.5.0/3`, if it begins again every year.
    yearly: Option<String>,
}

/// The zone that these rules describe as they are now: calendars repeat history that no event of this week needs.
fn by_rules(components: &[ICalendarComponent], now: Timestamp) -> Option<TimeZone> {
    let mut all: Vec<Observance> = components.iter().filter_map(observance).collect();
    all.sort_by_key(|one| one.begins);
    let newest = |is_summer: bool| all.iter().rev().find(|one| one.is_summer == is_summer);
    let pair = newest(false).zip(newest(true));
    let posix = pair.and_then(|(winter, summer)| {
        let (winter_from, summer_from) = (winter.yearly.as_ref()?, summer.yearly.as_ref()?);
        // The names are never shown.
        let text = format!("STD{}DST{},{summer_from},{winter_from}", west(winter.to), west(summer.to));
        TimeZone::posix(&text).ok()
    });
    posix.or_else(|| in_force(&all, now).map(TimeZone::fixed))
}

/// The distance from UTC `now`: of what began last, or of what was before the first.
fn in_force(all: &[Observance], now: Timestamp) -> Option<Offset> {
    let mut newest = None;
    for one in all {
        let began = began(one, now)?;
        newest = newest.max(began.map(|at| (at, one.to.seconds())));
    }
    match newest {
        Some((_, seconds)) => Offset::from_seconds(seconds).ok(),
        None => all.first().map(|first| first.from),
    }
}

/// When this last began before `now`, if it did; none if that cannot be told.
fn began(one: &Observance, now: Timestamp) -> Option<Option<Timestamp>> {
    let times = one.times.clone()?;
    let change = Event { uid: String::new(), sequence: 0, instead: None, takes_time: false, cancelled: false, times };
    let clock = TimeZone::fixed(one.from);
    let first = clock.to_timestamp(one.begins.saturating_sub(1.day())).ok()?;
    let mut last = None;
    for series in Series::of(std::slice::from_ref(&change)) {
        let changes = series.occurrences(&(first..now.max(first)), &clock, &mut Budget::of(WORK)).ok()?;
        last = last.max(changes.iter().map(|change| change.start).max());
    }
    Some(last)
}

fn observance(component: &ICalendarComponent) -> Option<Observance> {
    let is_summer = match component.component_type {
        ICalendarComponentType::Daylight => true,
        ICalendarComponentType::Standard => false,
        _ => return None,
    };
    let distance = |name: &ICalendarProperty| match value(component, name)? {
        ICalendarValue::PartialDateTime(at) => offset(at),
        _ => None,
    };
    let start = moment(component, &ICalendarProperty::Dtstart, &mut Zones::default()).ok()??;
    let begins = start.civil();
    let to = distance(&ICalendarProperty::Tzoffsetto)?;
    let from = distance(&ICalendarProperty::Tzoffsetfrom).unwrap_or(to);
    let yearly = if from == to { None } else { yearly(component, begins) };
    let times = times(component, start, CalDuration::default(), &mut Zones::default()).ok();
    Some(Observance { is_summer, from, to, begins, times, yearly })
}

/// The rule of a change that comes every year on a certain weekday of a month.
fn yearly(component: &ICalendarComponent, begins: DateTime) -> Option<String> {
    let ICalendarValue::RecurrenceRule(rule) = value(component, &ICalendarProperty::Rrule)? else { return None };
    let ([month], [day]) = (rule.bymonth.as_slice(), rule.byday.as_slice()) else { return None };
    let month_number = i8::try_from(month.month()).ok()?;
    let week = match (day.ordwk, rule.bymonthday.as_slice()) {
        (Some(-1), []) => 5,
        (Some(week @ 1..=4), []) => week,
        (None, days) => week_of(days, month_number)?,
        _ => return None,
    };
    let goes_on = rule.until.is_none() && rule.count.is_none();
    let time = format!("{:02}:{:02}:{:02}", begins.hour(), begins.minute(), begins.second());
    (goes_on && rule.freq == ICalendarFrequency::Yearly)
        .then(|| format!("M{}.{week}.{}/{time}", month.month(), day.weekday as u8))
}

/// The week that seven days in a row are, as in `BYDAY=SU;BYMONTHDAY=8,9,10,11,12,13,14`; the last of the month is 5.
fn week_of(days: &[i8], month: i8) -> Option<i16> {
    let mut days = days.to_vec();
    days.sort_unstable();
    let (first, last) = (*days.first()?, *days.last()?);
    let is_run = days.len() == 7 && days.iter().zip(first..).all(|(day, expected)| *day == expected);
    // A February of 28 days has four weeks: its last is told by its number.
    let longest = match month {
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    match first {
        _ if !is_run => None,
        1 | 8 | 15 | 22 => Some(i16::from(last) / 7),
        -7 => Some(5),
        _ if last == longest => Some(5),
        _ => None,
    }
}

/// A distance from UTC as POSIX counts it: westwards.
fn west(offset: Offset) -> String {
    let seconds = -offset.seconds();
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.abs();
    format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
