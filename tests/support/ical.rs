//! iCalendar text, parsed and evaluated.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};
use operator::core::calendar::Budget;
use operator::core::calendar::reading::CalendarReading;
use operator::core::calendar::series::{Occurrence, Series};
use operator::sources::calendar::ical::{Content, ReadOptions, Reader};

/// Keeps the events that end after `since`.
pub(crate) fn options(since: &str, now: &str) -> ReadOptions {
    let user_addresses = vec!["ada@example.org".into()];
    ReadOptions { since: since.parse().unwrap(), user_addresses, todos: true, now: now.parse().unwrap() }
}

pub(crate) fn parse_at(text: &str, since: &str, now: &str) -> Content {
    let mut reader = Reader::new(options(since, now));
    reader.push(text.as_bytes());
    reader.finish().expect("a calendar")
}

pub(crate) fn parse_since(text: &str, since: &str) -> Content {
    parse_at(text, since, "2026-11-20T09:00:00Z")
}

pub(crate) fn parse(text: &str) -> Content {
    parse_since(text, "1900-01-01T00:00:00")
}

/// The reading at a time such as `2026-11-20T09:00[Europe/Berlin]`.
pub(crate) fn evaluate(text: &str, now: &str) -> CalendarReading {
    let now: ZonedDateTime = now.parse().unwrap();
    let content = parse_since(text, &now.saturating_sub(2.days()).datetime().to_string());
    CalendarReading::evaluate(&content.events, &content.todos, &content.notes, &now)
}

pub(crate) fn calendar(components: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{components}END:VCALENDAR\r\n")
}

pub(crate) fn event(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("{}\r\n", line.trim_start())).collect();
    format!("BEGIN:VEVENT\r\n{lines}END:VEVENT\r\n")
}

pub(crate) fn todo(lines: &str) -> String {
    event(lines).replace("VEVENT", "VTODO")
}

pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

pub(crate) fn window(from: &str, to: &str) -> Range<Timestamp> {
    from.parse().unwrap()..to.parse().unwrap()
}

/// Sorted by time.
pub(crate) fn occurrences(content: &Content, window: &Range<Timestamp>, home: &TimeZone) -> Vec<Occurrence> {
    let mut budget = Budget::new(1_000_000);
    let series = Series::group(&content.events);
    let mut all: Vec<Occurrence> =
        series.iter().flat_map(|one| one.occurrences(window, home, &mut budget).expect("within the budget")).collect();
    all.sort_by_key(|one| (one.start, one.end));
    all
}

/// The starts of the occurrences, in Berlin's local time.
pub(crate) fn starts(events: &str, from: &str, to: &str) -> Vec<String> {
    let berlin = zone("Europe/Berlin");
    let found = occurrences(&parse(&calendar(events)), &window(from, to), &berlin);
    found.iter().map(|one| local_time(one.start, &berlin)).collect()
}

/// `11-18 09:00`.
pub(crate) fn local_time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%m-%d %H:%M").to_string()
}

/// A xorshift generator: the same numbers in every run.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    /// 0 to `end`, exclusive.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// A comma-separated list of one to three values.
    pub(crate) fn pick_list(&mut self, from: &[&str]) -> String {
        let mut chosen: Vec<&str> = (0..=self.below(3)).map(|_| self.pick(from)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen.join(",")
    }
}
