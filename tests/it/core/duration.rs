//! Lengths of time as people give them, and where they lead.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use operator::core::duration::{after, before, parse};
use proptest::prelude::*;
use rstest::rstest;

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[rstest]
#[case::minutes("30m", "2026-11-20T12:30:00Z")]
#[case::hours("1h", "2026-11-20T13:00:00Z")]
#[case::both("1h30m", "2026-11-20T13:30:00Z")]
#[case::a_day("1d", "2026-11-21T12:00:00Z")]
#[case::weeks("2w", "2026-12-04T12:00:00Z")]
#[case::in_words("2 hours", "2026-11-20T14:00:00Z")]
#[case::iso("PT15M", "2026-11-20T12:15:00Z")]
#[case::at_most_a_hundred_years("19998y", "2126-10-27T12:00:00Z")]
fn duration_leads_ahead(#[case] text: &str, #[case] to: &str) {
    assert_eq!(after(at("2026-11-20T12:00:00Z"), parse(text).unwrap(), &berlin()), at(to));
}

/// Clocks go forward on 2026-03-29 and back on 2026-10-25: a day is a day by the wall.
#[rstest]
#[case::short_day("2026-03-28T12:00:00Z", "1d", "2026-03-29T11:00:00Z")]
#[case::long_day("2026-10-24T12:00:00Z", "1d", "2026-10-25T13:00:00Z")]
#[case::hours_are_hours("2026-10-24T12:00:00Z", "24h", "2026-10-25T12:00:00Z")]
fn day_follows_the_calendar(#[case] now: &str, #[case] text: &str, #[case] to: &str) {
    let span = parse(text).unwrap();
    assert_eq!(after(at(now), span, &berlin()), at(to));
    assert_eq!(before(at(to), span, &berlin()), at(now));
}

#[rstest]
#[case("12h", "2026-11-20T00:00:00Z")]
#[case("7d", "2026-11-13T12:00:00Z")]
#[case("4w", "2026-10-23T11:00:00Z")]
fn duration_leads_back(#[case] text: &str, #[case] to: &str) {
    assert_eq!(before(at("2026-11-20T12:00:00Z"), parse(text).unwrap(), &berlin()), at(to));
}

#[test]
fn before_the_calendar_there_is_nothing() {
    assert_eq!(before(at("2026-11-20T12:00:00Z"), parse("19998y").unwrap(), &berlin()), Timestamp::MIN);
}

#[rstest]
#[case("")]
#[case(" ")]
#[case("1")]
#[case("h")]
#[case("tomorrow")]
#[case("0s")]
#[case("-1h")]
#[case("1h ago")]
#[case("1h -30m")]
#[case("99999999999999999999h")]
fn invalid_duration_is_refused(#[case] text: &str) {
    assert_eq!(parse(text).unwrap_err(), format!("'{text}' is not a duration: use one like 30m, 1h or 2d"));
}

proptest! {
    #[test]
    fn any_duration_leads_ahead_or_is_refused(text in "[0-9]{1,12} ?(y|mo|w|d|h|m|s|ms|ns|x)( ?[0-9]{1,9}(h|m|s))?", now in -62_000_000_000_i64..250_000_000_000) {
        let now = Timestamp::from_second(now).unwrap();
        if let Ok(span) = parse(&text) {
            prop_assert!(after(now, span, &berlin()) > now && before(now, span, &berlin()) < now);
        }
    }
}
