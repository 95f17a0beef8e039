//! The sources by name, who needs which, and asking one.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};
use secrecy::SecretString;

use super::health::{self, ChainAnswer};
use super::setup::{Setup, WorkosSetup};
use crate::core::alert::Monitor;
use crate::core::facts::{FocusFile, TaskReading};
use crate::sources::error::SourceError;
use crate::sources::{focus_file, secret, state_store, workos};

/// A source with a circuit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The body: the cache, then the API.
    Oura,
    /// Tasks, goals and thoughts: a Postgres database.
    Workos,
    /// Due dates and promises: an SQLite file.
    StateStore,
    /// A file that should be touched now and then.
    FocusFile,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Oura, Self::Workos, Self::StateStore, Self::FocusFile];

    /// The word used for its circuit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oura => "oura",
            Self::Workos => "workos",
            Self::StateStore => "state_store",
            Self::FocusFile => "focus_file",
        }
    }

    /// Whether it can be asked without leave of its circuit: a look at a local file costs nothing and harms nobody.
    #[must_use]
    pub const fn is_local(self) -> bool {
        !matches!(self, Self::Workos)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The sources that a monitor waits for, when these monitors run together.
///
/// Patterns judge the body by its history; they wait for today's only where health asks for it anyway.
#[must_use]
pub fn needs(monitor: Monitor, together: &[Monitor]) -> Vec<Source> {
    match monitor {
        Monitor::Health => vec![Source::Oura],
        Monitor::Tasks => vec![Source::Workos, Source::StateStore],
        Monitor::Patterns if together.contains(&Monitor::Health) => Source::ALL.to_vec(),
        Monitor::Patterns => vec![Source::Workos, Source::StateStore, Source::FocusFile],
        Monitor::System => Vec::new(),
    }
}

/// What a source said.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Oura's chain.
    Health(ChainAnswer),
    /// A source of tasks.
    Tasks(Result<TaskReading, SourceError>),
    /// The focus file.
    Focus(Result<FocusFile, SourceError>),
}

impl Answer {
    /// A failure, in the shape that this source answers in.
    #[must_use]
    pub fn failure(source: Source, error: SourceError) -> Self {
        match source {
            Source::Oura => Self::Health(ChainAnswer { reading: None, trouble: Some(error) }),
            Source::Workos | Source::StateStore => Self::Tasks(Err(error)),
            Source::FocusFile => Self::Focus(Err(error)),
        }
    }

    /// What went wrong, if anything did.
    #[must_use]
    pub const fn trouble(&self) -> Option<&SourceError> {
        match self {
            Self::Health(answer) => answer.trouble.as_ref(),
            Self::Tasks(Err(error)) | Self::Focus(Err(error)) => Some(error),
            Self::Tasks(Ok(_)) | Self::Focus(Ok(_)) => None,
        }
    }

    /// The age of what it tells: when it was synced, read or changed.
    #[must_use]
    pub fn as_of(&self) -> Option<Timestamp> {
        match self {
            Self::Health(answer) => answer.reading.as_ref()?.synced_at,
            Self::Tasks(Ok(reading)) => Some(reading.as_of),
            Self::Focus(Ok(file)) => Some(file.modified),
            _ => None,
        }
    }

    /// What was passed over in an answer that is good otherwise.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Health(answer) => answer.reading.as_ref().map_or(&[], |reading| &reading.notes),
            Self::Tasks(Ok(reading)) => &reading.notes,
            _ => &[],
        }
    }
}

/// No source may take longer, whatever its own timeout says.
const LIMIT: Duration = Duration::from_secs(320);

/// A local file that does not answer in this time is on a disk that is gone.
const FILE_LIMIT: Duration = Duration::from_secs(15);

/// Ask one source. `remote` tells whether its circuit lets it go out to the network; `since` is the first day wanted.
pub async fn ask(source: Source, setup: &Setup, remote: bool, since: Date, now: &ZonedDateTime) -> Answer {
    let answer = async {
        match source {
            Source::Oura => Answer::Health(health::read(&setup.oura, remote, since, now).await),
            Source::Workos => Answer::Tasks(read_workos(&setup.workos, now).await),
            Source::StateStore => Answer::Tasks(read_state_store(setup.state_store.clone(), now.clone()).await),
            Source::FocusFile => Answer::Focus(read_focus_file(setup.focus_file.clone()).await),
        }
    };
    let late = |_| Answer::failure(source, SourceError::outage(source.as_str(), "did not answer in time"));
    tokio::time::timeout(LIMIT, answer).await.unwrap_or_else(late)
}

async fn read_workos(setup: &WorkosSetup, now: &ZonedDateTime) -> Result<TaskReading, SourceError> {
    let Some(url) = secret_of(setup.url.clone(), setup.url_file.clone(), "workos").await? else {
        let advice = "set sources.workos.url, or the variable WORKOS_DATABASE_URL";
        return Err(SourceError::not_set_up("workos", "no database is named", advice));
    };
    workos::read(&url, setup.ca_file.as_deref(), setup.timeout, now).await
}

async fn read_state_store(path: Option<PathBuf>, now: ZonedDateTime) -> Result<TaskReading, SourceError> {
    let Some(path) = path else {
        return Err(SourceError::not_set_up("state_store", "no file is named", "set sources.state_store.path"));
    };
    blocking("state_store", move || state_store::read(&path, &now)).await
}

async fn read_focus_file(path: Option<PathBuf>) -> Result<FocusFile, SourceError> {
    let Some(path) = path else {
        return Err(SourceError::not_set_up("focus_file", "no file is named", "set sources.focus_file.path"));
    };
    blocking("focus_file", move || focus_file::read(&path)).await
}

/// A secret that is given, or else stands in a file.
pub(super) async fn secret_of(
    given: Option<SecretString>,
    file: Option<PathBuf>,
    source: &'static str,
) -> Result<Option<SecretString>, SourceError> {
    match given {
        Some(secret) => secret::resolve(Some(&secret), None, source),
        None => blocking(source, move || secret::resolve(None, file.as_deref(), source)).await,
    }
}

/// Read a file away from the engine's thread.
pub(super) async fn blocking<T: Send + 'static>(
    source: &'static str,
    read: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::time::timeout(FILE_LIMIT, tokio::task::spawn_blocking(read)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(SourceError::outage(source, "reading it broke off; please report this with the log")),
        Err(_) => Err(SourceError::outage(source, "the file does not answer; is its disk still there?")),
    }
}
