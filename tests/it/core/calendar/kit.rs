//! Calendars as text, and what they come to.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use operator::core::calendar::Budget;
use operator::core::calendar::reading::CalendarReading;
use operator::core::calendar::series::{Occurrence, Series};
use operator::sources::calendar::ical::{Content, Reader, Wanted};

/// What a text holds that is not over by then.
pub(crate) fn read_since(text: &str, since: &str) -> Content {
    read_at(text, since, "2026-11-20T09:00:00Z")
}

/// The same, read at a certain moment.
pub(crate) fn read_at(text: &str, since: &str, now: &str) -> Content {
    let mut reader = Reader::new(wanted(since, now));
    reader.push(text.as_bytes());
    reader.finish().expect("a calendar")
}

/// Events that are not over by then, and to-dos.
pub(crate) fn wanted(since: &str, now: &str) -> Wanted {
    let own = vec!["ada@example.org".into()];
    Wanted { since: since.parse().unwrap(), own, todos: true, now: now.parse().unwrap() }
}

pub(crate) fn read(text: &str) -> Content {
    read_since(text, "1900-01-01T00:00:00")
}

/// Events inside a calendar.
pub(crate) fn calendar(parts: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{parts}END:VCALENDAR\r\n")
}

/// One event with these lines.
pub(crate) fn event(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("{}\r\n", line.trim_start())).collect();
    format!("BEGIN:VEVENT\r\n{lines}END:VEVENT\r\n")
}

/// A to-do with these lines.
pub(crate) fn todo(lines: &str) -> String {
    event(lines).replace("VEVENT", "VTODO")
}

pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

pub(crate) fn window(from: &str, to: &str) -> Range<Timestamp> {
    from.parse().unwrap()..to.parse().unwrap()
}

/// Everything that happens in a window, in order.
pub(crate) fn occurrences(content: &Content, window: &Range<Timestamp>, home: &TimeZone) -> Vec<Occurrence> {
    let mut work = Budget::of(1_000_000);
    let series = Series::of(&content.events);
    let mut all: Vec<Occurrence> =
        series.iter().flat_map(|one| one.occurrences(window, home, &mut work).expect("it ends")).collect();
    all.sort_by_key(|one| (one.start, one.end));
    all
}

/// When these events begin in a week of Berlin's, as the clock there shows it.
pub(crate) fn starts(events: &str, from: &str, to: &str) -> Vec<String> {
    let berlin = zone("Europe/Berlin");
    let found = occurrences(&read(&calendar(events)), &window(from, to), &berlin);
    found.iter().map(|one| shown(one.start, &berlin)).collect()
}

pub(crate) fn shown(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%m-%d %H:%M").to_string()
}

/// The whole reading of a text at a moment such as `2026-11-20T09:00[Europe/Berlin]`.
pub(crate) fn reading(text: &str, now: &str) -> CalendarReading {
    let now: ZonedDateTime = now.parse().unwrap();
    let content = read_since(text, &now.saturating_sub(jiff::ToSpan::days(2)).datetime().to_string());
    CalendarReading::of(&content.events, &content.todos, &content.notes, &now)
}

/// Numbers that look random and are the same every time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    /// Once in so many times.
    pub(crate) fn hits(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }

    /// One to three of these, as a list.
    pub(crate) fn some(&mut self, from: &[&str]) -> String {
        let mut chosen: Vec<&str> = (0..=self.roll(3)).map(|_| self.pick(from)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen.join(",")
    }
}
