//! What the calendars said last: the time that is taken, and the meeting that is under way.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::Engine;
use crate::core::calendar::busy_times::BusyTimes;
use crate::core::calendar::reading::CalendarReading;
use crate::core::name::Name;
use crate::monitors::fetch::SourceReading;
use crate::monitors::sources::Sources;
use crate::sources::Source;

/// What a calendar said holds so long while it cannot be read anew.
const HOLDS_FOR: SignedDuration = SignedDuration::from_hours(12);

impl Engine {
    /// Keep what a calendar says.
    pub(crate) fn note_agenda(&mut self, source: Source, answer: &SourceReading) {
        if let (Source::Calendar(name), SourceReading::Calendar(Ok(reading))) = (source, answer) {
            self.agendas.insert(name, Arc::clone(reading));
        }
    }

    /// Keep when a calendar is asked.
    pub(crate) fn note_asking(&mut self, source: Source, at: Timestamp) {
        if let Source::Calendar(name) = source {
            self.asked.insert(name, at);
        }
    }

    /// Its answer is not waited for any more: it may be asked again.
    pub(crate) fn forget_asking(&mut self, source: Source) {
        if let Source::Calendar(name) = source {
            self.asked.remove(&name);
        }
    }

    /// Forget what does not hold in the new configuration: another place under an old name is another calendar.
    pub(crate) fn forget_agendas(&mut self, before: &Sources) {
        let setup = Arc::clone(&self.setup);
        let both = |name: &Name| setup.calendar(*name).zip(before.calendar(*name));
        self.agendas.retain(|name, _| both(name).is_some_and(|(now, old)| now.is_where(old) && now.busy && old.busy));
        self.asked.retain(|name, _| both(name).is_some_and(|(now, old)| now.is_as(old)));
    }

    /// Whether a calendar was asked within the interval of the tasks: monitors that only want to know whether there is a meeting do not
    /// ask it more often.
    pub(crate) fn is_fresh(&self, source: Source, now: Timestamp) -> bool {
        let interval = SignedDuration::from_secs(self.config.intervals.task_check.into());
        let asked = |name: Name| self.asked.get(&name).map(|at| now.duration_since(*at));
        matches!(source, Source::Calendar(name) if asked(name).is_some_and(|age| age.abs() < interval))
    }

    fn known_agenda(&self, name: Name, now: Timestamp) -> Option<&CalendarReading> {
        let reading = self.agendas.get(&name)?;
        (now.duration_since(reading.as_of).abs() <= HOLDS_FOR).then_some(&**reading)
    }

    /// The time that is taken, if that is known of every calendar whose events take time: an unknown one might take all of it.
    pub(crate) fn agenda(&self, now: Timestamp) -> Option<BusyTimes> {
        let busy = || self.setup.calendars.iter().filter(|calendar| calendar.busy);
        busy().next()?;
        let readings: Option<Vec<&CalendarReading>> = busy().map(|one| self.known_agenda(one.name, now)).collect();
        Some(BusyTimes::together(readings?.into_iter().map(|reading| &reading.agenda)))
    }

    /// The time that meetings take, as far as it is known; none while it keeps nothing back.
    fn meetings(&self, now: Timestamp) -> Option<BusyTimes> {
        if !self.config.quiet_hours.quiet_during_events {
            return None;
        }
        let busy = self.setup.calendars.iter().filter(|calendar| calendar.busy);
        let known = busy.filter_map(|calendar| self.known_agenda(calendar.name, now));
        Some(BusyTimes::together(known.map(|reading| &reading.agenda)))
    }

    /// Until when alerts wait because of a meeting.
    pub(crate) fn in_event_until(&self, now: &ZonedDateTime) -> Option<Timestamp> {
        self.meetings(now.timestamp())?.in_meeting_until(now.timestamp())
    }

    /// When a meeting begins or ends next.
    pub(crate) fn next_event_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.meetings(now)?.next_change(now)
    }
}
