//! The to-dos of all calendars as one task source.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::ZonedDateTime;

use super::Calendar;
use crate::core::facts::TaskReading;
use crate::sources::{Error, FetchFuture, TaskSource};

const NAME: &str = "ics";

/// The calendars with `tasks: true`.
#[derive(Debug, Clone)]
pub struct CalendarTasks {
    calendars: Vec<Arc<Calendar>>,
}

impl CalendarTasks {
    pub fn new(calendars: &[Arc<Calendar>]) -> Self {
        Self { calendars: calendars.iter().filter(|calendar| calendar.tasks).cloned().collect() }
    }

    async fn fetch_all(&self, now: &ZonedDateTime) -> Result<TaskReading, Error> {
        if self.calendars.is_empty() {
            let advice = "list a calendar with to-dos under sources.calendars";
            return Err(Error::not_configured(NAME, "no calendar with to-dos is configured", advice));
        }
        let mut all = TaskReading {
            source: NAME,
            as_of: now.timestamp(),
            tasks: Vec::new(),
            commitments: None,
            has_dates: true,
            goal: None,
            thoughts: None,
            activity: None,
            unreadable: Vec::new(),
            notes: Vec::new(),
        };
        let mut ids = BTreeSet::new();
        for calendar in &self.calendars {
            let reading = match calendar.fetch(now).await {
                Ok(reading) => reading,
                Err(error) => {
                    // One unavailable calendar must not block the others: its last successful reading counts.
                    let Some(last) = calendar.last_success().await else {
                        return Err(Error { source: NAME, ..error });
                    };
                    let at = last.as_of.to_zoned_datetime(now.time_zone().clone()).strftime("%Y-%m-%d %H:%M");
                    all.notes.push(format!("to-dos of {} as of {at}: {}", calendar.name, error.message));
                    last
                }
            };
            all.as_of = all.as_of.min(reading.as_of);
            // The same to-do may be in two calendars.
            all.tasks.extend(reading.tasks.iter().filter(|task| ids.insert(task.id.clone())).cloned());
            all.unreadable.extend(reading.unreadable.iter().cloned());
        }
        Ok(all)
    }
}

impl TaskSource for CalendarTasks {
    fn source_name(&self) -> &'static str {
        NAME
    }

    fn is_configured(&self) -> bool {
        !self.calendars.is_empty()
    }

    fn is_local(&self) -> bool {
        self.calendars.iter().all(|calendar| calendar.is_local())
    }

    fn fetch<'a>(&'a self, now: &'a ZonedDateTime) -> FetchFuture<'a> {
        Box::pin(self.fetch_all(now))
    }
}
