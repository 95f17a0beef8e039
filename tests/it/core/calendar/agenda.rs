//! What takes time, and what is free. It is Friday in Berlin; quiet hours are from 22 to 7.

use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use operator::core::calendar::busy_times::BusyTimes;
use operator::core::policy::quiet_hours::{QuietHours, WallTime};
use proptest::prelude::*;
use rstest::rstest;

use super::kit::{calendar, event, reading};

const NIGHT: QuietHours = QuietHours { enabled: true, start: WallTime::hour(22), end: WallTime::hour(7) };
const NO_NIGHT: QuietHours = QuietHours { enabled: false, ..NIGHT };

fn now(time: &str) -> ZonedDateTime {
    format!("2026-11-20T{time}[Europe/Berlin]").parse().unwrap()
}

fn at(time: &str) -> Timestamp {
    now(time).timestamp()
}

fn meeting(from: &str, to: &str) -> String {
    let time = |time: &str| format!("20261120T{}00", time.replace(':', ""));
    event(&format!("DTSTART;TZID=Europe/Berlin:{}\nDTEND;TZID=Europe/Berlin:{}", time(from), time(to)))
}

fn agenda(events: &str) -> BusyTimes {
    reading(&calendar(events), "2026-11-20T09:00[Europe/Berlin]").agenda
}

fn minutes(agenda: &BusyTimes, from: &str, deadline: &str, quiet: &QuietHours) -> i64 {
    agenda.free_before(deadline.parse::<ZonedDateTime>().unwrap().timestamp(), quiet, &now(from)).as_mins()
}

fn today(time: &str) -> String {
    format!("2026-11-20T{time}[Europe/Berlin]")
}

#[test]
fn free_is_what_no_event_takes() {
    let day = agenda(&(meeting("10:00", "12:00") + &meeting("11:00", "13:30") + &meeting("15:00", "16:10")));
    assert_eq!(minutes(&day, "09:00", &today("17:00"), &NIGHT), 8 * 60 - 210 - 70);
    assert_eq!(minutes(&day, "11:30", &today("17:00"), &NIGHT), 330 - 120 - 70, "of the one under way, what is left");
    assert_eq!(minutes(&day, "09:00", &today("15:30"), &NIGHT), 390 - 210 - 30, "up to the deadline");
    assert_eq!(minutes(&day, "10:30", &today("13:00"), &NIGHT), 0);
    assert_eq!(minutes(&day, "17:00", &today("17:00"), &NIGHT), 0);
    assert_eq!(minutes(&day, "18:00", &today("17:00"), &NIGHT), 0, "what is past has no free time");
}

#[test]
fn nor_the_night() {
    let free = BusyTimes::default();
    let tomorrow = "2026-11-21T09:00[Europe/Berlin]";
    assert_eq!(minutes(&free, "20:00", tomorrow, &NIGHT), 4 * 60);
    assert_eq!(minutes(&free, "23:00", tomorrow, &NIGHT), 2 * 60);
    assert_eq!(minutes(&free, "20:00", tomorrow, &NO_NIGHT), 13 * 60);
    let late = agenda(&event("DTSTART;TZID=Europe/Berlin:20261120T210000\nDURATION:PT4H"));
    assert_eq!(minutes(&late, "20:00", tomorrow, &NIGHT), 3 * 60, "a party into the night takes its time once");
}

#[rstest]
#[case::plain("", true)]
#[case::free("TRANSP:TRANSPARENT", false)]
#[case::outlook_free("X-MICROSOFT-CDO-BUSYSTATUS:FREE", false)]
#[case::outlook_elsewhere("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", false)]
#[case::outlook_away("X-MICROSOFT-CDO-BUSYSTATUS:OOF", true)]
#[case::tentative("STATUS:TENTATIVE", true)]
#[case::called_off("STATUS:CANCELLED", false)]
#[case::declined("ATTENDEE;PARTSTAT=DECLINED:mailto:ADA@example.org", false)]
#[case::declined_by_others(
    "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.org\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.org",
    true
)]
fn only_what_takes_time_counts(#[case] line: &str, #[case] counts: bool) {
    let text = calendar(&event(&format!("DTSTART:20261120T100000Z\nDURATION:PT1H\n{line}")));
    let content = super::kit::read(&text);
    let reading = operator::core::calendar::reading::CalendarReading::of(&content.events, &[], &[], &now("09:00"));
    assert_eq!(reading.agenda.in_meeting_until(at("11:30")).is_some(), counts);
    assert_eq!(reading.today, usize::from(line != "STATUS:CANCELLED"));
}

#[rstest]
#[case::a_birthday("", 0)]
#[case::a_trip("TRANSP:OPAQUE", 24 * 60)]
#[case::at_outlook("X-MICROSOFT-CDO-BUSYSTATUS:BUSY", 24 * 60)]
#[case::free("TRANSP:TRANSPARENT", 0)]
fn whole_days_take_time_where_they_say_so_and_are_never_meetings(#[case] line: &str, #[case] taken: i64) {
    let day = agenda(&event(&format!("DTSTART;VALUE=DATE:20261121\n{line}")));
    let (from, deadline) = ("20:00", "2026-11-22T12:00[Europe/Berlin]");
    assert_eq!(minutes(&day, from, deadline, &NO_NIGHT), 40 * 60 - taken);
    let noon: ZonedDateTime = "2026-11-21T12:00[Europe/Berlin]".parse().unwrap();
    assert_eq!(day.in_meeting_until(noon.timestamp()), None);
}

#[test]
fn meetings_without_a_pause_are_one() {
    let day = agenda(&(meeting("10:00", "11:00") + &meeting("11:00", "11:30") + &meeting("11:35", "12:00")));
    assert_eq!(day.in_meeting_until(at("09:59:59")), None);
    assert_eq!(day.in_meeting_until(at("10:00")), Some(at("11:30")));
    assert_eq!(day.in_meeting_until(at("11:30")), None);
    assert_eq!(day.next_change(at("10:30")), Some(at("11:30")));
    assert_eq!(day.next_change(at("11:30")), Some(at("11:35")));
    assert_eq!(day.next_change(at("12:00")), None);
    let both = BusyTimes::together([&day, &agenda(&meeting("11:30", "11:40"))]);
    assert_eq!(both.in_meeting_until(at("10:00")), Some(at("12:00")), "and so are those of several calendars");
}

#[rstest]
#[case::a_long_day("PT11H59M", 8)]
#[case::a_stand_by("PT12H", 0)]
#[case::every_day("PT24H\nRRULE:FREQ=DAILY", 0)]
#[case::a_vacation("P5D", 0)]
fn no_meeting_holds_for_ever(#[case] length: &str, #[case] quiet_for: i64) {
    let event = event(&format!("DTSTART;TZID=Europe/Berlin:20261120T090000\nDURATION:{length}"));
    let day = agenda(&event);
    let until = day.in_meeting_until(at("09:00")).unwrap_or(at("09:00"));
    assert_eq!(until.duration_since(at("09:00")).as_hours(), quiet_for);
    assert_eq!(day.in_meeting_until(at("17:00")), None);
    assert_eq!(day.next_change(at("09:00")), (quiet_for > 0).then_some(at("17:00")));
    assert_eq!(minutes(&day, "09:00", &today("17:00"), &NO_NIGHT), 0, "the time is taken all the same");
}

#[test]
fn nor_do_meetings_without_a_pause() {
    let shifts =
        agenda(&event("DTSTART;TZID=Europe/Berlin:20261120T090000\nDURATION:PT4H\nRRULE:FREQ=HOURLY;INTERVAL=4"));
    assert_eq!(shifts.in_meeting_until(at("16:59")), Some(at("17:00")));
    assert_eq!(shifts.in_meeting_until(at("17:00")), None);
    assert_eq!(shifts.next_change(at("17:00")), None);
}

#[test]
fn what_has_no_length_takes_no_time() {
    assert_eq!(agenda(&(meeting("10:00", "10:00") + &meeting("12:00", "11:00"))), BusyTimes::default());
}

proptest! {
    #[test]
    fn free_and_taken_are_all_the_time(meetings in prop::collection::vec((0..48 * 60i64, 0..300i64), 0..20), hours in 1..47i64) {
        let start = at("09:00");
        let text: String = meetings.iter().map(|(from, length)| {
            let from = start + SignedDuration::from_mins(*from);
            event(&format!("DTSTART:{}\nDURATION:PT{length}M", from.strftime("%Y%m%dT%H%M%SZ")))
        }).collect();
        let (day, deadline) = (agenda(&text), start + SignedDuration::from_hours(hours));
        let free = day.free_before(deadline, &NIGHT, &now("09:00")).as_mins();
        let minute = |minute: &i64| start + SignedDuration::from_mins(*minute);
        let is_free = |at: Timestamp| {
            let quiet = NIGHT.in_force(&at.to_zoned_datetime(now("09:00").time_zone().clone()));
            let minutes = at.duration_since(start).as_mins();
            !(quiet || meetings.iter().any(|(from, length)| (*from..from + length).contains(&minutes)))
        };
        prop_assert_eq!(free, (0..hours * 60).filter(|m| is_free(minute(m))).count() as i64);
    }
}
