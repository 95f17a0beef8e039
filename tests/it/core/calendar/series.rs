//! Series with exclusions and overrides, in Berlin's time.

use rstest::rstest;

use crate::support::ical::{calendar, event, local_time, occurrences, parse, starts, window, zone};

const FROM: &str = "2026-11-16T00:00:00+01:00";
const TO: &str = "2026-11-23T00:00:00+01:00";

fn in_week(events: &str) -> Vec<String> {
    starts(events, FROM, TO)
}

const STANDUP: &str = "UID:standup
    DTSTART;TZID=Europe/Berlin:20260105T093000
    DTEND;TZID=Europe/Berlin:20260105T094500
    RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR";

#[rstest]
#[case::plain("", &["11-16 09:30", "11-18 09:30", "11-20 09:30"])]
#[case::excluded("EXDATE;TZID=Europe/Berlin:20261118T093000", &["11-16 09:30", "11-20 09:30"])]
#[case::excluded_in_utc("EXDATE:20261118T083000Z", &["11-16 09:30", "11-20 09:30"])]
#[case::excluded_by_day("EXDATE;VALUE=DATE:20261118", &["11-16 09:30", "11-20 09:30"])]
#[case::two_excluded("EXDATE;TZID=Europe/Berlin:20261116T093000,20261118T093000", &["11-20 09:30"])]
#[case::exclusion_at_another_hour("EXDATE;TZID=Europe/Berlin:20261118T100000", &["11-16 09:30", "11-18 09:30", "11-20 09:30"])]
#[case::additional_date("RDATE;TZID=Europe/Berlin:20261119T110000", &["11-16 09:30", "11-18 09:30", "11-19 11:00", "11-20 09:30"])]
#[case::cancelled("STATUS:CANCELLED", &[])]
fn series_recurs(#[case] line: &str, #[case] expected: &[&str]) {
    assert_eq!(in_week(&event(&format!("{STANDUP}\n{line}"))), expected);
}

#[rstest]
#[case::moved("RECURRENCE-ID;TZID=Europe/Berlin:20261118T093000\nDTSTART;TZID=Europe/Berlin:20261118T140000", &["11-16 09:30", "11-18 14:00", "11-20 09:30"])]
#[case::moved_out_of_window("RECURRENCE-ID;TZID=Europe/Berlin:20261118T093000\nDTSTART;TZID=Europe/Berlin:20261201T140000", &["11-16 09:30", "11-20 09:30"])]
#[case::moved_into_window("RECURRENCE-ID;TZID=Europe/Berlin:20261202T093000\nDTSTART;TZID=Europe/Berlin:20261119T140000", &["11-16 09:30", "11-18 09:30", "11-19 14:00", "11-20 09:30"])]
#[case::original_in_utc("RECURRENCE-ID:20261118T083000Z\nDTSTART:20261118T130000Z", &["11-16 09:30", "11-18 14:00", "11-20 09:30"])]
#[case::cancelled("RECURRENCE-ID;TZID=Europe/Berlin:20261118T093000\nDTSTART;TZID=Europe/Berlin:20261118T093000\nSTATUS:CANCELLED", &["11-16 09:30", "11-20 09:30"])]
#[case::future_moved("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261118T093000\nDTSTART;TZID=Europe/Berlin:20261118T101500", &["11-16 09:30", "11-18 10:15", "11-20 10:15"])]
#[case::future_cancelled("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261118T093000\nDTSTART;TZID=Europe/Berlin:20261118T093000\nSTATUS:CANCELLED", &["11-16 09:30"])]
#[case::future_moved_long_ago("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260601T093000\nDTSTART;TZID=Europe/Berlin:20260602T080000", &["11-17 08:00", "11-19 08:00", "11-21 08:00"])]
#[case::moved_by_weeks("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260601T093000\nDTSTART;TZID=Europe/Berlin:20260616T080000", &["11-17 08:00", "11-19 08:00", "11-21 08:00"])]
#[case::moved_back_by_weeks("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260615T093000\nDTSTART;TZID=Europe/Berlin:20260602T080000", &["11-17 08:00", "11-19 08:00", "11-21 08:00"])]
fn override_replaces_its_instance(#[case] lines: &str, #[case] expected: &[&str]) {
    let override_event = event(&format!("UID:standup\n{lines}\nDURATION:PT15M"));
    assert_eq!(in_week(&(event(STANDUP) + &override_event)), expected);
    assert_eq!(in_week(&(override_event + &event(STANDUP))), expected, "in any order");
}

#[test]
fn newest_version_counts() {
    let old = "UID:a\nSEQUENCE:1\nDTSTART:20261117T090000Z\nDURATION:PT1H";
    let new = "UID:a\nSEQUENCE:2\nDTSTART:20261119T090000Z\nDURATION:PT1H";
    for events in [event(old) + &event(new), event(new) + &event(old)] {
        assert_eq!(in_week(&events), ["11-19 10:00"]);
    }
}

#[test]
fn override_without_series_is_an_event() {
    let invited = "UID:a\nRECURRENCE-ID:20261118T090000Z\nDTSTART:20261118T100000Z\nDURATION:PT1H";
    assert_eq!(in_week(&event(invited)), ["11-18 11:00"]);
}

#[rstest]
#[case::third_tuesday("FREQ=MONTHLY;BYDAY=3TU", "20260120T080000", &["11-17 08:00"])]
#[case::nth_working_day("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=13", "20260116T080000", &["11-18 08:00"])]
#[case::positions_count_whole_weeks("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2", "20261118T080000", &["11-18 08:00"])]
#[case::until_a_day("FREQ=DAILY;UNTIL=20261118", "20261101T080000", &["11-16 08:00", "11-17 08:00", "11-18 08:00"])]
#[case::until_in_utc("FREQ=DAILY;UNTIL=20261118T065959Z", "20261101T080000", &["11-16 08:00", "11-17 08:00"])]
#[case::until_inclusive("FREQ=DAILY;UNTIL=20261118T070000Z", "20261101T080000", &["11-16 08:00", "11-17 08:00", "11-18 08:00"])]
#[case::count("FREQ=DAILY;COUNT=18", "20261101T080000", &["11-16 08:00", "11-17 08:00", "11-18 08:00"])]
#[case::count_from_long_ago("FREQ=DAILY;COUNT=15663", "19840101T080000", &["11-16 08:00", "11-17 08:00", "11-18 08:00"])]
#[case::month_day_and_weekday("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=20", "20200320T080000", &["11-20 08:00"])]
#[case::week_number("FREQ=YEARLY;BYWEEKNO=47;BYDAY=WE", "20200101T080000", &["11-18 08:00"])]
#[case::weekday_of_first_instance("FREQ=YEARLY;BYWEEKNO=47", "20200102T080000", &["11-19 08:00"])]
#[case::leap_day("FREQ=YEARLY", "20240229T080000", &[])]
#[case::minutes_from_1970("FREQ=MINUTELY;INTERVAL=1440", "19700101T080000", &["11-16 08:00", "11-17 08:00", "11-18 08:00", "11-19 08:00", "11-20 08:00", "11-21 08:00", "11-22 08:00"])]
fn rule_expands_in_zone(#[case] rule: &str, #[case] start: &str, #[case] expected: &[&str]) {
    let lines = format!("UID:a\nDTSTART;TZID=Europe/Berlin:{start}\nDURATION:PT30M\nRRULE:{rule}");
    assert_eq!(in_week(&event(&lines)), expected);
}

#[test]
fn last_week_of_year_may_end_in_january() {
    let lines = "UID:a\nDTSTART:20090522T080000\nRRULE:FREQ=YEARLY;BYMONTH=1;BYWEEKNO=52,53;BYDAY=SU";
    let found = starts(&event(lines), "2009-12-01T00:00:00Z", "2012-02-01T00:00:00Z");
    assert_eq!(found, ["01-03 08:00", "01-02 08:00", "01-01 08:00"]);
}

#[rstest]
#[case::spring_forward("2026-03-28T00:00:00Z", &["03-28 02:30", "03-29 03:30", "03-30 02:30"])]
#[case::fall_back("2026-10-24T00:00:00Z", &["10-24 02:30", "10-25 02:30", "10-26 02:30"])]
fn local_time_survives_clock_changes(#[case] from: &str, #[case] expected: &[&str]) {
    let lines = "UID:a\nDTSTART;TZID=Europe/Berlin:20260101T023000\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    let berlin = zone("Europe/Berlin");
    let days = window(from, from);
    let to = days.start + jiff::SignedDuration::from_hours(3 * 24 - 1);
    let found = occurrences(&parse(&calendar(&event(lines))), &(days.start..to), &berlin);
    assert_eq!(found.iter().map(|one| local_time(one.start, &berlin)).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|one| one.end.duration_since(one.start).as_secs() == 3600), "elapsed time stays");
}

#[rstest]
#[case::end("DTEND;TZID=Europe/Berlin:20260329T040000", 1)] // the hour from 02:00 is skipped
#[case::calendar_day("DURATION:P1D", 23)]
#[case::day_in_hours("DURATION:PT24H", 24)]
fn duration_spans_a_clock_change(#[case] line: &str, #[case] hours: i64) {
    let start = if line.starts_with("DTEND") { "20260329T013000" } else { "20260328T120000" };
    let hours = if line.starts_with("DTEND") { hours * 3600 + 1800 } else { hours * 3600 };
    let lines = format!("UID:a\nDTSTART;TZID=Europe/Berlin:{start}\n{line}");
    let berlin = zone("Europe/Berlin");
    let found = occurrences(
        &parse(&calendar(&event(&lines))),
        &window("2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z"),
        &berlin,
    );
    let lasts: Vec<i64> = found.iter().map(|one| one.end.duration_since(one.start).as_secs()).collect();
    assert_eq!(lasts, [hours]);
}

#[test]
fn rdate_period_has_its_own_duration() {
    for period in ["20261119T100000Z/PT3H", "20261119T100000Z/20261119T130000Z"] {
        let lines = format!("{STANDUP}\nRDATE;VALUE=PERIOD:{period}");
        let content = parse(&calendar(&event(&lines)));
        let found =
            occurrences(&content, &window("2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z"), &zone("Europe/Berlin"));
        let lasts: Vec<i64> = found.iter().map(|one| one.end.duration_since(one.start).as_hours()).collect();
        assert_eq!(lasts, [3]);
    }
}

#[test]
fn future_override_may_last_longer() {
    let series = "UID:a\nDTSTART:20260101T080000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY";
    let longer = "UID:a\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260601T080000Z\nDTSTART:20260601T080000Z\nDURATION:P20D";
    assert_eq!(in_week(&(event(series) + &event(longer))), ["11-01 09:00"]);
}

#[test]
fn long_event_is_found_after_its_start() {
    let lines = "UID:a\nDTSTART;VALUE=DATE:20260901\nDTEND;VALUE=DATE:20261201\nRRULE:FREQ=YEARLY\nTRANSP:OPAQUE";
    assert_eq!(in_week(&event(lines)), ["09-01 00:00"]);
}
