//! An event as our own value.

use calcard::icalendar::{
    ICalendarComponent, ICalendarParameterName, ICalendarParameterValue, ICalendarParticipationStatus,
    ICalendarProperty, ICalendarStatus, ICalendarTransparency,
};
use jiff::ToSpan;
use jiff::civil::DateTime;

use super::Refusal;
use super::property::{between, duration, instead, moment, number, own, times, uid};
use super::zones::Zones;
use crate::core::calendar::datetime::{CalDateTime, CalDuration};
use crate::core::calendar::event::Event;
use crate::core::calendar::rule::End;

/// The event that the library has read. `addresses` are the person's own.
pub(crate) fn of(component: &ICalendarComponent, zones: &mut Zones, addresses: &[String]) -> Result<Event, Refusal> {
    let start = moment(component, &ICalendarProperty::Dtstart, zones)?;
    let start = start.ok_or(Refusal::Broken("it does not say when it begins"))?;
    let end = moment(component, &ICalendarProperty::Dtend, zones)?;
    let length = match (&end, duration(component)) {
        (Some(end), _) => between(&start, end),
        (None, Some(length)) => length,
        (None, None) if start.is_day() => CalDuration::of_days(1),
        (None, None) => CalDuration::default(),
    };
    Ok(Event {
        uid: uid(component),
        sequence: number(component, &ICalendarProperty::Sequence).unwrap_or(0),
        instead: instead(component, zones)?,
        takes_time: takes_time(component, &start) && !is_declined(component, addresses),
        cancelled: component.status() == Some(&ICalendarStatus::Cancelled),
        times: times(component, start, length, zones)?,
    })
}

/// A whole day, such as a birthday, takes time only where it says so.
fn takes_time(component: &ICalendarComponent, start: &CalDateTime) -> bool {
    let outlook = own(component, "X-MICROSOFT-CDO-BUSYSTATUS").map(str::to_ascii_uppercase);
    match (component.transparency(), outlook.as_deref()) {
        (_, Some("FREE" | "WORKINGELSEWHERE")) | (Some(ICalendarTransparency::Transparent), _) => false,
        (Some(ICalendarTransparency::Opaque), None) | (_, Some(_)) => true,
        (None, None) => !start.is_day(),
    }
}

fn is_declined(component: &ICalendarComponent, addresses: &[String]) -> bool {
    let declined = ICalendarParameterValue::Partstat(ICalendarParticipationStatus::Declined);
    component.properties(&ICalendarProperty::Attendee).any(|attendee| {
        let is_own = |address: &str| addresses.iter().any(|own| own.eq_ignore_ascii_case(address));
        attendee.parameter(&ICalendarParameterName::Partstat) == Some(&declined)
            && attendee.calendar_address().is_some_and(is_own)
    })
}

/// Whether it may still be going on after `since`. One that is an exception to a series always counts: it says what is not.
pub(crate) fn may_matter(event: &Event, since: DateTime) -> bool {
    let times = &event.times;
    if event.instead.is_some() || !times.also.is_empty() {
        return true;
    }
    // Two days more are far enough for any two zones.
    let lasts = times.length.in_days().saturating_add(2).min(4000).days();
    let is_after = |at: DateTime| at.saturating_add(lasts) >= since;
    match times.rules.as_slice() {
        [] => is_after(times.start.civil()),
        rules => rules.iter().any(|rule| match &rule.end {
            End::Until(last) => is_after(last.civil()),
            _ => true,
        }),
    }
}
