//! Texts as calendars write them: zones by all their names, odd lines, and what is passed over.

use jiff::tz::TimeZone;
use operator::sources::calendar::ical::Unfit;
use rstest::rstest;

use super::hostile::read_in_pieces;
use super::kit::{calendar, event, occurrences, read, read_at, read_since, shown, starts, todo, window, zone};

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
#[case::no_last_line_end(PLAIN.trim_end().into())]
#[case::an_end_too_many(PLAIN.replace("END:VEVENT", "END:VALARM\r\nEND:VEVENT\r\nEND:VEVENT"))]
#[case::an_end_of_the_calendar_too_many(format!("{PLAIN}END:VCALENDAR\r\n"))]
#[case::an_alarm_inside(PLAIN.replace("SUMMARY:x", "BEGIN:VALARM\r\nTRIGGER:-PT5M\r\nDTSTART:19990101T000000Z\r\nEND:VALARM"))]
#[case::an_alarm_without_end(PLAIN.replace("SUMMARY:x", "BEGIN:VALARM\r\nTRIGGER:-PT5M"))]
#[case::lines_that_are_none(PLAIN.replace("SUMMARY:x", "what\r\n:\r\n;;;\r\nX=\r\n\0\0\0"))]
#[case::capitals(PLAIN.to_lowercase().replace('t', "T").replace('z', "Z"))]
fn lines_may_end_and_break_as_they_like(#[case] text: String) {
    let berlin = zone("Europe/Berlin");
    for size in [1, 7, 4096] {
        let content = read_in_pieces(text.as_bytes(), size).expect("a calendar");
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

#[test]
fn a_calendar_that_is_cut_off_anywhere_is_none() {
    let parts = event("UID:a\nDTSTART:20261118T080000Z") + &todo("UID:b\nSUMMARY:Tax\nSTATUS:COMPLETED");
    let text = calendar(&parts);
    let (first, last) = ("BEGIN:VCALENDAR\r\n".len(), text.trim_end().len());
    for end in first..last {
        let cut = read_in_pieces(&text.as_bytes()[..end], 7);
        assert_eq!(cut.err(), Some(Unfit::CutOff), "{}", &text[..end]);
        let followed = format!("{}\r\n{text}", &text[..end]);
        assert_eq!(read_in_pieces(followed.as_bytes(), 7).err(), Some(Unfit::CutOff), "{followed}");
    }
    assert!(read_in_pieces(text.trim_end().as_bytes(), 7).is_ok());
}

#[rstest]
#[case::no_such_day("UID:a\nDUE:20260230T080000Z")]
#[case::its_name_behind("DUE:20260230T080000Z\nUID:a")]
#[case::a_folded_name("DUE:20260230T080000Z\nuid;X=\"y:z\"\n :a")]
#[case::after_an_alarm("BEGIN:VALARM\nUID:alarm\nEND:VALARM\nUID:a\nDUE:20260230T080000Z")]
#[case::no_rule("UID:a\nDUE:20261118T080000Z\nRRULE:whenever")]
#[case::too_long(&format!("UID:a\nDESCRIPTION:{}", "x".repeat(1_100_000)))]
fn a_to_do_that_cannot_be_read_is_still_there(#[case] lines: &str) {
    let lines = lines.replace("\n :a", "\r\n :a");
    let part = lines.split('\n').map(|line| format!("{}\r\n", line.trim_end())).collect::<String>();
    let content = read(&calendar(&format!("BEGIN:VTODO\r\n{part}END:VTODO\r\n{}", todo("UID:b\nSUMMARY:Tax"))));
    assert_eq!(content.unreadable, ["a"]);
    assert_eq!((content.todos.len(), content.notes.len()), (1, 1));
}

#[test]
fn to_dos_of_which_not_even_the_names_are_known_leave_all_unknown() {
    let long = format!("DESCRIPTION:{}\nUID:a", "x".repeat(1_100_000));
    let many: String = (0..100_100).map(|n| todo(&format!("UID:{n}"))).collect();
    let open = "BEGIN:VTODO\r\nSUMMARY:x\r\n".to_owned();
    for parts in [todo(&long), many, open] {
        let said = read_in_pieces(calendar(&parts).as_bytes(), 64 * 1024);
        assert_eq!(said.err(), Some(Unfit::Nameless));
    }
    // An event may be as long as it likes, and a to-do without a name never was a task.
    let said = read_in_pieces(calendar(&(event(&long) + &todo("SUMMARY:x"))).as_bytes(), 4096).unwrap();
    assert_eq!((said.unreadable.len(), said.notes.len()), (0, 2));
}

/// Changes of a zone named Office: kind, from and to which distance, when.
fn office(changes: &[(&str, &str, &str, &str)]) -> String {
    let change = |(kind, from, to, when): &(&str, &str, &str, &str)| {
        format!("BEGIN:{kind}\r\nTZOFFSETFROM:{from}\r\nTZOFFSETTO:{to}\r\n{when}\r\nEND:{kind}\r\n")
    };
    let changes: String = changes.iter().map(change).collect();
    format!("BEGIN:VTIMEZONE\r\nTZID:Office\r\n{changes}END:VTIMEZONE\r\n")
}

#[rstest]
#[case::the_second_and_first_sunday(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20070311T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SU;BYMONTHDAY=8,9,10,11,12,13,14"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20071104T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=SU;BYMONTHDAY=1,2,3,4,5,6,7"),
]), ["13:00", "12:00"])]
#[case::the_last_sundays(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20070325T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SU;BYMONTHDAY=25,26,27,28,29,30,31"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20071028T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=SU;BYMONTHDAY=-7,-6,-5,-4,-3,-2,-1"),
]), ["13:00", "12:00"])]
#[case::day_by_day(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20250309T020000\r\nRDATE:20260308T020000,20270314T020000"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20251102T020000\r\nRDATE:20261101T020000,20271107T020000"),
]), ["13:00", "12:00"])]
#[case::until_a_day_to_come(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20070311T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU;UNTIL=20300301T000000Z"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20071104T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU;UNTIL=20300301T000000Z"),
]), ["13:00", "12:00"])]
#[case::summer_for_ever(office(&[
    ("DAYLIGHT", "-0500", "-0400", "DTSTART:20070311T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"),
    ("STANDARD", "-0400", "-0500", "DTSTART:20071104T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU;UNTIL=20200101T000000Z"),
]), ["12:00", "12:00"])]
fn a_zone_of_its_own_is_right_in_both_halves_of_the_year(#[case] zone: String, #[case] expected: [&str; 2]) {
    let at = |day: &str| event(&format!("UID:{day}\nDTSTART;TZID=Office:{day}T080000\nDURATION:PT1H"));
    let text = calendar(&(zone + &at("20261118") + &at("20260618")));
    let all = window("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    for (now, is_winter, expected) in
        [("2026-11-17T09:00:00Z", true, expected[0]), ("2026-06-17T09:00:00Z", false, expected[1])]
    {
        let found = occurrences(&read_at(&text, "1900-01-01T00:00:00", now), &all, &TimeZone::UTC);
        let near = if is_winter { found.last() } else { found.first() };
        assert_eq!(
            near.map(|one| shown(one.start, &TimeZone::UTC)[6..].to_owned()).as_deref(),
            Some(expected),
            "{now}"
        );
    }
}

#[test]
fn a_zone_that_changes_every_second_is_none_that_is_known() {
    let zone = office(&[("STANDARD", "+0100", "+0200", "DTSTART:19700101T000000\r\nRRULE:FREQ=SECONDLY")]);
    let content = read(&calendar(&(zone + &event("UID:a\nDTSTART;TZID=Office:20261118T080000"))));
    assert_eq!(content.notes, ["the time zone 'Office' is not known: its times count as your own"]);
}
