//! A series put together: the times that its rules give, without those left out, and with those moved or cancelled.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::event::{Event, Times};
use super::named::Overrides;
use super::rule::End;
use super::{Budget, BudgetExceeded};
use crate::core::calendar::datetime::{CalDateTime, CalDuration, timestamp};
use crate::core::calendar::expand::walk;

/// Nothing that lasts longer (days) is looked for, and nothing that an exception moves by more together with all later times.
const LONGEST_DAYS: i64 = 400;

/// Once that something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// From this moment.
    pub start: Timestamp,
    /// Until this one.
    pub end: Timestamp,
    /// Whether it takes whole days.
    pub all_day: bool,
    /// Whether it takes the person's time.
    pub takes_time: bool,
}

/// A time as its series has it.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// What the clock of the series shows then, before anything is moved.
    named_at: DateTime,
    /// What it shows when it really happens.
    civil: DateTime,
    length: CalDuration,
    takes_time: bool,
}

/// Events of one calendar, by what they are known by: the latest version of each, with the exceptions to it.
#[derive(Debug, Default)]
pub struct Series<'a> {
    main: Option<&'a Event>,
    exceptions: Vec<&'a Event>,
}

impl<'a> Series<'a> {
    /// Sort the events of a calendar. One without a name of its own is a series by itself.
    #[must_use]
    pub fn of(events: &'a [Event]) -> Vec<Self> {
        let (mut named, mut others) = (BTreeMap::<&str, Self>::new(), Vec::new());
        for event in events {
            if event.uid.is_empty() {
                others.push(Self { main: Some(event), exceptions: Vec::new() });
            } else {
                named.entry(&event.uid).or_default().take(event);
            }
        }
        named.values_mut().for_each(Self::settle);
        others.extend(named.into_values());
        others
    }

    fn take(&mut self, event: &'a Event) {
        if event.instead.is_none() {
            if self.main.is_none_or(|known| event.sequence >= known.sequence) {
                self.main = Some(event);
            }
            return;
        }
        self.exceptions.push(event);
    }

    /// Of several exceptions to one time the newest counts: it comes last.
    fn settle(&mut self) {
        let place = |event: &Event| event.instead.as_ref().map(|instead| (instead.of.civil(), instead.and_later));
        self.exceptions.sort_by_key(|event| (place(event), event.sequence));
        self.exceptions.reverse();
        self.exceptions.dedup_by_key(|event| place(event));
    }

    /// Every time that touches `window`, for a person at home in this zone.
    ///
    /// # Errors
    /// `BudgetExceeded` when that would be more work than allowed.
    pub fn occurrences(
        &self,
        window: &Range<Timestamp>,
        home: &TimeZone,
        work: &mut Budget,
    ) -> Result<Vec<Occurrence>, BudgetExceeded> {
        let mut found = Vec::new();
        let main = self.main.filter(|event| !event.cancelled);
        if let Some(event) = main {
            let mut turns = turns(&event.times, event.takes_time, &self.around(window, event, home), home, work)?;
            self.change_later(event, &mut turns, home);
            let moved = self.exceptions.iter().filter(|other| !changes_later(other));
            let moved = moved.filter_map(|other| Some((other.instead.as_ref()?.of.clone(), ())));
            let moved = Overrides::of(moved, &event.times.start, home);
            turns.retain(|at, turn| moved.get(turn.named_at, *at).is_none());
            let zone = event.times.start.zone(home);
            found.extend(turns.values().filter_map(|turn| turn.occurrence(event, zone)));
        }
        // Where all later times change, the first of them is among the turns already.
        let alone = self.exceptions.iter().filter(|event| !(event.cancelled || main.is_some() && changes_later(event)));
        found.extend(alone.filter_map(|event| {
            let (civil, length, takes_time) = (event.times.start.civil(), event.times.length, event.takes_time);
            Turn { named_at: civil, civil, length, takes_time }.occurrence(event, event.times.start.zone(home))
        }));
        found.retain(|one| one.start < window.end && (one.end > window.start || one.start >= window.start));
        Ok(found)
    }

    /// A window on the clocks of all places, and so much wider as exceptions move all later times or make them last.
    fn around(&self, window: &Range<Timestamp>, event: &Event, home: &TimeZone) -> Range<DateTime> {
        let zone = event.times.start.zone(home);
        let (mut by, mut longest) = (0, 0);
        for other in self.exceptions.iter().filter(|other| changes_later(other) && !other.cancelled) {
            let old = other.instead.as_ref().map(|instead| instead.of.civil_in(zone));
            let moved = old.and_then(|old| old.until(other.times.start.civil_in(zone)).ok());
            by = moved.map_or(by, |moved| by.max(i64::from(moved.get_days()).abs() + 1));
            longest = longest.max(other.times.length.in_days());
        }
        let (by, longest) = (by.min(LONGEST_DAYS), longest.min(LONGEST_DAYS));
        let civil = |at: Timestamp| at.to_zoned_datetime(TimeZone::UTC).datetime();
        let start = civil(window.start).saturating_sub((2 + by + longest).days());
        start..civil(window.end).saturating_add((2 + by).days())
    }

    /// What exceptions say of all later times: how far they move, how long they last, whether they take place.
    fn change_later(&self, event: &Event, turns: &mut BTreeMap<Timestamp, Turn>, home: &TimeZone) {
        let zone = event.times.start.zone(home);
        let mut changes: Vec<(Timestamp, &Event)> = self
            .exceptions
            .iter()
            .filter(|other| changes_later(other))
            .filter_map(|other| Some((other.instead.as_ref()?.of.timestamp(home)?, *other)))
            .collect();
        changes.sort_by_key(|(from, _)| *from);
        turns.retain(|at, turn| {
            let Some((_, change)) = changes.iter().rev().find(|(from, _)| from <= at) else { return true };
            if change.cancelled {
                return false;
            }
            let old = change.instead.as_ref().map_or(turn.civil, |instead| instead.of.civil_in(zone));
            let moved = old.until(change.times.start.civil_in(zone)).and_then(|by| turn.civil.checked_add(by));
            turn.civil = moved.unwrap_or(turn.civil);
            turn.length = change.times.length;
            turn.takes_time = change.takes_time;
            true
        });
    }
}

fn changes_later(event: &Event) -> bool {
    event.instead.as_ref().is_some_and(|instead| instead.and_later)
}

impl Turn {
    fn occurrence(self, event: &Event, zone: &TimeZone) -> Option<Occurrence> {
        let (all_day, takes_time) = (event.times.start.is_day(), self.takes_time);
        let start = timestamp(self.civil, zone)?;
        let end = self.length.after(self.civil, zone)?.max(start);
        Some(Occurrence { start, end, all_day, takes_time })
    }
}

/// The times of a series by the moment at which it has them, without those left out.
fn turns(
    times: &Times,
    takes_time: bool,
    range: &Range<DateTime>,
    home: &TimeZone,
    work: &mut Budget,
) -> Result<BTreeMap<Timestamp, Turn>, BudgetExceeded> {
    let longest = times
        .also
        .iter()
        .filter_map(|(_, length)| *length)
        .map(CalDuration::in_days)
        .fold(times.length.in_days(), i64::max);
    let range = range.start.saturating_sub(longest.min(LONGEST_DAYS).days())..range.end;
    let zone = times.start.zone(home);
    let mut turns = BTreeMap::new();
    let mut add = |civil: DateTime, length: CalDuration| {
        if let Some(at) = timestamp(civil, zone) {
            turns.insert(at, Turn { named_at: civil, civil, length, takes_time });
        }
    };
    if times.rules.is_empty() {
        add(times.start.civil(), times.length);
    }
    for rule in &times.rules {
        let is_past = |civil: DateTime| match &rule.end {
            End::Until(last) => is_after(civil, last, &times.start, home),
            _ => false,
        };
        walk(rule, times.start.civil(), &range, work, &is_past, &mut |civil| {
            add(civil, times.length);
            ControlFlow::Continue(())
        })?;
    }
    for (moment, length) in &times.also {
        work.spend(1)?;
        add(moment.civil_in(zone), length.unwrap_or(times.length));
    }
    let except = Overrides::of(times.except.iter().map(|moment| (moment.clone(), ())), &times.start, home);
    turns.retain(|at, turn| except.get(turn.named_at, *at).is_none());
    Ok(turns)
}

/// Whether a time of a series lies after its last: a day is over at its end, a moment at itself.
pub(super) fn is_after(civil: DateTime, last: &CalDateTime, start: &CalDateTime, home: &TimeZone) -> bool {
    match (last, start) {
        (CalDateTime::Day(day), _) => civil.date() > *day,
        (CalDateTime::Floating(last), _) => civil > *last,
        (CalDateTime::At(..), CalDateTime::Day(_)) => civil.date() > last.civil_in(home).date(),
        (CalDateTime::At(..), _) => timestamp(civil, start.zone(home)) > last.timestamp(home),
    }
}
