//! A to-do as our own value.

use calcard::icalendar::{ICalendarComponent, ICalendarProperty, ICalendarStatus};

use super::Refusal;
use super::property::{duration, instead, moment, number, text, times, uid};
use super::zones::Zones;
use crate::core::alert::Priority;
use crate::core::calendar::datetime::{CalDateTime, CalDuration};
use crate::core::calendar::todo::Todo;
use crate::core::text::truncate;

/// The to-do that the library has read.
pub(crate) fn of(component: &ICalendarComponent, zones: &mut Zones) -> Result<Todo, Refusal> {
    let uid = uid(component);
    if uid.is_empty() {
        return Err(Refusal::Broken("it has no UID"));
    }
    let start = moment(component, &ICalendarProperty::Dtstart, zones)?;
    let due = match moment(component, &ICalendarProperty::Due, zones)? {
        None => start.as_ref().zip(duration(component)).and_then(|(start, length)| end(start, length)),
        due => due,
    };
    let is_over = matches!(component.status(), Some(ICalendarStatus::Completed | ICalendarStatus::Cancelled))
        || component.has_property(&ICalendarProperty::Completed)
        || number(component, &ICalendarProperty::PercentComplete) == Some(100);
    Ok(Todo {
        uid,
        sequence: number(component, &ICalendarProperty::Sequence).unwrap_or(0),
        instead: instead(component, zones)?,
        title: text(component, &ICalendarProperty::Summary)
            .map_or_else(|| "Untitled".into(), |title| truncate(title, 500)),
        times: match start.or_else(|| due.clone()) {
            Some(start) => Some(times(component, start, CalDuration::default(), zones)?),
            None => None,
        },
        due,
        is_over,
        is_under_way: component.status() == Some(&ICalendarStatus::InProcess),
        priority: number(component, &ICalendarProperty::Priority).and_then(priority),
    })
}

fn end(start: &CalDateTime, length: CalDuration) -> Option<CalDateTime> {
    let end = start.civil().checked_add(jiff::Span::new().try_days(length.days).ok()?).ok()?;
    let end = end.checked_add(jiff::SignedDuration::from_secs(length.seconds)).ok()?;
    Some(start.moved_to(end))
}

/// 1 to 4 is high, 5 medium, 6 to 9 low; 0 says nothing. No number means critical: phones write 1 for their plain "high".
const fn priority(number: i64) -> Option<Priority> {
    match number {
        1..=4 => Some(Priority::High),
        5 => Some(Priority::Medium),
        6..=9 => Some(Priority::Low),
        _ => None,
    }
}
