//! Quiet hours against the C library's own clock: every IANA zone, every transition from 2026 to 2037.
//!
//! A program of its own, because the C library has one zone for the whole process.
#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::CString;

use jiff::tz::TimeZone;
use jiff::{Timestamp, tz};
use operator::core::policy::quiet_hours::{QuietHours, WallTime};

fn wall(text: &str) -> WallTime {
    text.parse().unwrap()
}

/// Minutes since midnight on the wall, by the C library.
fn minute_by_libc(second: i64) -> i32 {
    // SAFETY: `tm` is plain numbers and a pointer that is not followed; one thread runs here.
    unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        let second = second as libc::time_t;
        assert!(!libc::localtime_r(&second, &mut tm).is_null());
        tm.tm_hour * 60 + tm.tm_min
    }
}

fn enter_zone(name: &str) {
    unsafe extern "C" {
        fn tzset();
    }
    let value = CString::new(name).unwrap();
    // SAFETY: one thread runs here, and nothing else reads the environment meanwhile.
    unsafe {
        libc::setenv(c"TZ".as_ptr(), value.as_ptr(), 1);
        tzset();
    }
}

fn oracle(start: i32, end: i32, second: i64) -> bool {
    let minute = minute_by_libc(second);
    if start < end { (start..end).contains(&minute) } else { minute >= start || minute < end }
}

const HOURS: [(&str, &str); 6] = [
    ("22:00", "07:00"),
    ("22:30", "06:45"),
    ("01:30", "02:30"),
    ("09:00", "17:00"),
    ("02:15", "02:45"),
    ("23:30", "00:30"),
];

fn minutes(text: &str) -> i32 {
    let (hour, minute) = text.split_once(':').unwrap();
    hour.parse::<i32>().unwrap() * 60 + minute.parse::<i32>().unwrap()
}

fn names() -> Vec<String> {
    // Zones that the C library reads from its own files; "posix/" and "right/" are other spellings of the same.
    let known = |name: &String| std::path::Path::new("/usr/share/zoneinfo").join(name).is_file();
    tz::db().available().map(|name| name.to_string()).filter(known).collect()
}

/// Every moment worth a look around a transition: each quarter of an hour from 5 hours before to 5 hours after, and the
/// minutes on both sides of it.
fn moments(transition: Timestamp) -> impl Iterator<Item = i64> {
    let second = transition.as_second();
    (-20..=20).map(move |quarter| second + quarter * 900).chain([second - 60, second - 1, second + 1, second + 60])
}

fn check_zone(name: &str, looked: &mut u64) {
    let zone = TimeZone::get(name).unwrap();
    enter_zone(name);
    let (from, to): (Timestamp, Timestamp) =
        ("2026-01-01T00:00:00Z".parse().unwrap(), "2038-01-01T00:00:00Z".parse().unwrap());
    let transitions: Vec<Timestamp> =
        zone.following(from).map(|jump| jump.timestamp()).take_while(|at| *at < to).collect();
    for at in [from].into_iter().chain(transitions) {
        for (start, end) in HOURS {
            let hours = QuietHours { enabled: true, start: wall(start), end: wall(end) };
            for second in moments(at) {
                let now = Timestamp::from_second(second).unwrap().to_zoned_datetime(zone.clone());
                let expected = oracle(minutes(start), minutes(end), second);
                assert_eq!(hours.in_force(&now), expected, "{name} {start}–{end} at {now}");
                *looked += 1;
            }
            check_next_change(name, &hours, (minutes(start), minutes(end)), at, &zone);
        }
    }
}

/// The next change is the first minute at which the C library's clock says otherwise.
fn check_next_change(name: &str, hours: &QuietHours, (start, end): (i32, i32), at: Timestamp, zone: &TimeZone) {
    let begin = at.as_second() - 5400;
    let now = Timestamp::from_second(begin).unwrap().to_zoned_datetime(zone.clone());
    let change = hours.next_change(&now).expect("hours that begin also end").timestamp().as_second();
    let state = oracle(start, end, begin);
    assert_ne!(oracle(start, end, change), state, "{name}: nothing changes at {change}");
    let mut before = begin;
    while before < change {
        assert_eq!(oracle(start, end, before), state, "{name}: a change at {before} was missed, from {now}");
        before += if change - before > 7200 { 900 } else { 60 };
    }
}

#[test]
fn quiet_hours_agree_with_the_c_library() {
    let names = names();
    assert!(names.len() > 300, "{} zones: is the system's zone database (tzdata) installed?", names.len());
    let mut looked = 0;
    for name in &names {
        check_zone(name, &mut looked);
    }
    assert!(looked > 500_000, "looked at {looked} moments only");
}
