//! VEVENT.

use calcard::icalendar::{
    ICalendarComponent, ICalendarParameterName, ICalendarParameterValue, ICalendarParticipationStatus,
    ICalendarProperty, ICalendarStatus, ICalendarTransparency,
};
use jiff::ToSpan;
use jiff::civil::DateTime;

use super::property::{ComponentError, duration, duration_between, integer, uid, vendor_text};
use super::recurrence::{recurrence_id, recurrence_set};
use super::zones::Zones;
use crate::core::calendar::datetime::{CalDateTime, CalDuration};
use crate::core::calendar::event::Event;
use crate::core::calendar::rule::RuleEnd;

/// An event declined by one of `user_addresses` is not busy.
pub(super) fn parse_event(
    component: &ICalendarComponent,
    zones: &mut Zones,
    user_addresses: &[String],
) -> Result<Event, ComponentError> {
    let start = zones.datetime(component, &ICalendarProperty::Dtstart)?;
    let start = start.ok_or(ComponentError::Invalid("it has no start"))?;
    let end = zones.datetime(component, &ICalendarProperty::Dtend)?;
    let duration = match (&end, duration(component)) {
        (Some(end), _) => duration_between(&start, end),
        (None, Some(duration)) => duration,
        (None, None) if start.is_day() => CalDuration::from_days(1),
        (None, None) => CalDuration::default(),
    };
    Ok(Event {
        uid: uid(component),
        sequence: integer(component, &ICalendarProperty::Sequence).unwrap_or(0),
        recurrence_id: recurrence_id(component, zones)?,
        is_busy: is_marked_busy(component, &start) && !is_declined(component, user_addresses),
        is_cancelled: component.status() == Some(&ICalendarStatus::Cancelled),
        recurrence: recurrence_set(component, start, duration, zones)?,
    })
}

/// An all-day event, such as a birthday, is busy only if it says so.
fn is_marked_busy(component: &ICalendarComponent, start: &CalDateTime) -> bool {
    let outlook = vendor_text(component, "X-MICROSOFT-CDO-BUSYSTATUS").map(str::to_ascii_uppercase);
    match (component.transparency(), outlook.as_deref()) {
        (_, Some("FREE" | "WORKINGELSEWHERE")) | (Some(ICalendarTransparency::Transparent), _) => false,
        (Some(ICalendarTransparency::Opaque), None) | (_, Some(_)) => true,
        (None, None) => !start.is_day(),
    }
}

fn is_declined(component: &ICalendarComponent, user_addresses: &[String]) -> bool {
    let declined = ICalendarParameterValue::Partstat(ICalendarParticipationStatus::Declined);
    component.properties(&ICalendarProperty::Attendee).any(|attendee| {
        let is_user = |address: &str| user_addresses.iter().any(|own| own.eq_ignore_ascii_case(address));
        attendee.parameter(&ICalendarParameterName::Partstat) == Some(&declined)
            && attendee.calendar_address().is_some_and(is_user)
    })
}

/// Whether an instance may end after `since`. An override always counts: it may remove an instance.
pub(super) fn may_end_after(event: &Event, since: DateTime) -> bool {
    let recurrence = &event.recurrence;
    if event.recurrence_id.is_some() || !recurrence.rdates.is_empty() {
        return true;
    }
    // Two days exceed the distance between any two zones.
    let max_days = recurrence.duration.max_days().saturating_add(2).min(4000).days();
    let ends_after = |start: DateTime| start.saturating_add(max_days) >= since;
    match recurrence.rules.as_slice() {
        [] => ends_after(recurrence.start.civil()),
        rules => rules.iter().any(|rule| match &rule.end {
            RuleEnd::Until(last) => ends_after(last.civil()),
            _ => true,
        }),
    }
}
