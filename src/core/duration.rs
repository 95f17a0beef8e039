//! Durations as users write them, and the moments that they lead to.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// Parse `30m`, `1h`, `2d`, `1h30m`. The duration must be positive.
pub fn parse(text: &str) -> Result<Span, String> {
    let invalid = || format!("'{text}' is not a duration: use one like 30m, 1h or 2d");
    let span: Span = text.parse().map_err(|_| invalid())?;
    if span.is_positive() { Ok(span) } else { Err(invalid()) }
}

/// `span` before `now`; a day is a calendar day of `zone`.
pub fn before(now: Timestamp, span: Span, zone: &TimeZone) -> Timestamp {
    let start = now.to_zoned_datetime(zone.clone()).checked_sub(span);
    start.map_or(Timestamp::MIN, |start| start.timestamp())
}

/// `span` after `now`, at most 100 years; a day is a calendar day of `zone`.
pub fn after(now: Timestamp, span: Span, zone: &TimeZone) -> Timestamp {
    let max = now.saturating_add(SignedDuration::from_hours(24 * 36_500)).unwrap_or(Timestamp::MAX);
    let end = now.to_zoned_datetime(zone.clone()).checked_add(span);
    end.map_or(max, |end| end.timestamp().min(max))
}
