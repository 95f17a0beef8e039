//! Timestamps in the text formats of other programs.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Parses ISO 8601 or SQLite text. Text without an offset is UTC.
pub(crate) fn parse_utc(text: &str) -> Option<Timestamp> {
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
    fn text_without_offset_is_utc() {
        let same = ["2026-11-20T08:00:00", "2026-11-20 08:00:00.000", "2026-11-20T02:00:00-06:00", "2026-11-20T08:00Z"];
        for text in same {
            assert_eq!(parse_utc(text), "2026-11-20T08:00:00Z".parse().ok(), "{text}");
        }
        assert_eq!(parse_utc("yesterday"), None);
        assert_eq!(parse_utc(""), None);
    }
}
