//! Due dates as users and programs write them into two text columns.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use crate::core::facts::Due;

/// The columns `due_date` and `due_time`.
pub(crate) struct RawDue {
    date: Option<String>,
    time: Option<String>,
}

impl RawDue {
    pub(crate) fn new(date: Option<String>, time: Option<String>) -> Self {
        let non_empty = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        Self { date: non_empty(date), time: non_empty(time) }
    }

    /// The due date in `zone`, `None` without a date. The error returns the invalid text.
    pub(crate) fn parse(self, zone: &TimeZone) -> Result<Option<Due>, Self> {
        let Some(date) = &self.date else { return Ok(None) };
        match parse_due(date, self.time.as_deref(), zone) {
            Some(due) => Ok(Some(due)),
            None => Err(self),
        }
    }
}

fn parse_due(date: &str, time: Option<&str>, zone: &TimeZone) -> Option<Due> {
    if let Ok(instant) = date.parse::<Timestamp>() {
        return Some(Due::At(instant.to_zoned_datetime(zone.clone()).datetime()));
    }
    // Programs that store dates as times write midnight, and a date alone parses as midnight.
    let civil: DateTime = date.parse().ok()?;
    match time {
        Some(time) => Some(Due::At(civil.date().to_datetime(parse_time(time)?))),
        None if civil.time() == Time::midnight() => Some(Due::Day(civil.date())),
        None => Some(Due::At(civil)),
    }
}

/// `HH:MM` or `HH:MM:SS`; also `9:30`.
fn parse_time(text: &str) -> Option<Time> {
    let padded = if text.find(':') == Some(1) { format!("0{text}") } else { text.to_owned() };
    padded.contains(':').then(|| padded.parse().ok())?
}

impl fmt::Display for RawDue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = |text: &Option<String>| -> String { text.iter().flat_map(|t| t.chars()).take(40).collect() };
        write!(f, "'{}'", [prefix(&self.date), prefix(&self.time)].join(" ").trim())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-11-20", None, Some("day 2026-11-20"))]
    #[case("2026-11-20", Some("17:30"), Some("at 2026-11-20T17:30:00"))]
    #[case("2026-11-20", Some("17:30:15"), Some("at 2026-11-20T17:30:15"))]
    #[case("2026-11-20", Some("9:05"), Some("at 2026-11-20T09:05:00"))]
    #[case("2026-11-20T17:30:00", None, Some("at 2026-11-20T17:30:00"))]
    #[case("2026-11-20 17:30", None, Some("at 2026-11-20T17:30:00"))]
    #[case("2026-11-20 00:00:00", None, Some("day 2026-11-20"))]
    #[case("2026-11-20 00:00:00", Some("08:00"), Some("at 2026-11-20T08:00:00"))]
    #[case("2026-11-20T23:30:00Z", None, Some("at 2026-11-20T17:30:00"))]
    #[case("2026-11-20T02:00:00+01:00", Some("12:00"), Some("at 2026-11-19T19:00:00"))]
    #[case("2026-13-40", None, None)]
    #[case("tomorrow", None, None)]
    #[case("2026-11-20", Some("noon"), None)]
    #[case("2026-11-20", Some("25:00"), None)]
    fn due_date_is_in_the_users_zone(#[case] date: &str, #[case] time: Option<&str>, #[case] expected: Option<&str>) {
        let zone = TimeZone::get("America/Chicago").unwrap_or(TimeZone::UTC);
        let found = parse_due(date, time, &zone).map(|due| match due {
            Due::Day(date) => format!("day {date}"),
            Due::At(at) => format!("at {at}"),
        });
        assert_eq!(found.as_deref(), expected);
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(date in any_text(), time in any_text(), hour in 0..24i8, minute in 0..60i8) {
            let _ = parse_due(&date, Some(&time), &TimeZone::UTC);
            let at = jiff::civil::date(2026, 11, 20).at(hour, minute, 0, 0);
            let time = format!("{hour:02}:{minute:02}");
            prop_assert_eq!(parse_due("2026-11-20", Some(&time), &TimeZone::UTC), Some(Due::At(at)));
        }
    }

    /// Anything, often with the characters of dates.
    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[0-9TZ:+. -]{0,25}"]
    }

    #[test]
    fn blank_date_is_no_due_date() {
        let due = RawDue::new(Some("  ".into()), Some("17:30".into()));
        assert!(matches!(due.parse(&TimeZone::UTC), Ok(None)));
    }
}
