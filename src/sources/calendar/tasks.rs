//! The to-dos of all calendars as one source of tasks.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::ZonedDateTime;

use super::Calendar;
use crate::core::calendar::reading::CalendarReading;
use crate::core::facts::TaskReading;
use crate::sources::Error;
use crate::sources::{FetchFuture, TaskSource};

const NAME: &str = "ics";

/// The calendars whose to-dos are tasks.
#[derive(Debug, Clone)]
pub struct CalendarTasks {
    calendars: Vec<Arc<Calendar>>,
}

impl CalendarTasks {
    /// Those of these that have tasks.
    #[must_use]
    pub fn of(calendars: &[Arc<Calendar>]) -> Self {
        Self { calendars: calendars.iter().filter(|calendar| calendar.tasks).cloned().collect() }
    }

    async fn ask(&self, now: &ZonedDateTime) -> Result<TaskReading, Error> {
        if self.calendars.is_empty() {
            let advice = "list a calendar with to-dos under sources.calendars";
            return Err(Error::not_configured(NAME, "no calendar with to-dos is named", advice));
        }
        let mut all = empty(now);
        let mut ids = BTreeSet::new();
        for calendar in &self.calendars {
            let reading = match calendar.read(now).await {
                Ok(reading) => reading,
                Err(error) => {
                    // One that is away must not freeze the others: what it said last still holds.
                    let Some(last) = calendar.last_good().await else {
                        return Err(Error { source: NAME, ..error });
                    };
                    let at = last.as_of.to_zoned_datetime(now.time_zone().clone());
                    all.notes.push(format!(
                        "to-dos of {} as of {}: {}",
                        calendar.name,
                        at.strftime("%Y-%m-%d %H:%M"),
                        error.message
                    ));
                    last
                }
            };
            take(&mut all, &reading, &mut ids);
        }
        Ok(all)
    }
}

fn take(all: &mut TaskReading, reading: &CalendarReading, ids: &mut BTreeSet<String>) {
    all.as_of = all.as_of.min(reading.as_of);
    // A to-do that lies in two calendars is one.
    all.tasks.extend(reading.tasks.iter().filter(|task| ids.insert(task.id.clone())).cloned());
    all.unreadable.extend(reading.unreadable.iter().cloned());
}

fn empty(now: &ZonedDateTime) -> TaskReading {
    TaskReading {
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
        Box::pin(self.ask(now))
    }
}
