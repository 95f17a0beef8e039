//! Events grouped into series: the instances of the rules, without excluded ones, and with overrides applied.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::datetime::{CalDuration, timestamp_in};
use super::event::{Event, RecurrenceSet};
use super::expand::expand;
use super::overrides::Overrides;
use super::{Budget, BudgetExceeded};

/// Longer events, and overrides that move a series further, are found only up to this many days.
const MAX_DAYS: i64 = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
    pub all_day: bool,
    pub is_busy: bool,
}

/// One instance by the rules of its series.
#[derive(Debug, Clone, Copy)]
struct Instance {
    /// The local time before any override.
    original: DateTime,
    civil: DateTime,
    duration: CalDuration,
    is_busy: bool,
}

impl Instance {
    fn occurrence(self, all_day: bool, zone: &TimeZone) -> Option<Occurrence> {
        let start = timestamp_in(zone, self.civil)?;
        let end = self.duration.end_in(zone, self.civil)?.max(start);
        Some(Occurrence { start, end, all_day, is_busy: self.is_busy })
    }
}

/// The newest version of an event, with its overrides.
#[derive(Debug, Default)]
pub struct Series<'a> {
    main: Option<&'a Event>,
    overrides: Vec<&'a Event>,
}

impl<'a> Series<'a> {
    /// Groups events by UID. An event without UID is a series of its own.
    pub fn group(events: &'a [Event]) -> Vec<Self> {
        let (mut by_uid, mut all) = (BTreeMap::<&str, Self>::new(), Vec::new());
        for event in events {
            if event.uid.is_empty() {
                all.push(Self { main: Some(event), overrides: Vec::new() });
            } else {
                by_uid.entry(&event.uid).or_default().add(event);
            }
        }
        all.extend(by_uid.into_values().map(Self::without_old_overrides));
        all
    }

    fn add(&mut self, event: &'a Event) {
        if event.recurrence_id.is_some() {
            self.overrides.push(event);
        } else if self.main.is_none_or(|known| event.sequence >= known.sequence) {
            self.main = Some(event);
        }
    }

    /// Keeps the newest override of each instance. Of two with the same sequence, the later in the file is newer.
    fn without_old_overrides(mut self) -> Self {
        let target = |event: &Event| event.recurrence_id.as_ref().map(|id| (id.original.civil(), id.and_future));
        self.overrides.sort_by_key(|event| (target(event), event.sequence));
        self.overrides.reverse();
        self.overrides.dedup_by_key(|event| target(event));
        self
    }

    /// The occurrences that overlap `window`, unsorted. `home` is the user's zone.
    pub fn occurrences(
        &self,
        window: &Range<Timestamp>,
        home: &TimeZone,
        budget: &mut Budget,
    ) -> Result<Vec<Occurrence>, BudgetExceeded> {
        let mut found = Vec::new();
        let main = self.main.filter(|event| !event.is_cancelled);
        if let Some(event) = main {
            let start = &event.recurrence.start;
            let range = self.local_range(window, event, home);
            let mut instances = instances(&event.recurrence, event.is_busy, &range, home, budget)?;
            self.apply_future_overrides(event, &mut instances, home);
            let replaced = self.overrides.iter().filter(|other| !changes_future(other));
            let replaced = replaced.filter_map(|other| Some((other.recurrence_id.as_ref()?.original.clone(), ())));
            let replaced = Overrides::new(replaced, start, home);
            instances.retain(|at, instance| replaced.get(instance.original, *at).is_none());
            found.extend(instances.values().filter_map(|one| one.occurrence(start.is_day(), start.zone(home))));
        }
        // The first instance of an override with `and_future` is already among the instances of the series.
        let single =
            self.overrides.iter().filter(|event| !(event.is_cancelled || main.is_some() && changes_future(event)));
        found.extend(single.filter_map(|event| {
            let RecurrenceSet { start, duration, .. } = &event.recurrence;
            let civil = start.civil();
            let instance = Instance { original: civil, civil, duration: *duration, is_busy: event.is_busy };
            instance.occurrence(start.is_day(), start.zone(home))
        }));
        found.retain(|one| one.start < window.end && (one.end > window.start || one.start >= window.start));
        Ok(found)
    }

    /// `window` in local time of any zone, extended by the days that overrides move or lengthen future instances.
    fn local_range(&self, window: &Range<Timestamp>, event: &Event, home: &TimeZone) -> Range<DateTime> {
        let zone = event.recurrence.start.zone(home);
        let (mut moved_days, mut max_days) = (0, 0);
        for other in self.overrides.iter().filter(|other| changes_future(other) && !other.is_cancelled) {
            let original = other.recurrence_id.as_ref().map(|id| id.original.civil_in(zone));
            let moved = original.and_then(|original| original.until(other.recurrence.start.civil_in(zone)).ok());
            moved_days = moved.map_or(moved_days, |moved| moved_days.max(i64::from(moved.get_days()).abs() + 1));
            max_days = max_days.max(other.recurrence.duration.max_days());
        }
        let (moved_days, max_days) = (moved_days.min(MAX_DAYS), max_days.min(MAX_DAYS));
        let utc = |at: Timestamp| at.to_zoned_datetime(TimeZone::UTC).datetime();
        // Two days exceed the distance between any two zones.
        let start = utc(window.start).saturating_sub((2 + moved_days + max_days).days());
        start..utc(window.end).saturating_add((2 + moved_days).days())
    }

    /// Applies the overrides with `and_future` to the instances that follow them.
    fn apply_future_overrides(&self, event: &Event, instances: &mut BTreeMap<Timestamp, Instance>, home: &TimeZone) {
        let zone = event.recurrence.start.zone(home);
        let mut changes: Vec<(Timestamp, DateTime, &Event)> = self
            .overrides
            .iter()
            .filter(|other| changes_future(other))
            .filter_map(|other| {
                let original = &other.recurrence_id.as_ref()?.original;
                Some((original.timestamp(home)?, original.civil_in(zone), *other))
            })
            .collect();
        changes.sort_by_key(|(from, ..)| *from);
        instances.retain(|at, instance| {
            let Some((_, original, change)) = changes.iter().rev().find(|(from, ..)| from <= at) else { return true };
            if change.is_cancelled {
                return false;
            }
            let shift = original.until(change.recurrence.start.civil_in(zone));
            instance.civil = shift.and_then(|shift| instance.civil.checked_add(shift)).unwrap_or(instance.civil);
            instance.duration = change.recurrence.duration;
            instance.is_busy = change.is_busy;
            true
        });
    }
}

fn changes_future(event: &Event) -> bool {
    event.recurrence_id.as_ref().is_some_and(|id| id.and_future)
}

/// The instances by their original time, without excluded ones.
fn instances(
    recurrence: &RecurrenceSet,
    is_busy: bool,
    range: &Range<DateTime>,
    home: &TimeZone,
    budget: &mut Budget,
) -> Result<BTreeMap<Timestamp, Instance>, BudgetExceeded> {
    let RecurrenceSet { start, duration, rules, rdates, .. } = recurrence;
    let durations = rdates.iter().filter_map(|(_, duration)| *duration);
    let max_days = durations.map(CalDuration::max_days).fold(duration.max_days(), i64::max);
    let range = range.start.saturating_sub(max_days.min(MAX_DAYS).days())..range.end;
    let zone = start.zone(home);
    let mut instances = BTreeMap::new();
    let mut add = |civil: DateTime, duration: CalDuration| {
        if let Some(at) = timestamp_in(zone, civil) {
            instances.insert(at, Instance { original: civil, civil, duration, is_busy });
        }
    };
    if rules.is_empty() {
        add(start.civil(), *duration);
    }
    for rule in rules {
        expand(rule, start, home, &range, budget, &mut |civil| {
            add(civil, *duration);
            ControlFlow::Continue(())
        })?;
    }
    for (rdate, own_duration) in rdates {
        budget.spend(1)?;
        add(rdate.civil_in(zone), own_duration.unwrap_or(*duration));
    }
    let excluded = recurrence.exclusions(home);
    instances.retain(|at, instance| excluded.get(instance.original, *at).is_none());
    Ok(instances)
}
