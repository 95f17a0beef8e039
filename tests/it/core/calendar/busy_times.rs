//! Busy and free time on a Friday in Berlin, with quiet hours from 22 to 7.

use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use operator::core::calendar::busy_times::BusyTimes;
use operator::core::policy::quiet_hours::{QuietHours, WallTime};
use proptest::prelude::*;
use rstest::rstest;

use crate::support::ical::{calendar, evaluate, event, parse};

const QUIET_HOURS: QuietHours = QuietHours { enabled: true, start: WallTime::hour(22), end: WallTime::hour(7) };
const NO_QUIET_HOURS: QuietHours = QuietHours { enabled: false, ..QUIET_HOURS };

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

fn busy_times(events: &str) -> BusyTimes {
    evaluate(&calendar(events), "2026-11-20T09:00[Europe/Berlin]").busy_times
}

fn minutes(busy: &BusyTimes, from: &str, deadline: &str, quiet: &QuietHours) -> i64 {
    busy.free_before(deadline.parse::<ZonedDateTime>().unwrap().timestamp(), quiet, &now(from)).as_mins()
}

fn today(time: &str) -> String {
    format!("2026-11-20T{time}[Europe/Berlin]")
}

#[test]
fn free_time_excludes_events() {
    let day = busy_times(&(meeting("10:00", "12:00") + &meeting("11:00", "13:30") + &meeting("15:00", "16:10")));
    assert_eq!(minutes(&day, "09:00", &today("17:00"), &QUIET_HOURS), 8 * 60 - 210 - 70);
    assert_eq!(
        minutes(&day, "11:30", &today("17:00"), &QUIET_HOURS),
        330 - 120 - 70,
        "the rest of the event in progress counts"
    );
    assert_eq!(minutes(&day, "09:00", &today("15:30"), &QUIET_HOURS), 390 - 210 - 30, "up to the deadline");
    assert_eq!(minutes(&day, "10:30", &today("13:00"), &QUIET_HOURS), 0);
    assert_eq!(minutes(&day, "17:00", &today("17:00"), &QUIET_HOURS), 0);
    assert_eq!(minutes(&day, "18:00", &today("17:00"), &QUIET_HOURS), 0, "a past deadline has no free time");
}

#[test]
fn free_time_excludes_quiet_hours() {
    let free = BusyTimes::default();
    let tomorrow = "2026-11-21T09:00[Europe/Berlin]";
    assert_eq!(minutes(&free, "20:00", tomorrow, &QUIET_HOURS), 4 * 60);
    assert_eq!(minutes(&free, "23:00", tomorrow, &QUIET_HOURS), 2 * 60);
    assert_eq!(minutes(&free, "20:00", tomorrow, &NO_QUIET_HOURS), 13 * 60);
    let late = busy_times(&event("DTSTART;TZID=Europe/Berlin:20261120T210000\nDURATION:PT4H"));
    assert_eq!(minutes(&late, "20:00", tomorrow, &QUIET_HOURS), 3 * 60, "an event in quiet hours counts once");
}

#[rstest]
#[case::plain("", true)]
#[case::free("TRANSP:TRANSPARENT", false)]
#[case::outlook_free("X-MICROSOFT-CDO-BUSYSTATUS:FREE", false)]
#[case::outlook_elsewhere("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", false)]
#[case::outlook_out_of_office("X-MICROSOFT-CDO-BUSYSTATUS:OOF", true)]
#[case::tentative("STATUS:TENTATIVE", true)]
#[case::cancelled("STATUS:CANCELLED", false)]
#[case::declined("ATTENDEE;PARTSTAT=DECLINED:mailto:ADA@example.org", false)]
#[case::declined_by_another(
    "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.org\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.org",
    true
)]
fn only_busy_events_are_meetings(#[case] line: &str, #[case] counts: bool) {
    let text = calendar(&event(&format!("DTSTART:20261120T100000Z\nDURATION:PT1H\n{line}")));
    let content = parse(&text);
    let reading =
        operator::core::calendar::reading::CalendarReading::evaluate(&content.events, &[], &[], &now("09:00"));
    assert_eq!(reading.busy_times.in_meeting_until(at("11:30")).is_some(), counts);
    assert_eq!(reading.events_today, usize::from(line != "STATUS:CANCELLED"));
}

#[rstest]
#[case::birthday("", 0)]
#[case::trip("TRANSP:OPAQUE", 24 * 60)]
#[case::outlook_busy("X-MICROSOFT-CDO-BUSYSTATUS:BUSY", 24 * 60)]
#[case::free("TRANSP:TRANSPARENT", 0)]
fn all_day_event_is_busy_only_if_marked(#[case] line: &str, #[case] taken: i64) {
    let day = busy_times(&event(&format!("DTSTART;VALUE=DATE:20261121\n{line}")));
    let (from, deadline) = ("20:00", "2026-11-22T12:00[Europe/Berlin]");
    assert_eq!(minutes(&day, from, deadline, &NO_QUIET_HOURS), 40 * 60 - taken);
    let noon: ZonedDateTime = "2026-11-21T12:00[Europe/Berlin]".parse().unwrap();
    assert_eq!(day.in_meeting_until(noon.timestamp()), None);
}

#[test]
fn adjacent_meetings_are_merged() {
    let day = busy_times(&(meeting("10:00", "11:00") + &meeting("11:00", "11:30") + &meeting("11:35", "12:00")));
    assert_eq!(day.in_meeting_until(at("09:59:59")), None);
    assert_eq!(day.in_meeting_until(at("10:00")), Some(at("11:30")));
    assert_eq!(day.in_meeting_until(at("11:30")), None);
    assert_eq!(day.next_change(at("10:30")), Some(at("11:30")));
    assert_eq!(day.next_change(at("11:30")), Some(at("11:35")));
    assert_eq!(day.next_change(at("12:00")), None);
    let both = BusyTimes::merged([&day, &busy_times(&meeting("11:30", "11:40"))]);
    assert_eq!(both.in_meeting_until(at("10:00")), Some(at("12:00")), "across calendars too");
}

#[rstest]
#[case::long_day("PT11H59M", 8)]
#[case::stand_by("PT12H", 0)]
#[case::every_day("PT24H\nRRULE:FREQ=DAILY", 0)]
#[case::vacation("P5D", 0)]
fn meeting_hold_is_limited(#[case] length: &str, #[case] quiet_for: i64) {
    let event = event(&format!("DTSTART;TZID=Europe/Berlin:20261120T090000\nDURATION:{length}"));
    let day = busy_times(&event);
    let until = day.in_meeting_until(at("09:00")).unwrap_or(at("09:00"));
    assert_eq!(until.duration_since(at("09:00")).as_hours(), quiet_for);
    assert_eq!(day.in_meeting_until(at("17:00")), None);
    assert_eq!(day.next_change(at("09:00")), (quiet_for > 0).then_some(at("17:00")));
    assert_eq!(minutes(&day, "09:00", &today("17:00"), &NO_QUIET_HOURS), 0, "the time is still busy");
}

#[test]
fn adjacent_meetings_hold_is_limited() {
    let shifts =
        busy_times(&event("DTSTART;TZID=Europe/Berlin:20261120T090000\nDURATION:PT4H\nRRULE:FREQ=HOURLY;INTERVAL=4"));
    assert_eq!(shifts.in_meeting_until(at("16:59")), Some(at("17:00")));
    assert_eq!(shifts.in_meeting_until(at("17:00")), None);
    assert_eq!(shifts.next_change(at("17:00")), None);
}

#[test]
fn event_without_duration_is_not_busy() {
    assert_eq!(busy_times(&(meeting("10:00", "10:00") + &meeting("12:00", "11:00"))), BusyTimes::default());
}

proptest! {
    #[test]
    fn free_time_matches_a_minute_count(meetings in prop::collection::vec((0..48 * 60i64, 0..300i64), 0..20), hours in 1..47i64) {
        let start = at("09:00");
        let text: String = meetings.iter().map(|(from, length)| {
            let from = start + SignedDuration::from_mins(*from);
            event(&format!("DTSTART:{}\nDURATION:PT{length}M", from.strftime("%Y%m%dT%H%M%SZ")))
        }).collect();
        let (day, deadline) = (busy_times(&text), start + SignedDuration::from_hours(hours));
        let free = day.free_before(deadline, &QUIET_HOURS, &now("09:00")).as_mins();
        let minute = |minute: &i64| start + SignedDuration::from_mins(*minute);
        let is_free = |at: Timestamp| {
            let quiet = QUIET_HOURS.in_force(&at.to_zoned_datetime(now("09:00").time_zone().clone()));
            let minutes = at.duration_since(start).as_mins();
            !(quiet || meetings.iter().any(|(from, length)| (*from..from + length).contains(&minutes)))
        };
        prop_assert_eq!(free, (0..hours * 60).filter(|m| is_free(minute(m))).count() as i64);
    }
}
