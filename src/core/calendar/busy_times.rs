//! The time that events take, and the free time between them.

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::series::Occurrence;
use crate::core::policy::quiet_hours::QuietHours;

/// An event of this length is a vacation or a stand-by duty, not a meeting.
const MIN_NON_MEETING: SignedDuration = SignedDuration::from_hours(12);

/// Meetings without a break between them hold alerts back no longer.
const MAX_MEETING_HOLD: SignedDuration = SignedDuration::from_hours(8);

/// From `start` to `end`, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// Both lists are sorted, and their intervals do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BusyTimes {
    meetings: Vec<Interval>,
    /// All-day events, and events as long as `MIN_NON_MEETING`.
    long_events: Vec<Interval>,
}

impl BusyTimes {
    pub fn from_occurrences(occurrences: &[Occurrence]) -> Self {
        let busy = occurrences.iter().filter(|occurrence| occurrence.is_busy);
        let (meetings, long_events): (Vec<&Occurrence>, Vec<&Occurrence>) = busy.partition(|one| is_meeting(one));
        let intervals = |occurrences: Vec<&Occurrence>| {
            merge(occurrences.into_iter().map(|one| Interval { start: one.start, end: one.end }).collect())
        };
        Self { meetings: intervals(meetings), long_events: intervals(long_events) }
    }

    /// Combines several calendars.
    pub fn merged<'a>(calendars: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for calendar in calendars {
            all.meetings.extend(&calendar.meetings);
            all.long_events.extend(&calendar.long_events);
        }
        Self { meetings: merge(all.meetings), long_events: merge(all.long_events) }
    }

    /// The end of the meeting at `now`, at most `MAX_MEETING_HOLD` after its start.
    pub fn in_meeting_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.holding_meetings().find(|meeting| meeting.start <= now && now < meeting.end).map(|meeting| meeting.end)
    }

    /// The next start or end of a meeting.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let changes = self.holding_meetings().flat_map(|meeting| [meeting.start, meeting.end]);
        changes.filter(|at| *at > now).min()
    }

    fn holding_meetings(&self) -> impl Iterator<Item = Interval> {
        self.meetings.iter().map(|meeting| {
            let limit = meeting.start.saturating_add(MAX_MEETING_HOLD).unwrap_or(meeting.end);
            Interval { start: meeting.start, end: meeting.end.min(limit) }
        })
    }

    /// The time until `deadline` outside of events and quiet hours.
    pub fn free_before(&self, deadline: Timestamp, quiet: &QuietHours, now: &ZonedDateTime) -> SignedDuration {
        let mut busy = quiet_intervals(deadline, quiet, now);
        busy.extend(self.meetings.iter().chain(&self.long_events));
        let mut free = SignedDuration::ZERO;
        let mut free_from = now.timestamp();
        for interval in merge(busy).into_iter().filter(|interval| interval.start < deadline) {
            free += interval.start.duration_since(free_from).max(SignedDuration::ZERO);
            free_from = free_from.max(interval.end);
        }
        free + deadline.duration_since(free_from).max(SignedDuration::ZERO)
    }
}

fn is_meeting(occurrence: &Occurrence) -> bool {
    !occurrence.all_day && occurrence.end.duration_since(occurrence.start) < MIN_NON_MEETING
}

/// The quiet hours between `now` and `deadline`.
fn quiet_intervals(deadline: Timestamp, quiet: &QuietHours, now: &ZonedDateTime) -> Vec<Interval> {
    let mut intervals = Vec::new();
    let mut at = now.clone();
    while at.timestamp() < deadline {
        let change = quiet.next_change(&at);
        let end = change.as_ref().map_or(Timestamp::MAX, ZonedDateTime::timestamp);
        if quiet.in_force(&at) {
            intervals.push(Interval { start: at.timestamp(), end });
        }
        let Some(change) = change else { break };
        at = change;
    }
    intervals
}

/// Sorts, and joins intervals that touch or overlap.
fn merge(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.retain(|interval| interval.start < interval.end);
    intervals.sort_unstable();
    let mut merged: Vec<Interval> = Vec::new();
    for interval in intervals {
        match merged.last_mut() {
            Some(last) if interval.start <= last.end => last.end = last.end.max(interval.end),
            _ => merged.push(interval),
        }
    }
    merged
}
