//! Time zones by name: IANA and Windows names, and zones that the calendar defines.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::{ICalendarComponent, ICalendarEntry, ICalendarProperty, ICalendarValue};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::property::{ComponentError, utc_offset};
use crate::core::calendar::datetime::CalDateTime;
use crate::core::text::truncate;

/// Further zones of one calendar are ignored.
const MAX_ZONES: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Zones {
    /// `None` if no definition was found.
    by_name: BTreeMap<String, Option<TimeZone>>,
    undefined: BTreeSet<String>,
    /// No further definition follows.
    is_complete: bool,
}

impl Zones {
    /// `Ok(None)` if the calendar is complete and has no definition, `UnknownZone` if a definition may follow.
    pub(super) fn find(&mut self, name: &str) -> Result<Option<TimeZone>, ComponentError> {
        if let Some(zone) = self.by_name.get(name) {
            return Ok(zone.clone());
        }
        let zone = well_known_zone(name);
        if zone.is_none() && !self.is_complete {
            return Err(ComponentError::UnknownZone);
        }
        if zone.is_none() && self.undefined.len() < MAX_ZONES {
            self.undefined.insert(name.to_owned());
        }
        self.define(name, zone.clone());
        Ok(zone)
    }

    pub(super) fn define(&mut self, name: &str, zone: Option<TimeZone>) {
        if self.by_name.len() < MAX_ZONES {
            self.by_name.insert(name.to_owned(), zone);
        }
    }

    pub(super) const fn set_complete(&mut self) {
        self.is_complete = true;
    }

    /// A sentence about undefined zones.
    pub(super) fn note(&self) -> Option<String> {
        let first = self.undefined.first()?;
        let others = match self.undefined.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Some(format!("the time zone '{}'{others} is unknown: its times count in your zone", truncate(first, 60)))
    }

    /// The first value of a date property; `None` if the component lacks the property.
    pub(super) fn datetime(
        &mut self,
        component: &ICalendarComponent,
        property: &ICalendarProperty,
    ) -> Result<Option<CalDateTime>, ComponentError> {
        let Some(entry) = component.property(property) else { return Ok(None) };
        match entry.values.first() {
            Some(ICalendarValue::PartialDateTime(value)) => self.resolve(value, entry).map(Some),
            _ => Err(ComponentError::Invalid("one of its times is invalid")),
        }
    }

    /// A parsed date or time, in the zone that its property names.
    pub(super) fn resolve(
        &mut self,
        value: &PartialDateTime,
        entry: &ICalendarEntry,
    ) -> Result<CalDateTime, ComponentError> {
        let date = to_date(value).ok_or(ComponentError::Invalid("one of its dates does not exist"))?;
        let Some(hour) = value.hour else { return Ok(CalDateTime::Day(date)) };
        let time = to_time(value, hour).ok_or(ComponentError::Invalid("one of its times does not exist"))?;
        let civil = date.to_datetime(time);
        if let Some(offset) = utc_offset(value) {
            return Ok(CalDateTime::Zoned(civil, TimeZone::fixed(offset)));
        }
        let name = entry.tz_id().map(str::trim).filter(|name| !name.is_empty());
        let zone = name.map_or(Ok(None), |name| self.find(name))?;
        Ok(zone.map_or(CalDateTime::Floating(civil), |zone| CalDateTime::Zoned(civil, zone)))
    }
}

/// An IANA or Windows name. Some programs put a registry before it: `/freeassociation.sourceforge.net/Asia/Tokyo`.
pub(super) fn well_known_zone(name: &str) -> Option<TimeZone> {
    let without_registry = || {
        let mut suffixes = name.starts_with('/').then(|| name.match_indices('/'))?;
        suffixes.find_map(|(at, _)| TimeZone::get(name.get(at + 1..)?).ok())
    };
    let mapped = || TimeZone::get(&Tz::from_str(name).ok()?.name()?).ok();
    TimeZone::get(name).ok().or_else(without_registry).or_else(mapped)
}

fn to_date(value: &PartialDateTime) -> Option<Date> {
    let (year, month, day) = (value.year?, value.month?, value.day?);
    // Year 0 stands for an unknown year.
    let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    (year > 0).then_some(date)
}

fn to_time(value: &PartialDateTime, hour: u8) -> Option<Time> {
    let number = |number: Option<u8>| i8::try_from(number.unwrap_or(0)).ok();
    // A leap second counts as the second before it.
    let second = number(value.second)?;
    Time::new(number(Some(hour))?, number(value.minute)?, if second == 60 { 59 } else { second }, 0).ok()
}
