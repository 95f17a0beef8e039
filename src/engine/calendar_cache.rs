//! The last reading of each calendar: busy times and the meeting under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::core::calendar::busy_times::BusyTimes;
use crate::core::calendar::reading::CalendarReading;
use crate::core::name::Name;
use crate::monitors::fetch::SourceReading;
use crate::monitors::sources::Sources;
use crate::sources::Source;

/// A reading counts this long while the calendar is unavailable.
const MAX_READING_AGE: SignedDuration = SignedDuration::from_hours(12);

#[derive(Debug, Default)]
pub(crate) struct CalendarCache {
    readings: BTreeMap<Name, Arc<CalendarReading>>,
    /// When each calendar was last fetched, with or without success.
    fetched_at: BTreeMap<Name, Timestamp>,
}

impl CalendarCache {
    pub(crate) fn on_fetch_started(&mut self, source: Source, now: Timestamp) {
        if let Source::Calendar(name) = source {
            self.fetched_at.insert(name, now);
        }
    }

    /// The fetch was cancelled, so the next check may fetch the calendar again.
    pub(crate) fn on_fetch_cancelled(&mut self, source: Source) {
        if let Source::Calendar(name) = source {
            self.fetched_at.remove(&name);
        }
    }

    pub(crate) fn record(&mut self, source: Source, reading: &SourceReading) {
        if let (Source::Calendar(name), SourceReading::Calendar(Ok(reading))) = (source, reading) {
            self.readings.insert(name, Arc::clone(reading));
        }
    }

    /// Forget calendars that a new configuration removes, moves or no longer counts as busy.
    pub(crate) fn apply_config(&mut self, old: &Sources, new: &Sources) {
        let both = |name: &Name| new.calendar(*name).zip(old.calendar(*name));
        self.readings
            .retain(|name, _| both(name).is_some_and(|(new, old)| new.same_location(old) && new.busy && old.busy));
        self.fetched_at.retain(|name, _| both(name).is_some_and(|(new, old)| new.same_config(old)));
    }

    /// Whether this source is a calendar that was fetched less than `interval` ago.
    pub(crate) fn is_fresh(&self, source: Source, interval: SignedDuration, now: Timestamp) -> bool {
        let age = |name: Name| self.fetched_at.get(&name).map(|at| now.duration_since(*at));
        matches!(source, Source::Calendar(name) if age(name).is_some_and(|age| age.abs() < interval))
    }

    fn reading(&self, name: Name, now: Timestamp) -> Option<&CalendarReading> {
        let reading = self.readings.get(&name)?;
        (now.duration_since(reading.as_of).abs() <= MAX_READING_AGE).then_some(&**reading)
    }

    /// The busy times of all calendars; none unless each of them is known, because a missing one could fill any hour.
    pub(crate) fn busy_times(&self, sources: &Sources, now: Timestamp) -> Option<BusyTimes> {
        let busy = || sources.calendars.iter().filter(|calendar| calendar.busy);
        busy().next()?;
        let readings: Option<Vec<&CalendarReading>> = busy().map(|calendar| self.reading(calendar.name, now)).collect();
        Some(BusyTimes::merged(readings?.into_iter().map(|reading| &reading.busy_times)))
    }

    /// The known meetings, if alerts wait for the end of a meeting.
    fn meetings(&self, sources: &Sources, now: Timestamp) -> Option<BusyTimes> {
        let busy = sources.calendars.iter().filter(|calendar| calendar.busy);
        let known = busy.filter_map(|calendar| self.reading(calendar.name, now));
        sources.quiet_during_events.then(|| BusyTimes::merged(known.map(|reading| &reading.busy_times)))
    }

    /// The end of the meeting during which alerts wait.
    pub(crate) fn in_event_until(&self, sources: &Sources, now: Timestamp) -> Option<Timestamp> {
        self.meetings(sources, now)?.in_meeting_until(now)
    }

    /// When a meeting next starts or ends.
    pub(crate) fn next_change(&self, sources: &Sources, now: Timestamp) -> Option<Timestamp> {
        self.meetings(sources, now)?.next_change(now)
    }
}
