//! Lengths of time as people give them, and where they lead.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// `30m`, `1h`, `2d`, `1h30m`.
///
/// # Errors
/// In a sentence, when the text is no length of time, or not ahead.
pub fn parse(text: &str) -> Result<Span, String> {
    let wanted = || format!("'{text}' is not a length of time: give one like 30m, 1h or 2d");
    let span: Span = text.parse().map_err(|_| wanted())?;
    if span.is_positive() { Ok(span) } else { Err(wanted()) }
}

/// How far back a span reaches from `now`.
#[must_use]
pub fn back(now: Timestamp, span: Span, zone: &TimeZone) -> Timestamp {
    let start = now.to_zoned_datetime(zone.clone()).checked_sub(span);
    start.map_or(Timestamp::MIN, |start| start.timestamp())
}

/// The moment that lies a span ahead of `now`; at most a hundred years.
#[must_use]
pub fn ahead(now: Timestamp, span: Span, zone: &TimeZone) -> Timestamp {
    let far = now.saturating_add(SignedDuration::from_hours(24 * 36_500)).unwrap_or(Timestamp::MAX);
    let end = now.to_zoned_datetime(zone.clone()).checked_add(span);
    end.map_or(far, |end| end.timestamp().min(far))
}
