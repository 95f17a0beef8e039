//! Texts as calendars write them: zones by all their names, odd lines, and what is passed over.

use rstest::rstest;

use super::kit::{calendar, event, occurrences, read, read_since, shown, starts, window, zone};

const FROM: &str = "2026-11-16T00:00:00+01:00";
const TO: &str = "2026-11-23T00:00:00+01:00";

#[rstest]
#[case::utc("DTSTART:20261118T080000Z", "11-18 09:00")]
#[case::floating("DTSTART:20261118T080000", "11-18 08:00")]
#[case::iana("DTSTART;TZID=America/New_York:20261118T080000", "11-18 14:00")]
#[case::quoted("DTSTART;TZID=\"America/New_York\":20261118T080000", "11-18 14:00")]
#[case::mozilla("DTSTART;TZID=/mozilla.org/20050126_1/America/New_York:20261118T080000", "11-18 14:00")]
#[case::freeassociation("DTSTART;TZID=/freeassociation.sourceforge.net/Asia/Tokyo:20261118T080000", "11-18 00:00")]
#[case::windows("DTSTART;TZID=W. Europe Standard Time:20261118T080000", "11-18 08:00")]
#[case::windows_again("DTSTART;TZID=Pacific Standard Time:20261118T080000", "11-18 17:00")]
#[case::windows_by_its_cities(
    "DTSTART;TZID=\"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna\":20261118T080000",
    "11-18 08:00"
)]
#[case::unknown_counts_as_ones_own("DTSTART;TZID=Middle-earth/Shire:20261118T080000", "11-18 08:00")]
#[case::a_day("DTSTART;VALUE=DATE:20261118", "11-18 00:00")]
#[case::a_day_that_does_not_say_so("DTSTART:20261118", "11-18 00:00")]
#[case::a_leap_second("DTSTART:20261118T075960Z", "11-18 08:59")]
#[case::in_small_letters("dtstart;tzid=America/New_York:20261118T080000", "11-18 14:00")]
fn times_are_read_in_their_zone(#[case] line: &str, #[case] expected: &str) {
    assert_eq!(starts(&event(&format!("UID:a\n{line}\nDURATION:PT1H")), FROM, TO), [expected]);
}

const CUSTOM: &str = "BEGIN:VTIMEZONE\r\nTZID:Customized Time Zone\r\n\
    BEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:-0300\r\nTZOFFSETTO:-0400\r\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11\r\nEND:STANDARD\r\n\
    BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0300\r\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n\
    END:VTIMEZONE\r\n";

#[rstest]
#[case::winter("20261118T080000", "11-18 13:00")]
#[case::summer("20260618T080000", "06-18 13:00")]
#[case::the_last_hour_of_summer("20261101T010000", "11-01 05:00")]
fn a_zone_may_be_defined_by_the_calendar_itself(#[case] start: &str, #[case] expected: &str) {
    let event = event(&format!("UID:a\nDTSTART;TZID=Customized Time Zone:{start}\nDURATION:PT1H"));
    let all = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    assert_eq!(starts(&(CUSTOM.to_owned() + &event), all.0, all.1), [expected]);
    assert_eq!(starts(&(event + CUSTOM), all.0, all.1), [expected], "before or after it is used");
}

#[rstest]
#[case::by_location("X-LIC-LOCATION:America/New_York\r\n", "11-18 14:00")]
#[case::by_a_single_distance(
    "BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0530\r\nTZOFFSETTO:+0530\r\nEND:STANDARD\r\n",
    "11-18 03:30"
)]
fn or_told_by_other_words(#[case] lines: &str, #[case] expected: &str) {
    let zone = format!("BEGIN:VTIMEZONE\r\nTZID:ours\r\n{lines}END:VTIMEZONE\r\n");
    assert_eq!(
        starts(&(zone + &event("UID:a\nDTSTART;TZID=ours:20261118T080000\nDURATION:PT1H")), FROM, TO),
        [expected]
    );
}

const PLAIN: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20261118T080000Z\r\nDURATION:PT1H\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[rstest]
#[case::as_it_is(PLAIN.into())]
#[case::unix_lines(PLAIN.replace("\r\n", "\n"))]
#[case::old_mac_lines(PLAIN.replace("\r\n", "\r"))]
#[case::a_byte_order_mark(format!("\u{feff}{PLAIN}"))]
#[case::empty_lines(PLAIN.replace("\r\n", "\r\n\r\n"))]
#[case::spaces_behind(PLAIN.replace("\r\n", "  \r\n"))]
#[case::folded(PLAIN.replace("20261118T080000Z", "2026111\r\n 8T080000Z"))]
#[case::no_end_of_the_event(PLAIN.replace("END:VEVENT\r\n", ""))]
#[case::no_end_of_the_calendar(PLAIN.replace("END:VCALENDAR\r\n", ""))]
#[case::no_last_line_end(PLAIN.trim_end().into())]
#[case::cut_off(PLAIN.split("SUMMARY").next().unwrap().into())]
#[case::an_end_too_many(PLAIN.replace("END:VEVENT", "END:VALARM\r\nEND:VEVENT\r\nEND:VEVENT"))]
#[case::an_alarm_inside(PLAIN.replace("SUMMARY:x", "BEGIN:VALARM\r\nTRIGGER:-PT5M\r\nDTSTART:19990101T000000Z\r\nEND:VALARM"))]
#[case::an_alarm_without_end(PLAIN.replace("SUMMARY:x", "BEGIN:VALARM\r\nTRIGGER:-PT5M"))]
#[case::lines_that_are_none(PLAIN.replace("SUMMARY:x", "what\r\n:\r\n;;;\r\nX=\r\n\0\0\0"))]
#[case::capitals(PLAIN.to_lowercase().replace('t', "T").replace('z', "Z"))]
fn lines_may_end_and_break_as_they_like(#[case] text: String) {
    let berlin = zone("Europe/Berlin");
    for size in [1, 7, 4096] {
        let content = super::hostile::read_in_pieces(text.as_bytes(), size).expect("a calendar");
        let found = occurrences(&content, &window(FROM, TO), &berlin);
        assert_eq!(found.iter().map(|one| shown(one.start, &berlin)).collect::<Vec<_>>(), ["11-18 09:00"]);
    }
}

#[rstest]
#[case::no_start("UID:b", "it does not say when it begins")]
#[case::no_such_day("UID:b\nDTSTART:20260230T080000Z", "one of its dates is not on the calendar")]
#[case::year_zero("UID:b\nDTSTART:00000101T080000Z", "one of its dates is not on the calendar")]
#[case::no_such_time("UID:b\nDTSTART:20261118T250000Z", "one of its times is not on the clock")]
#[case::words("UID:b\nDTSTART:tomorrow", "one of its times cannot be read")]
#[case::no_rule("UID:b\nDTSTART:20261118T080000Z\nRRULE:whenever", "its recurrence rule cannot be read")]
#[case::hebrew(
    "UID:b\nDTSTART:20261118T080000Z\nRRULE:RSCALE=HEBREW;FREQ=YEARLY",
    "it comes again by a calendar that is not the Gregorian"
)]
fn a_broken_event_is_passed_over_and_the_others_count(#[case] lines: &str, #[case] why: &str) {
    let good = event("UID:a\nDTSTART:20261118T080000Z\nDURATION:PT1H");
    let content = read(&calendar(&format!("{good}{}{good}", event(lines)).replacen("UID:a", "UID:c", 1)));
    assert_eq!(content.events.len(), 2);
    assert_eq!(content.notes, [format!("an event was passed over: {why}")]);
}

#[test]
fn notes_stay_few() {
    let content = read(&calendar(&event("UID:a").repeat(1000)));
    assert_eq!(content.notes.len(), 6);
    assert_eq!(content.notes[5], "and 995 more parts were passed over");
    let content = read(&calendar(&event("UID:a\nDTSTART;TZID=Nowhere:20261118T080000")));
    assert_eq!(content.notes, ["the time zone 'Nowhere' is not known: its times count as your own"]);
}

#[test]
fn what_is_over_is_not_kept() {
    let events = event("UID:a\nDTSTART:20200101T080000Z\nDURATION:PT1H")
        + &event("UID:b\nDTSTART:20200101T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20200301T000000Z")
        + &event("UID:c\nDTSTART:20200101T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY")
        + &event("UID:d\nDTSTART;VALUE=DATE:20261101\nDURATION:P3W");
    let kept = read_since(&calendar(&events), "2026-11-20T00:00:00");
    assert_eq!(kept.events.iter().map(|event| event.uid.as_str()).collect::<Vec<_>>(), ["c", "d"]);
}
