//! Calendar arithmetic of the rules. `now` carries the user's zone.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

/// The latest of these hours that the local day has reached, as a reminder slot (`2026-11-20T09`). None before the first.
pub(super) fn reminder_slot(hours: &[u8], now: &ZonedDateTime) -> Option<String> {
    let hour = now.hour().unsigned_abs(); // never negative
    let slot = hours.iter().filter(|slot| **slot <= hour).max()?;
    Some(format!("{}T{slot:02}", now.date()))
}

/// The last 7 × 24 hours.
pub(super) fn in_last_week(at: Timestamp, now: &ZonedDateTime) -> bool {
    let elapsed = now.timestamp().duration_since(at);
    elapsed >= SignedDuration::ZERO && elapsed < SignedDuration::from_hours(7 * 24)
}

/// Local days since a date; negative for a date ahead.
pub(super) fn days_ago(date: Date, now: &ZonedDateTime) -> i32 {
    now.date().since(date).map_or(0, |span| span.get_days())
}
