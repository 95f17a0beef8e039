//! The time that events take, put together, and the free time between them.

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::series::Occurrence;
use crate::core::policy::quiet_hours::QuietHours;

/// What lasts so long is a vacation or a stand-by, and no meeting.
const TOO_LONG_FOR_A_MEETING: SignedDuration = SignedDuration::from_hours(12);

/// So long are meetings without a pause taken for one; then alerts are told all the same.
const LONGEST_QUIET: SignedDuration = SignedDuration::from_hours(8);

/// From one moment until another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

/// The time that is taken. What touches or overlaps is one stretch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BusyTimes {
    meetings: Vec<Interval>,
    /// What takes time and is no meeting: whole days, and what lasts as long.
    days: Vec<Interval>,
}

impl BusyTimes {
    /// What these take of the person's time.
    #[must_use]
    pub fn of(occurrences: &[Occurrence]) -> Self {
        let taken = |by_meetings: bool| {
            let those = occurrences.iter().filter(|one| one.takes_time && is_meeting(one) == by_meetings);
            joined(those.map(|one| Interval { start: one.start, end: one.end }).collect())
        };
        Self { meetings: taken(true), days: taken(false) }
    }

    /// Several calendars as one.
    #[must_use]
    pub fn together<'a>(agendas: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for agenda in agendas {
            all.meetings.extend(&agenda.meetings);
            all.days.extend(&agenda.days);
        }
        Self { meetings: joined(all.meetings), days: joined(all.days) }
    }

    /// Until when the person is in a meeting, if they are: meetings without a pause between them are one for 8 hours at
    /// most, and what lasts 12 hours or a whole day is none.
    #[must_use]
    pub fn in_meeting_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quiet().find(|meeting| meeting.start <= now && now < meeting.end).map(|meeting| meeting.end)
    }

    /// When that changes next: a meeting begins, or the one under way ends.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let moments = self.quiet().flat_map(|meeting| [meeting.start, meeting.end]);
        moments.filter(|moment| *moment > now).min()
    }

    /// Meetings, as far as they keep anything back.
    fn quiet(&self) -> impl Iterator<Item = Interval> {
        self.meetings.iter().map(|meeting| {
            let longest = meeting.start.saturating_add(LONGEST_QUIET).unwrap_or(meeting.end);
            Interval { start: meeting.start, end: meeting.end.min(longest) }
        })
    }

    /// The time until `deadline` that neither an event nor quiet hours take.
    #[must_use]
    pub fn free_before(&self, deadline: Timestamp, quiet: &QuietHours, now: &ZonedDateTime) -> SignedDuration {
        let mut taken = quiet_until(deadline, quiet, now);
        taken.extend(self.meetings.iter().chain(&self.days));
        let (from, mut free) = (now.timestamp(), SignedDuration::ZERO);
        let mut at = from;
        for stretch in joined(taken).into_iter().filter(|stretch| stretch.end > from && stretch.start < deadline) {
            free += stretch.start.duration_since(at).max(SignedDuration::ZERO);
            at = at.max(stretch.end);
        }
        free + deadline.duration_since(at).max(SignedDuration::ZERO)
    }
}

fn is_meeting(one: &Occurrence) -> bool {
    !one.all_day && one.end.duration_since(one.start) < TOO_LONG_FOR_A_MEETING
}

/// The quiet hours from now until then.
fn quiet_until(deadline: Timestamp, quiet: &QuietHours, now: &ZonedDateTime) -> Vec<Interval> {
    let mut stretches = Vec::new();
    let mut at = now.clone();
    while at.timestamp() < deadline {
        let change = quiet.next_change(&at);
        let end = change.as_ref().map_or(Timestamp::MAX, ZonedDateTime::timestamp);
        if quiet.in_force(&at) {
            stretches.push(Interval { start: at.timestamp(), end });
        }
        let Some(change) = change else { break };
        at = change;
    }
    stretches
}

fn joined(mut stretches: Vec<Interval>) -> Vec<Interval> {
    stretches.retain(|stretch| stretch.start < stretch.end);
    stretches.sort_unstable();
    let mut joined: Vec<Interval> = Vec::new();
    for stretch in stretches {
        match joined.last_mut() {
            Some(last) if stretch.start <= last.end => last.end = last.end.max(stretch.end),
            _ => joined.push(stretch),
        }
    }
    joined
}
