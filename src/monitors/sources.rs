//! What is connected: the configuration of the sources with the environment's defaults filled in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::exec::Exec;
use crate::core::name::Name;
use crate::core::status::OuraConnection;
use crate::monitors::fetch::Source;
use crate::sources::TaskSource;
use crate::sources::calendar::Calendar;
use crate::sources::oura::oauth::Account;

/// Every source that can be asked.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Oura's cache, then its API.
    pub oura: OuraSources,
    /// Where tasks are kept, in the order in which they are named to a person.
    pub tasks: Vec<Arc<dyn TaskSource>>,
    /// The focus file, if one is named.
    pub focus_file: Option<PathBuf>,
    /// Programs of the person's own, those that run.
    pub exec: Vec<Exec>,
    /// Calendars.
    pub calendars: Vec<Arc<Calendar>>,
    /// Whether alerts wait for the end of a meeting.
    pub quiet_during_events: bool,
}

impl Sources {
    /// Every source, whether it is set up or not.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        [Source::Oura]
            .into_iter()
            .chain(self.task_sources())
            .chain([Source::FocusFile])
            .chain(self.programs())
            .chain(self.calendar_sources())
            .collect()
    }

    /// Those that tasks come from.
    pub fn task_sources(&self) -> impl Iterator<Item = Source> {
        self.tasks.iter().map(|source| Source::Tasks(source.source_name()))
    }

    /// Programs of the person's own.
    fn programs(&self) -> impl Iterator<Item = Source> {
        self.exec.iter().map(|exec| Source::Exec(exec.name))
    }

    /// The program that goes by this name, if it runs.
    #[must_use]
    pub fn program(&self, name: Name) -> Option<&Exec> {
        self.exec.iter().find(|exec| exec.name == name)
    }

    /// Calendars.
    pub fn calendar_sources(&self) -> impl Iterator<Item = Source> {
        self.calendars.iter().map(|calendar| Source::Calendar(calendar.name))
    }

    /// The calendar that goes by this name.
    #[must_use]
    pub fn calendar(&self, name: Name) -> Option<&Calendar> {
        self.calendars.iter().find(|calendar| calendar.name == name).map(|calendar| &**calendar)
    }

    /// Whether it can be asked without leave of its circuit.
    #[must_use]
    pub fn is_local(&self, source: Source) -> bool {
        match source {
            Source::Oura | Source::FocusFile | Source::Exec(_) => true, // Oura's cache is; what its circuit gates is the API
            Source::Tasks(name) => self.tasks.iter().any(|source| source.source_name() == name && source.is_local()),
            Source::Calendar(name) => self.calendar(name).is_some_and(Calendar::is_local),
        }
    }

    /// Whether a person is told of it: Oura and WorkOS always, others when they are set up.
    #[must_use]
    pub fn is_shown(&self, source: Source) -> bool {
        match source {
            Source::Oura | Source::Tasks("workos") => true,
            Source::Tasks(name) => {
                self.tasks.iter().any(|source| source.source_name() == name && source.is_configured())
            }
            Source::FocusFile => self.focus_file.is_some(),
            Source::Exec(name) => self.program(name).is_some(),
            Source::Calendar(name) => self.calendar(name).is_some(),
        }
    }
}

/// The two ways to Oura's data.
#[derive(Debug, Clone)]
pub struct OuraSources {
    /// The cache's file.
    pub cache: PathBuf,
    /// Whether the person named it; a default place that is empty is no failure.
    pub cache_is_named: bool,
    /// The API's token.
    pub token: Option<SecretString>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// A connection of the person's own, which a token goes before; none where there is no place to keep one.
    pub account: Option<Arc<Account>>,
    /// Where the API's collections are.
    pub base_url: String,
    /// The longest that the API may take.
    pub timeout: Duration,
}

impl OuraSources {
    /// How the API is reached, as far as that is known.
    #[must_use]
    pub fn link(&self) -> Option<OuraConnection> {
        match (&self.account, self.has_token()) {
            (_, true) => Some(OuraConnection::Token),
            (Some(account), false) => account.connection(),
            (None, false) => Some(OuraConnection::Off),
        }
    }

    const fn has_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }
}
