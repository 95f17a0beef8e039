//! Time zones by the names that calendars give them: IANA's, Windows', and those that a calendar defines itself.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarFrequency, ICalendarProperty, ICalendarValue,
};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::property::{moment, offset, text, value};
use super::{Refusal, shown};

/// No calendar defines more.
const MOST: usize = 1000;

/// What is known of zones.
#[derive(Debug, Default)]
pub(super) struct Zones {
    known: BTreeMap<String, Option<TimeZone>>,
    /// Everything was read: what is not known by now is not defined.
    is_settled: bool,
    unknown: BTreeSet<String>,
}

impl Zones {
    /// The zone of this name; none if it is defined nowhere.
    ///
    /// # Errors
    /// While it may still be defined.
    pub(super) fn find(&mut self, name: &str) -> Result<Option<TimeZone>, Refusal> {
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
    pub(super) const fn settle(&mut self) {
        self.is_settled = true;
    }

    /// What could not be found, in a sentence.
    pub(super) fn complaint(&self) -> Option<String> {
        let first = self.unknown.first()?;
        let others = match self.unknown.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Some(format!("the time zone '{}'{others} is not known: its times count as your own", shown(first)))
    }

    /// Take in what a calendar says of a zone: its usual name if it can be told, else its rules.
    pub(super) fn learn(&mut self, components: &[ICalendarComponent]) {
        let Some(zone) = components.first() else { return };
        let Some(name) = text(zone, &ICalendarProperty::Tzid) else { return };
        if self.known.len() >= MOST {
            return;
        }
        let usual = || TimeZone::get(&zone.timezone()?.1.name()?).ok();
        let found = by_name(name).or_else(usual).or_else(|| by_rules(components.get(1..)?));
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
    to: Offset,
    begins: DateTime,
    /// `M10.5.0/3`, if it begins again every year.
    yearly: Option<String>,
}

/// The zone that these rules describe as they are now: calendars repeat history that no event of this week needs.
fn by_rules(components: &[ICalendarComponent]) -> Option<TimeZone> {
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
    posix.or_else(|| all.last().map(|last| TimeZone::fixed(last.to)))
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
    let begins = moment(component, &ICalendarProperty::Dtstart, &mut Zones::default()).ok()??.civil();
    let to = distance(&ICalendarProperty::Tzoffsetto)?;
    let from = distance(&ICalendarProperty::Tzoffsetfrom).unwrap_or(to);
    let yearly = if from == to { None } else { yearly(component, begins) };
    Some(Observance { is_summer, to, begins, yearly })
}

/// The rule of a change that comes every year on a certain weekday of a month.
fn yearly(component: &ICalendarComponent, begins: DateTime) -> Option<String> {
    let ICalendarValue::RecurrenceRule(rule) = value(component, &ICalendarProperty::Rrule)? else { return None };
    let ([month], [day]) = (rule.bymonth.as_slice(), rule.byday.as_slice()) else { return None };
    let week = match day.ordwk? {
        -1 => 5,
        week @ 1..=4 => week,
        _ => return None,
    };
    let goes_on = rule.until.is_none() && rule.count.is_none();
    let time = format!("{:02}:{:02}:{:02}", begins.hour(), begins.minute(), begins.second());
    (goes_on && rule.freq == ICalendarFrequency::Yearly)
        .then(|| format!("M{}.{week}.{}/{time}", month.month(), day.weekday as u8))
}

/// A distance from UTC as POSIX counts it: westwards.
fn west(offset: Offset) -> String {
    let seconds = -offset.seconds();
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.abs();
    format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
