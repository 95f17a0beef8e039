//! `sources.calendars`: the calendars that are read.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::kept::Kept;
use super::schema::Config;
use crate::core::name::Name;

/// One calendar: a file, an address, or an account.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct CalendarConfig {
    /// What the person calls it; its circuit is `calendar:NAME`.
    #[garde(skip)]
    pub name: Option<Name>,
    /// An .ics file.
    #[garde(skip)]
    pub file: Option<PathBuf>,
    /// An address that whoever knows it may read.
    #[garde(skip)]
    pub url: Option<SecretString>,
    /// A file that holds the address.
    #[garde(skip)]
    pub url_file: Option<PathBuf>,
    /// An account on a CalDAV server.
    #[garde(skip)]
    pub caldav: CaldavConfig,
    /// Whether its events take time.
    #[garde(skip)]
    pub busy: bool,
    /// Whether its to-dos are tasks; none: not at an address, where none are ever published.
    #[garde(skip)]
    pub tasks: Option<bool>,
    /// The person's own address there: what they declined takes no time.
    #[garde(skip)]
    pub email: Option<String>,
    /// The longest one reading may take (seconds).
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
    /// Whether it is read.
    #[garde(skip)]
    pub enabled: bool,
}

impl Default for CalendarConfig {
    fn default() -> Self {
        Self {
            name: None,
            file: None,
            url: None,
            url_file: None,
            caldav: CaldavConfig::default(),
            busy: true,
            tasks: None,
            email: None,
            timeout_seconds: 20,
            enabled: true,
        }
    }
}

/// An account on a CalDAV server.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaldavConfig {
    /// The server, the person's folder there, or one calendar.
    pub url: Option<String>,
    /// Who logs in.
    pub user: Option<String>,
    /// With what.
    pub password: Option<SecretString>,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The names of the calendars that are read; empty: all.
    pub calendars: Vec<String>,
}

impl CalendarConfig {
    const fn address(&self) -> Kept<'_> {
        Kept { key: "url", value: &self.url, file: &self.url_file }
    }

    const fn password(&self) -> Kept<'_> {
        Kept { key: "password", value: &self.caldav.password, file: &self.caldav.password_file }
    }

    /// Whether its to-dos are tasks.
    #[must_use]
    pub fn has_tasks(&self) -> bool {
        self.tasks.unwrap_or_else(|| !self.address().is_set())
    }

    /// The key that it cannot do without and that is not set.
    pub(super) fn lack(&self) -> Option<&'static str> {
        let has_place = self.file.is_some() || self.address().is_set() || self.caldav.url.is_some();
        match () {
            () if self.name.is_none() => Some("name"),
            () if !has_place => Some("file, url or caldav.url"),
            () if self.caldav.url.is_some() && self.caldav.user.is_none() => Some("caldav.user"),
            () if self.caldav.url.is_some() && !self.password().is_set() => {
                Some("caldav.password or caldav.password_file")
            }
            () => None,
        }
    }

    /// A key whose value does not go with the others, and why.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        let places =
            [("file", self.file.is_some()), ("url", self.address().is_set()), ("caldav", self.caldav.url.is_some())];
        let mut given = places.into_iter().filter(|(_, given)| *given).map(|(key, _)| key);
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            return Some((second, format!("'{first}' is given too: a calendar is in one place only")));
        }
        let twice = |kept: Kept<'_>| kept.is_given_twice();
        let sentence = |key: &str| format!("'{key}' is given too: keep only one of the two");
        match (twice(self.address()), twice(self.password())) {
            (true, _) => Some(("url_file", sentence("url"))),
            (_, true) => Some(("caldav.password_file", sentence("password"))),
            _ => None,
        }
    }

    /// The files that it names, with their keys.
    pub(super) fn files(&mut self) -> [(&'static str, &mut Option<PathBuf>); 3] {
        [
            ("file", &mut self.file),
            ("url_file", &mut self.url_file),
            ("caldav.password_file", &mut self.caldav.password_file),
        ]
    }
}

impl Config {
    /// What the status shows of the calendars: addresses may be secrets by themselves.
    pub(super) fn calendars_summary(&self) -> Value {
        let shown = self.sources.calendars.iter().map(|calendar| {
            json!({
                "name": calendar.name,
                "enabled": calendar.enabled,
                "file": calendar.file,
                "url_set": calendar.address().is_set(),
                "caldav_set": calendar.caldav.url.is_some(),
                "busy": calendar.busy,
                "tasks": calendar.has_tasks(),
            })
        });
        shown.collect()
    }
}
