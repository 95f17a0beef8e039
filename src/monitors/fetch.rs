//! Fetching one source, and the sources that each monitor requires.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};

use super::exec::ExecReading;
use super::oura::{self, OuraReading};
use super::sources::Sources;
use crate::core::alert::Monitor;
use crate::core::calendar::reading::CalendarReading;
use crate::core::facts::{FocusFile, TaskReading};
use crate::core::name::Name;
use crate::sources::blocking::run_blocking;
use crate::sources::{self, Source, focus_file};

/// The sources that `monitor` waits for when the monitors of `together` run in one check.
pub fn required_sources(monitor: Monitor, together: &[Monitor], sources: &Sources) -> Vec<Source> {
    let mut required = fact_sources(monitor, together, sources);
    // With quiet_during_events the policy needs the calendars, whichever monitor ran.
    if monitor == Monitor::Tasks || (sources.quiet_during_events && monitor != Monitor::System) {
        required.extend(sources.calendar_sources());
    }
    required
}

fn fact_sources(monitor: Monitor, together: &[Monitor], sources: &Sources) -> Vec<Source> {
    match monitor {
        Monitor::Health => vec![Source::Oura],
        Monitor::Tasks => sources.task_sources().collect(),
        Monitor::Patterns => {
            // The saved history is enough for patterns; they include today's data only if health fetches it anyway.
            let oura = together.contains(&Monitor::Health).then_some(Source::Oura);
            oura.into_iter().chain(sources.task_sources()).chain([Source::FocusFile]).collect()
        }
        Monitor::Exec(name) => vec![Source::Exec(name)],
        Monitor::System => Vec::new(),
    }
}

/// The result of fetching one source.
#[derive(Debug, Clone)]
pub enum SourceReading {
    Health(OuraReading),
    Tasks(Result<TaskReading, sources::Error>),
    Focus(Result<FocusFile, sources::Error>),
    Exec(Result<ExecReading, sources::Error>),
    Calendar(Result<Arc<CalendarReading>, sources::Error>),
}

impl SourceReading {
    pub fn from_error(source: Source, error: sources::Error) -> Self {
        match source {
            Source::Oura => Self::Health(OuraReading { reading: None, error: Some(error) }),
            Source::Tasks(_) => Self::Tasks(Err(error)),
            Source::FocusFile => Self::Focus(Err(error)),
            Source::Exec(_) => Self::Exec(Err(error)),
            Source::Calendar(_) => Self::Calendar(Err(error)),
        }
    }

    pub const fn error(&self) -> Option<&sources::Error> {
        match self {
            Self::Health(fetched) => fetched.error.as_ref(),
            Self::Tasks(Err(error)) | Self::Focus(Err(error)) | Self::Exec(Err(error)) | Self::Calendar(Err(error)) => {
                Some(error)
            }
            Self::Tasks(Ok(_)) | Self::Focus(Ok(_)) | Self::Exec(Ok(_)) | Self::Calendar(Ok(_)) => None,
        }
    }

    /// When the data was synced, read or changed.
    pub fn as_of(&self) -> Option<Timestamp> {
        match self {
            Self::Health(fetched) => fetched.reading.as_ref()?.synced_at,
            Self::Tasks(Ok(reading)) => Some(reading.as_of),
            Self::Focus(Ok(file)) => Some(file.modified),
            Self::Exec(Ok(reading)) => Some(reading.as_of),
            Self::Calendar(Ok(reading)) => Some(reading.as_of),
            _ => None,
        }
    }

    /// Sentences about records that were skipped in a successful reading.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Health(fetched) => fetched.reading.as_ref().map_or(&[], |reading| &reading.notes),
            Self::Tasks(Ok(reading)) => &reading.notes,
            Self::Calendar(Ok(reading)) => &reading.notes,
            _ => &[],
        }
    }
}

/// The limit for every source, whatever its own timeout.
const FETCH_TIMEOUT: Duration = Duration::from_secs(320);

/// Fetch one source. `remote`: its circuit allows network access. `since`: the first day wanted, for health data.
pub async fn fetch(source: Source, sources: &Sources, remote: bool, since: Date, now: &ZonedDateTime) -> SourceReading {
    let reading = async {
        match source {
            Source::Oura => SourceReading::Health(oura::fetch(&sources.oura, remote, since, now).await),
            Source::Tasks(name) => SourceReading::Tasks(fetch_tasks(name, sources, now).await),
            Source::FocusFile => SourceReading::Focus(fetch_focus_file(sources.focus_file.clone()).await),
            Source::Exec(name) => SourceReading::Exec(fetch_exec(name, sources, now).await),
            Source::Calendar(name) => SourceReading::Calendar(fetch_calendar(name, sources, now).await),
        }
    };
    let late =
        |_| SourceReading::from_error(source, sources::Error::transient(source.as_str(), "did not answer in time"));
    tokio::time::timeout(FETCH_TIMEOUT, reading).await.unwrap_or_else(late)
}

/// The configuration may change between the start of a check and the fetch.
fn no_longer_configured(source: &'static str) -> sources::Error {
    sources::Error::transient(source, "no longer configured")
}

async fn fetch_tasks(
    name: &'static str,
    sources: &Sources,
    now: &ZonedDateTime,
) -> Result<TaskReading, sources::Error> {
    sources.task_source(name).ok_or_else(|| no_longer_configured(name))?.fetch(now).await
}

async fn fetch_exec(name: Name, sources: &Sources, now: &ZonedDateTime) -> Result<ExecReading, sources::Error> {
    sources.exec_plugin(name).ok_or_else(|| no_longer_configured("exec"))?.run(now).await
}

async fn fetch_calendar(
    name: Name,
    sources: &Sources,
    now: &ZonedDateTime,
) -> Result<Arc<CalendarReading>, sources::Error> {
    sources.calendar(name).ok_or_else(|| no_longer_configured("calendar"))?.fetch(now).await
}

async fn fetch_focus_file(path: Option<PathBuf>) -> Result<FocusFile, sources::Error> {
    let Some(path) = path else {
        return Err(sources::Error::not_configured("focus_file", "no file is set", "set sources.focus_file.path"));
    };
    run_blocking("focus_file", move || focus_file::fetch(&path)).await
}
