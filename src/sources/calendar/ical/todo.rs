//! VTODO.

use calcard::icalendar::{ICalendarComponent, ICalendarProperty, ICalendarStatus};
use jiff::{SignedDuration, Span};

use super::property::{ComponentError, duration, integer, text, uid};
use super::recurrence::{recurrence_id, recurrence_set};
use super::zones::Zones;
use crate::core::alert::Priority;
use crate::core::calendar::datetime::{CalDateTime, CalDuration};
use crate::core::calendar::todo::Todo;
use crate::core::text::truncate;

pub(super) fn parse_todo(component: &ICalendarComponent, zones: &mut Zones) -> Result<Todo, ComponentError> {
    let uid = uid(component);
    if uid.is_empty() {
        return Err(ComponentError::Invalid("it has no UID"));
    }
    let start = zones.datetime(component, &ICalendarProperty::Dtstart)?;
    let due = match zones.datetime(component, &ICalendarProperty::Due)? {
        None => start.as_ref().zip(duration(component)).and_then(|(start, duration)| add(start, duration)),
        due => due,
    };
    let is_closed = matches!(component.status(), Some(ICalendarStatus::Completed | ICalendarStatus::Cancelled))
        || component.has_property(&ICalendarProperty::Completed)
        || integer(component, &ICalendarProperty::PercentComplete) == Some(100);
    let recurrence = match start.or_else(|| due.clone()) {
        Some(start) => Some(recurrence_set(component, start, CalDuration::default(), zones)?),
        None => None,
    };
    let title = text(component, &ICalendarProperty::Summary);
    Ok(Todo {
        uid,
        sequence: integer(component, &ICalendarProperty::Sequence).unwrap_or(0),
        recurrence_id: recurrence_id(component, zones)?,
        title: title.map_or_else(|| "Untitled".into(), |title| truncate(title, 500)),
        recurrence,
        due,
        is_closed,
        is_in_progress: component.status() == Some(&ICalendarStatus::InProcess),
        priority: integer(component, &ICalendarProperty::Priority).and_then(to_priority),
    })
}

fn add(start: &CalDateTime, duration: CalDuration) -> Option<CalDateTime> {
    let end = start.civil().checked_add(Span::new().try_days(duration.days).ok()?).ok()?;
    let end = end.checked_add(SignedDuration::from_secs(duration.seconds)).ok()?;
    Some(start.with_civil(end))
}

/// RFC 5545, 3.8.1.9. Phones write 1 for their plain "high", so 1 is not critical.
const fn to_priority(number: i64) -> Option<Priority> {
    match number {
        1..=4 => Some(Priority::High),
        5 => Some(Priority::Medium),
        6..=9 => Some(Priority::Low),
        _ => None,
    }
}
