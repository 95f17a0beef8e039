//! The configured sources.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::exec::ExecPlugin;
use crate::core::name::Name;
use crate::core::status::OuraConnection;
use crate::sources::calendar::Calendar;
use crate::sources::oura::oauth::Account;
use crate::sources::{Source, TaskSource};

#[derive(Debug, Clone)]
pub struct Sources {
    pub oura: OuraSources,
    /// In the order in which front ends list them.
    pub tasks: Vec<Arc<dyn TaskSource>>,
    pub focus_file: Option<PathBuf>,
    /// The enabled exec plugins.
    pub exec: Vec<ExecPlugin>,
    pub calendars: Vec<Arc<Calendar>>,
    /// Whether calendar events hold alerts back.
    pub quiet_during_events: bool,
}

impl Sources {
    /// Every source, configured or not.
    pub fn all(&self) -> Vec<Source> {
        let exec = self.exec.iter().map(|plugin| Source::Exec(plugin.name));
        let named = [Source::FocusFile].into_iter().chain(exec).chain(self.calendar_sources());
        [Source::Oura].into_iter().chain(self.task_sources()).chain(named).collect()
    }

    pub fn task_sources(&self) -> impl Iterator<Item = Source> {
        self.tasks.iter().map(|source| Source::Tasks(source.source_name()))
    }

    pub fn calendar_sources(&self) -> impl Iterator<Item = Source> {
        self.calendars.iter().map(|calendar| Source::Calendar(calendar.name))
    }

    pub fn task_source(&self, name: &str) -> Option<&dyn TaskSource> {
        self.tasks.iter().find(|source| source.source_name() == name).map(|source| &**source)
    }

    pub fn exec_plugin(&self, name: Name) -> Option<&ExecPlugin> {
        self.exec.iter().find(|plugin| plugin.name == name)
    }

    pub fn calendar(&self, name: Name) -> Option<&Calendar> {
        self.calendars.iter().find(|calendar| calendar.name == name).map(|calendar| &**calendar)
    }

    /// Whether the source may be fetched while its circuit is open, because it needs no network.
    pub fn is_local(&self, source: Source) -> bool {
        match source {
            // Oura's circuit covers its API only; its cache is local.
            Source::Oura | Source::FocusFile | Source::Exec(_) => true,
            Source::Tasks(name) => self.task_source(name).is_some_and(TaskSource::is_local),
            Source::Calendar(name) => self.calendar(name).is_some_and(Calendar::is_local),
        }
    }

    /// Whether front ends list the source: Oura and WorkOS always, others if they are configured.
    pub fn is_shown(&self, source: Source) -> bool {
        match source {
            Source::Oura | Source::Tasks("workos") => true,
            Source::Tasks(name) => self.task_source(name).is_some_and(TaskSource::is_configured),
            Source::FocusFile => self.focus_file.is_some(),
            Source::Exec(name) => self.exec_plugin(name).is_some(),
            Source::Calendar(name) => self.calendar(name).is_some(),
        }
    }
}

/// Oura's cache and API.
#[derive(Debug, Clone)]
pub struct OuraSources {
    /// The cache's file.
    pub cache: PathBuf,
    /// Whether the user configured the cache. A missing cache at the default path is not an error.
    pub cache_is_named: bool,
    pub token: Option<SecretString>,
    pub token_file: Option<PathBuf>,
    /// The user's connection, used without a token. None where no token store is available.
    pub account: Option<Arc<Account>>,
    pub base_url: String,
    pub timeout: Duration,
}

impl OuraSources {
    /// None until the token store was read.
    pub fn connection(&self) -> Option<OuraConnection> {
        let has_token = self.token.is_some() || self.token_file.is_some();
        match &self.account {
            _ if has_token => Some(OuraConnection::Token),
            Some(account) => account.connection(),
            None => Some(OuraConnection::Off),
        }
    }
}
