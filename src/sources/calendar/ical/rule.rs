//! A recurrence rule as our own value.

use calcard::common::CalendarScale;
use calcard::icalendar::{
    ICalendarEntry, ICalendarFrequency, ICalendarRecurrenceRule, ICalendarSkip, ICalendarWeekday,
};
use jiff::civil::Weekday;

use super::Refusal;
use super::property::moment_of;
use super::zones::Zones;
use crate::core::calendar::rule::{End, Frequency, Nth, Rule};

/// The rule that the library has read.
pub(crate) fn of(read: &ICalendarRecurrenceRule, entry: &ICalendarEntry, zones: &mut Zones) -> Result<Rule, Refusal> {
    if read.rscale.as_ref().is_some_and(|scale| *scale != CalendarScale::Gregorian) {
        return Err(Refusal::Broken("it comes again by a calendar that is not the Gregorian"));
    }
    if read.skip.is_some_and(|skip| skip != ICalendarSkip::Omit) {
        return Err(Refusal::Broken("its recurrence rule moves days that do not exist (SKIP)"));
    }
    let end = match (&read.until, read.count) {
        (_, Some(times)) => End::Times(times),
        (Some(until), None) => End::Until(moment_of(until, entry, zones)?),
        (None, None) => End::Never,
    };
    let second = |second: &u8| if *second == 60 { 59 } else { *second };
    Ok(Rule {
        interval: read.interval.unwrap_or(1).into(),
        end,
        seconds: read.bysecond.iter().map(second).collect(),
        minutes: read.byminute.clone(),
        hours: read.byhour.clone(),
        weekdays: read.byday.iter().map(|day| Nth { which: day.ordwk, day: weekday(day.weekday) }).collect(),
        month_days: read.bymonthday.clone(),
        year_days: read.byyearday.clone(),
        weeks: read.byweekno.clone(),
        months: read.bymonth.iter().map(|month| month.month()).collect(),
        positions: read.bysetpos.clone(),
        week_start: read.wkst.map_or(Weekday::Monday, weekday),
        ..Rule::every(frequency(read.freq))
    })
}

const fn frequency(read: ICalendarFrequency) -> Frequency {
    match read {
        ICalendarFrequency::Yearly => Frequency::Yearly,
        ICalendarFrequency::Monthly => Frequency::Monthly,
        ICalendarFrequency::Weekly => Frequency::Weekly,
        ICalendarFrequency::Daily => Frequency::Daily,
        ICalendarFrequency::Hourly => Frequency::Hourly,
        ICalendarFrequency::Minutely => Frequency::Minutely,
        ICalendarFrequency::Secondly => Frequency::Secondly,
    }
}

const fn weekday(read: ICalendarWeekday) -> Weekday {
    match read {
        ICalendarWeekday::Monday => Weekday::Monday,
        ICalendarWeekday::Tuesday => Weekday::Tuesday,
        ICalendarWeekday::Wednesday => Weekday::Wednesday,
        ICalendarWeekday::Thursday => Weekday::Thursday,
        ICalendarWeekday::Friday => Weekday::Friday,
        ICalendarWeekday::Saturday => Weekday::Saturday,
        ICalendarWeekday::Sunday => Weekday::Sunday,
    }
}
