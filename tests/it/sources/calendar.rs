//! Calendars in files, on HTTP servers that misbehave, and on a real CalDAV server.

mod caldav;
mod file;
mod hostile;
mod ical;
mod ics;

use std::sync::Arc;
use std::time::Duration;

use jiff::ZonedDateTime;
use operator::core::calendar::reading::CalendarReading;
use operator::sources::calendar::{Calendar, Location, SharedCache};
use operator::sources::{self, ErrorKind};

/// `minutes` after noon on a Friday in Berlin.
fn at(minutes: i64) -> ZonedDateTime {
    let noon: ZonedDateTime = "2026-11-20T12:00[Europe/Berlin]".parse().unwrap();
    noon + jiff::SignedDuration::from_mins(minutes)
}

fn calendar(location: Location) -> Calendar {
    Calendar {
        name: "work".parse().unwrap(),
        location,
        busy: true,
        tasks: true,
        email: None,
        timeout: Duration::from_secs(20),
        http: Arc::default(),
        cache: SharedCache::default(),
    }
}

/// A meeting of one hour at 14:00, and a to-do.
fn ics_text() -> String {
    let event = "BEGIN:VEVENT\r\nUID:m\r\nSUMMARY:hush\r\nDTSTART:20261120T130000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n";
    let todo = "BEGIN:VTODO\r\nUID:t\r\nSUMMARY:Tax\r\nDUE;VALUE=DATE:20261122\r\nEND:VTODO\r\n";
    format!("BEGIN:VCALENDAR\r\n{event}{todo}END:VCALENDAR\r\n")
}

/// The minutes from 14:00 to the end of the meeting at 14:10.
fn meeting_minutes(reading: &CalendarReading) -> Option<i64> {
    let ten_past = at(130).timestamp();
    reading.busy_times.in_meeting_until(ten_past).map(|end| end.duration_since(ten_past).as_mins() + 10)
}

fn titles(reading: &CalendarReading) -> Vec<&str> {
    reading.tasks.iter().map(|task| task.title.as_str()).collect()
}

/// The error must hold no secret.
fn assert_failed(
    result: Result<Arc<CalendarReading>, sources::Error>,
    kind: ErrorKind,
    message: &str,
) -> sources::Error {
    let error = result.expect_err("the fetch fails");
    assert_eq!(error.kind, kind, "{error:?}");
    assert!(error.message.contains(message), "{error:?}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    error
}
