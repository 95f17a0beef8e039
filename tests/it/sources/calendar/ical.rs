//! iCalendar text: time zones, line endings, invalid and truncated components.

use jiff::tz::TimeZone;
use operator::sources::calendar::ical::Error;
use rstest::rstest;

use super::hostile::parse_in_chunks;
use crate::support::ical::{
    calendar, event, local_time, occurrences, parse, parse_at, parse_since, starts, todo, window, zone,
};

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
#[case::windows_pacific("DTSTART;TZID=Pacific Standard Time:20261118T080000", "11-18 17:00")]
#[case::windows_display_name(
    "DTSTART;TZID=\"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna\":20261118T080000",
    "11-18 08:00"
)]
#[case::unknown_zone("DTSTART;TZID=Middle-earth/Shire:20261118T080000", "11-18 08:00")]
#[case::day("DTSTART;VALUE=DATE:20261118", "11-18 00:00")]
#[case::day_without_value_type("DTSTART:20261118", "11-18 00:00")]
#[case::leap_second("DTSTART:20261118T075960Z", "11-18 08:59")]
#[case::lower_case("dtstart;tzid=America/New_York:20261118T080000", "11-18 14:00")]
fn time_is_parsed_in_its_zone(#[case] line: &str, #[case] expected: &str) {
    assert_eq!(starts(&event(&format!("UID:a\n{line}\nDURATION:PT1H")), FROM, TO), [expected]);
}

const CUSTOM: &str = "BEGIN:VTIMEZONE\r\nTZID:Customized Time Zone\r\n\
    BEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:-0300\r\nTZOFFSETTO:-0400\r\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11\r\nEND:STANDARD\r\n\
    BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0300\r\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n\
    END:VTIMEZONE\r\n";

#[rstest]
#[case::winter("20261118T080000", "11-18 13:00")]
#[case::summer("20260618T080000", "06-18 13:00")]
#[case::last_hour_of_summer("20261101T010000", "11-01 05:00")]
fn vtimezone_defines_a_zone(#[case] start: &str, #[case] expected: &str) {
    let event = event(&format!("UID:a\nDTSTART;TZID=Customized Time Zone:{start}\nDURATION:PT1H"));
    let all = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    assert_eq!(starts(&(CUSTOM.to_owned() + &event), all.0, all.1), [expected]);
    assert_eq!(starts(&(event + CUSTOM), all.0, all.1), [expected], "the definition may follow its use");
}

#[rstest]
#[case::by_location("X-LIC-LOCATION:America/New_York\r\n", "11-18 14:00")]
#[case::single_offset(
    "BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0530\r\nTZOFFSETTO:+0530\r\nEND:STANDARD\r\n",
    "11-18 03:30"
)]
fn vtimezone_without_rules_is_understood(#[case] lines: &str, #[case] expected: &str) {
    let zone = format!("BEGIN:VTIMEZONE\r\nTZID:ours\r\n{lines}END:VTIMEZONE\r\n");
    assert_eq!(
        starts(&(zone + &event("UID:a\nDTSTART;TZID=ours:20261118T080000\nDURATION:PT1H")), FROM, TO),
        [expected]
    );
}

const PLAIN: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20261118T080000Z\r\nDURATION:PT1H\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[rstest]
#[case::unchanged(PLAIN.into())]
#[case::unix_lines(PLAIN.replace("\r\n", "\n"))]
#[case::old_mac_lines(PLAIN.replace("\r\n", "\r"))]
#[case::byte_order_mark(format!("\u{feff}{PLAIN}"))]
#[case::empty_lines(PLAIN.replace("\r\n", "\r\n\r\n"))]
#[case::trailing_spaces(PLAIN.replace("\r\n", "  \r\n"))]
#[case::folded(PLAIN.replace("20261118T080000Z", "2026111\r\n 8T080000Z"))]
#[case::no_final_newline(PLAIN.trim_end().into())]
#[case::extra_end(PLAIN.replace("END:VEVENT", "END:VALARM\r\nEND:VEVENT\r\nEND:VEVENT"))]
#[case::extra_calendar_end(format!("{PLAIN}END:VCALENDAR\r\n"))]
#[case::alarm(PLAIN.replace("SUMMARY:x", "BEGIN:VALARM\r\nTRIGGER:-PT5M\r\nDTSTART:19990101T000000Z\r\nEND:VALARM"))]
#[case::alarm_without_end(PLAIN.replace("SUMMARY:x", "BEGIN:VALARM\r\nTRIGGER:-PT5M"))]
#[case::invalid_lines(PLAIN.replace("SUMMARY:x", "what\r\n:\r\n;;;\r\nX=\r\n\0\0\0"))]
#[case::mixed_case(PLAIN.to_lowercase().replace('t', "T").replace('z', "Z"))]
fn odd_lines_are_tolerated(#[case] text: String) {
    let berlin = zone("Europe/Berlin");
    for size in [1, 7, 4096] {
        let content = parse_in_chunks(text.as_bytes(), size).expect("a calendar");
        let found = occurrences(&content, &window(FROM, TO), &berlin);
        assert_eq!(found.iter().map(|one| local_time(one.start, &berlin)).collect::<Vec<_>>(), ["11-18 09:00"]);
    }
}

#[rstest]
#[case::no_start("UID:b", "it has no start")]
#[case::no_such_day("UID:b\nDTSTART:20260230T080000Z", "one of its dates does not exist")]
#[case::year_zero("UID:b\nDTSTART:00000101T080000Z", "one of its dates does not exist")]
#[case::no_such_time("UID:b\nDTSTART:20261118T250000Z", "one of its times does not exist")]
#[case::not_a_time("UID:b\nDTSTART:tomorrow", "one of its times is invalid")]
#[case::no_rule("UID:b\nDTSTART:20261118T080000Z\nRRULE:whenever", "its recurrence rule is invalid")]
#[case::hebrew(
    "UID:b\nDTSTART:20261118T080000Z\nRRULE:RSCALE=HEBREW;FREQ=YEARLY",
    "its recurrence rule is not for the Gregorian calendar"
)]
fn invalid_event_is_skipped_alone(#[case] lines: &str, #[case] reason: &str) {
    let good = event("UID:a\nDTSTART:20261118T080000Z\nDURATION:PT1H");
    let content = parse(&calendar(&format!("{good}{}{good}", event(lines)).replacen("UID:a", "UID:c", 1)));
    assert_eq!(content.events.len(), 2);
    assert_eq!(content.notes, [format!("an event was skipped: {reason}")]);
}

#[test]
fn number_of_notes_is_limited() {
    let content = parse(&calendar(&event("UID:a").repeat(1000)));
    assert_eq!(content.notes.len(), 6);
    assert_eq!(content.notes[5], "995 more components were skipped");
    let content = parse(&calendar(&event("UID:a\nDTSTART;TZID=Nowhere:20261118T080000")));
    assert_eq!(content.notes, ["the time zone 'Nowhere' is unknown: its times count in your zone"]);
}

#[test]
fn past_event_is_dropped() {
    let events = event("UID:a\nDTSTART:20200101T080000Z\nDURATION:PT1H")
        + &event("UID:b\nDTSTART:20200101T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20200301T000000Z")
        + &event("UID:c\nDTSTART:20200101T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY")
        + &event("UID:d\nDTSTART;VALUE=DATE:20261101\nDURATION:P3W");
    let content = parse_since(&calendar(&events), "2026-11-20T00:00:00");
    assert_eq!(content.events.iter().map(|event| event.uid.as_str()).collect::<Vec<_>>(), ["c", "d"]);
}

#[test]
fn truncated_calendar_is_an_error() {
    let parts = event("UID:a\nDTSTART:20261118T080000Z") + &todo("UID:b\nSUMMARY:Tax\nSTATUS:COMPLETED");
    let text = calendar(&parts);
    let (first, last) = ("BEGIN:VCALENDAR\r\n".len(), text.trim_end().len());
    for end in first..last {
        let result = parse_in_chunks(&text.as_bytes()[..end], 7);
        assert_eq!(result.err(), Some(Error::Truncated), "{}", &text[..end]);
        let followed = format!("{}\r\n{text}", &text[..end]);
        assert_eq!(parse_in_chunks(followed.as_bytes(), 7).err(), Some(Error::Truncated), "{followed}");
    }
    assert!(parse_in_chunks(text.trim_end().as_bytes(), 7).is_ok());
}

#[rstest]
#[case::no_such_day("UID:a\nDUE:20260230T080000Z")]
#[case::uid_after_due("DUE:20260230T080000Z\nUID:a")]
#[case::folded_uid("DUE:20260230T080000Z\nuid;X=\"y:z\"\n :a")]
#[case::after_an_alarm("BEGIN:VALARM\nUID:alarm\nEND:VALARM\nUID:a\nDUE:20260230T080000Z")]
#[case::no_rule("UID:a\nDUE:20261118T080000Z\nRRULE:whenever")]
#[case::too_long(&format!("UID:a\nDESCRIPTION:{}", "x".repeat(1_100_000)))]
fn invalid_todo_is_listed_as_unreadable(#[case] lines: &str) {
    let lines = lines.replace("\n :a", "\r\n :a");
    let part = lines.split('\n').map(|line| format!("{}\r\n", line.trim_end())).collect::<String>();
    let content = parse(&calendar(&format!("BEGIN:VTODO\r\n{part}END:VTODO\r\n{}", todo("UID:b\nSUMMARY:Tax"))));
    assert_eq!(content.unreadable, ["a"]);
    assert_eq!((content.todos.len(), content.notes.len()), (1, 1));
}

#[test]
fn todo_without_readable_uid_is_an_error() {
    let long = format!("DESCRIPTION:{}\nUID:a", "x".repeat(1_100_000));
    let many: String = (0..100_100).map(|n| todo(&format!("UID:{n}"))).collect();
    let open = "BEGIN:VTODO\r\nSUMMARY:x\r\n".to_owned();
    for parts in [todo(&long), many, open] {
        let result = parse_in_chunks(calendar(&parts).as_bytes(), 64 * 1024);
        assert_eq!(result.err(), Some(Error::MissingUid));
    }
    // A long event is only skipped, and a complete to-do without UID never was a task.
    let result = parse_in_chunks(calendar(&(event(&long) + &todo("SUMMARY:x"))).as_bytes(), 4096).unwrap();
    assert_eq!((result.unreadable.len(), result.notes.len()), (0, 2));
}

/// A VTIMEZONE named Office. A change is its kind, the offsets before and after it, and its date lines.
fn office(changes: &[(&str, &str, &str, &str)]) -> String {
    let change = |(kind, from, to, when): &(&str, &str, &str, &str)| {
        format!("BEGIN:{kind}\r\nTZOFFSETFROM:{from}\r\nTZOFFSETTO:{to}\r\n{when}\r\nEND:{kind}\r\n")
    };
    let changes: String = changes.iter().map(change).collect();
    format!("BEGIN:VTIMEZONE\r\nTZID:Office\r\n{changes}END:VTIMEZONE\r\n")
}

#[rstest]
#[case::nth_sunday_by_month_days(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20070311T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SU;BYMONTHDAY=8,9,10,11,12,13,14"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20071104T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=SU;BYMONTHDAY=1,2,3,4,5,6,7"),
]), ["13:00", "12:00"])]
#[case::last_sunday_by_month_days(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20070325T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SU;BYMONTHDAY=25,26,27,28,29,30,31"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20071028T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=SU;BYMONTHDAY=-7,-6,-5,-4,-3,-2,-1"),
]), ["13:00", "12:00"])]
#[case::rdates(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20250309T020000\r\nRDATE:20260308T020000,20270314T020000"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20251102T020000\r\nRDATE:20261101T020000,20271107T020000"),
]), ["13:00", "12:00"])]
#[case::until_in_the_future(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20070311T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU;UNTIL=20300301T000000Z"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20071104T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU;UNTIL=20300301T000000Z"),
]), ["13:00", "12:00"])]
#[case::permanent_summer_time(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20070311T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20071104T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU;UNTIL=20200101T000000Z"),
]), ["12:00", "12:00"])]
fn defined_zone_is_right_all_year(#[case] zone: String, #[case] expected: [&str; 2]) {
    let at = |day: &str| event(&format!("UID:{day}\nDTSTART;TZID=Office:{day}T080000\nDURATION:PT1H"));
    let text = calendar(&(zone + &at("20261118") + &at("20260618")));
    let all = window("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    for (now, is_winter, expected) in
        [("2026-11-17T09:00:00Z", true, expected[0]), ("2026-06-17T09:00:00Z", false, expected[1])]
    {
        let found = occurrences(&parse_at(&text, "1900-01-01T00:00:00", now), &all, &TimeZone::UTC);
        let near = if is_winter { found.last() } else { found.first() };
        assert_eq!(
            near.map(|one| local_time(one.start, &TimeZone::UTC)[6..].to_owned()).as_deref(),
            Some(expected),
            "{now}"
        );
    }
}

#[test]
fn zone_with_secondly_changes_is_unknown() {
    let zone = office(&[("STANDARD", "+0100", "+0200", "DTSTART:19700101T000000\r\nRRULE:FREQ=SECONDLY")]);
    let content = parse(&calendar(&(zone + &event("UID:a\nDTSTART;TZID=Office:20261118T080000"))));
    assert_eq!(content.notes, ["the time zone 'Office' is unknown: its times count in your zone"]);
}
