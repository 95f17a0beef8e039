//! Times as other programs write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// An instant from ISO 8601 or SQLite text, with or without zone; without, it is UTC. Garbage is none.
pub(crate) fn utc(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_zone_is_utc() {
        let same = ["2026-11-20T08:00:00", "2026-11-20 08:00:00.000", "2026-11-20T02:00:00-06:00", "2026-11-20T08:00Z"];
        for text in same {
            assert_eq!(utc(text), "2026-11-20T08:00:00Z".parse().ok(), "{text}");
        }
        assert_eq!(utc("yesterday"), None);
        assert_eq!(utc(""), None);
    }
}
