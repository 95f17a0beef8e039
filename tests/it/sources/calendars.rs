//! Calendars where they are: files, addresses on servers that misbehave, and a real CalDAV server.

mod account;
mod address;
mod file;

use std::sync::Arc;
use std::time::Duration;

use jiff::ZonedDateTime;
use operator::core::calendar::reading::CalendarReading;
use operator::sources::calendar::{Calendar, Memory, Place};
use operator::sources::{self, ErrorKind};

/// Noon of a Friday in Berlin, and so many minutes later.
fn at(minutes: i64) -> ZonedDateTime {
    let noon: ZonedDateTime = "2026-11-20T12:00[Europe/Berlin]".parse().unwrap();
    noon + jiff::SignedDuration::from_mins(minutes)
}

fn calendar(place: Place) -> Calendar {
    Calendar {
        name: "work".parse().unwrap(),
        place,
        busy: true,
        tasks: true,
        email: None,
        timeout: Duration::from_secs(20),
        net: Arc::default(),
        memory: Memory::default(),
    }
}

/// A text with an hour's meeting at 14:00, and a to-do.
fn text() -> String {
    let event = "BEGIN:VEVENT\r\nUID:m\r\nSUMMARY:hush\r\nDTSTART:20261120T130000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n";
    let todo = "BEGIN:VTODO\r\nUID:t\r\nSUMMARY:Tax\r\nDUE;VALUE=DATE:20261122\r\nEND:VTODO\r\n";
    format!("BEGIN:VCALENDAR\r\n{event}{todo}END:VCALENDAR\r\n")
}

/// How many minutes the meeting lasts that is on at 14:10.
fn meeting(reading: &CalendarReading) -> Option<i64> {
    let ten_past = at(130).timestamp();
    reading.agenda.in_meeting_until(ten_past).map(|end| end.duration_since(ten_past).as_mins() + 10)
}

fn tasks(reading: &CalendarReading) -> Vec<&str> {
    reading.tasks.iter().map(|task| task.title.as_str()).collect()
}

/// Fails unless it failed in this way, and without a word of what is secret.
fn failed(said: Result<Arc<CalendarReading>, sources::Error>, fault: ErrorKind, what: &str) -> sources::Error {
    let error = said.expect_err("it fails");
    assert_eq!(error.kind, fault, "{error:?}");
    assert!(error.message.contains(what), "{error:?}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    error
}
