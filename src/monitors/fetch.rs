//! The sources by name, who needs which, and asking one.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};

use super::exec;
use super::health::{self, OuraReading};
use crate::core::alert::Monitor;
use crate::core::calendar::reading::CalendarReading;
use crate::core::facts::{FocusFile, TaskReading};
use crate::core::name::{CALENDAR_PREFIX, Name};
use crate::monitors::sources::Sources;
use crate::sources;
use crate::sources::blocking::run_blocking;
use crate::sources::focus_file;

/// A source with a circuit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The body: the cache, then the API.
    Oura,
    /// Somewhere that tasks are kept, by its name.
    Tasks(&'static str),
    /// A file that should be touched now and then.
    FocusFile,
    /// A program of the person's own.
    Exec(Name),
    /// A calendar.
    Calendar(Name),
}

impl Source {
    /// The word that its failures begin with.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oura => "oura",
            Self::Tasks(name) => name,
            Self::FocusFile => "focus_file",
            Self::Exec(_) => "program",
            Self::Calendar(_) => "calendar",
        }
    }
}

impl fmt::Display for Source {
    /// The word used for its circuit; that of a program is its monitor's, that of a calendar `calendar:work`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exec(name) => Monitor::Exec(*name).fmt(f),
            Self::Calendar(name) => f.pad(&format!("{CALENDAR_PREFIX}{name}")),
            other => f.pad(other.as_str()),
        }
    }
}

/// The sources that a monitor waits for, when these monitors run together.
///
/// Patterns judge the body by its history; they wait for today's only where health asks for it anyway.
#[must_use]
pub fn needs(monitor: Monitor, together: &[Monitor], sources: &Sources) -> Vec<Source> {
    let mut needs = facts(monitor, together, sources);
    // Whether alerts wait for the end of a meeting is asked whatever was judged.
    if monitor == Monitor::Tasks || (sources.quiet_during_events && monitor != Monitor::System) {
        needs.extend(sources.calendar_sources());
    }
    needs
}

fn facts(monitor: Monitor, together: &[Monitor], sources: &Sources) -> Vec<Source> {
    match monitor {
        Monitor::Health => vec![Source::Oura],
        Monitor::Tasks => sources.task_sources().collect(),
        Monitor::Patterns => {
            let body = together.contains(&Monitor::Health).then_some(Source::Oura);
            body.into_iter().chain(sources.task_sources()).chain([Source::FocusFile]).collect()
        }
        Monitor::Exec(name) => vec![Source::Exec(name)],
        Monitor::System => Vec::new(),
    }
}

/// What a source said.
#[derive(Debug, Clone)]
pub enum SourceReading {
    /// Oura's chain.
    Health(OuraReading),
    /// A source of tasks.
    Tasks(Result<TaskReading, sources::Error>),
    /// The focus file.
    Focus(Result<FocusFile, sources::Error>),
    /// A program of the person's own.
    Exec(Result<exec::Reading, sources::Error>),
    /// A calendar.
    Calendar(Result<Arc<CalendarReading>, sources::Error>),
}

impl SourceReading {
    /// A failure, in the shape that this source answers in.
    #[must_use]
    pub fn failure(source: Source, error: sources::Error) -> Self {
        match source {
            Source::Oura => Self::Health(OuraReading { reading: None, trouble: Some(error) }),
            Source::Tasks(_) => Self::Tasks(Err(error)),
            Source::FocusFile => Self::Focus(Err(error)),
            Source::Exec(_) => Self::Exec(Err(error)),
            Source::Calendar(_) => Self::Calendar(Err(error)),
        }
    }

    /// What went wrong, if anything did.
    #[must_use]
    pub const fn trouble(&self) -> Option<&sources::Error> {
        match self {
            Self::Health(answer) => answer.trouble.as_ref(),
            Self::Tasks(Err(error)) | Self::Focus(Err(error)) | Self::Exec(Err(error)) | Self::Calendar(Err(error)) => {
                Some(error)
            }
            Self::Tasks(Ok(_)) | Self::Focus(Ok(_)) | Self::Exec(Ok(_)) | Self::Calendar(Ok(_)) => None,
        }
    }

    /// The age of what it tells: when it was synced, read or changed.
    #[must_use]
    pub fn as_of(&self) -> Option<Timestamp> {
        match self {
            Self::Health(answer) => answer.reading.as_ref()?.synced_at,
            Self::Tasks(Ok(reading)) => Some(reading.as_of),
            Self::Focus(Ok(file)) => Some(file.modified),
            Self::Exec(Ok(reading)) => Some(reading.as_of),
            Self::Calendar(Ok(reading)) => Some(reading.as_of),
            _ => None,
        }
    }

    /// What was passed over in an answer that is good otherwise.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Health(answer) => answer.reading.as_ref().map_or(&[], |reading| &reading.notes),
            Self::Tasks(Ok(reading)) => &reading.notes,
            Self::Calendar(Ok(reading)) => &reading.notes,
            _ => &[],
        }
    }
}

/// No source may take longer, whatever its own timeout says.
const LIMIT: Duration = Duration::from_secs(320);

/// Ask one source. `remote` tells whether its circuit lets it go out to the network; `since` is the first day wanted.
pub async fn ask(source: Source, sources: &Sources, remote: bool, since: Date, now: &ZonedDateTime) -> SourceReading {
    let answer = async {
        match source {
            Source::Oura => SourceReading::Health(health::read(&sources.oura, remote, since, now).await),
            Source::Tasks(name) => SourceReading::Tasks(read_tasks(name, sources, now).await),
            Source::FocusFile => SourceReading::Focus(read_focus_file(sources.focus_file.clone()).await),
            Source::Exec(name) => SourceReading::Exec(read_program(name, sources, now).await),
            Source::Calendar(name) => SourceReading::Calendar(read_calendar(name, sources, now).await),
        }
    };
    let late = |_| SourceReading::failure(source, sources::Error::transient(source.as_str(), "did not answer in time"));
    tokio::time::timeout(LIMIT, answer).await.unwrap_or_else(late)
}

async fn read_tasks(name: &'static str, sources: &Sources, now: &ZonedDateTime) -> Result<TaskReading, sources::Error> {
    match sources.tasks.iter().find(|source| source.source_name() == name) {
        Some(source) => source.fetch(now).await,
        None => Err(sources::Error::transient(name, "there is no such source of tasks")),
    }
}

async fn read_program(name: Name, sources: &Sources, now: &ZonedDateTime) -> Result<exec::Reading, sources::Error> {
    match sources.program(name) {
        Some(exec) => exec.read(now).await,
        None => Err(sources::Error::transient("program", "is not in the configuration any more")),
    }
}

async fn read_calendar(
    name: Name,
    sources: &Sources,
    now: &ZonedDateTime,
) -> Result<Arc<CalendarReading>, sources::Error> {
    match sources.calendar(name) {
        Some(calendar) => calendar.fetch(now).await,
        None => Err(sources::Error::transient("calendar", "is not in the configuration any more")),
    }
}

async fn read_focus_file(path: Option<PathBuf>) -> Result<FocusFile, sources::Error> {
    let Some(path) = path else {
        return Err(sources::Error::not_configured("focus_file", "no file is named", "set sources.focus_file.path"));
    };
    run_blocking("focus_file", move || focus_file::fetch(&path)).await
}
