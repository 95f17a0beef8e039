//! The sections under `sources`: keys, defaults and ranges.
//!
//! A new source is a struct here, its line in `sections` and `files_mut`, and a field of `SourcesConfig`.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::schema::http_address;
use super::section::{SecretSetting, Section};
use crate::core::name::Name;

/// Where facts come from.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct SourcesConfig {
    #[garde(dive)]
    pub oura: OuraConfig,
    #[garde(dive)]
    pub workos: WorkosConfig,
    pub state_store: StateStoreConfig,
    #[garde(dive)]
    pub todoist: TodoistConfig,
    #[garde(dive)]
    pub taskwarrior: TaskwarriorConfig,
    pub markdown: MarkdownConfig,
    pub reminders: RemindersConfig,
    pub focus_file: FocusFileConfig,
    #[garde(length(max = 50), dive)]
    pub calendars: Vec<CalendarConfig>,
}

/// The Oura chain: the cache file, then the API by a token or by the user's connection.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct OuraConfig {
    /// Folder with `oura-health.db`, or the file itself; unset: `$OURA_CACHE_DIR`, then `~/.oura-cache`.
    #[serde(alias = "cache_path")]
    pub cache_dir: Option<PathBuf>,
    /// Bearer token of the API; it takes precedence over a connection.
    pub token: Option<SecretString>,
    pub token_file: Option<PathBuf>,
    /// The user's own application at Oura; unset: `operator connect oura` asks.
    pub client_id: Option<String>,
    pub client_secret: Option<SecretString>,
    pub client_secret_file: Option<PathBuf>,
    /// OAuth scopes, separated by spaces.
    pub scopes: String,
    /// Loopback port of the OAuth redirect.
    #[garde(range(min = 1024))]
    pub redirect_port: u16,
    pub token_store: TokenStoreKind,
    #[serde(deserialize_with = "safe_address")]
    pub authorize_url: String,
    #[serde(deserialize_with = "safe_address")]
    pub token_url: String,
    #[serde(deserialize_with = "safe_address")]
    pub revoke_url: String,
    #[serde(alias = "api_url", deserialize_with = "http_address")]
    pub base_url: String,
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
}

impl Default for OuraConfig {
    fn default() -> Self {
        Self {
            cache_dir: None,
            token: None,
            token_file: None,
            client_id: None,
            client_secret: None,
            client_secret_file: None,
            scopes: "daily stress heartrate personal".into(),
            redirect_port: 8917,
            token_store: TokenStoreKind::System,
            authorize_url: "https://cloud.ouraring.com/oauth/authorize".into(),
            token_url: "https://api.ouraring.com/oauth/token".into(),
            revoke_url: "https://api.ouraring.com/oauth/revoke".into(),
            base_url: "https://api.ouraring.com/v2/usercollection".into(),
            timeout_seconds: 20,
        }
    }
}

impl OuraConfig {
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }
}

/// Storage of the OAuth tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenStoreKind {
    /// The Keychain on macOS, elsewhere a file.
    #[default]
    System,
    /// A file in the state directory, mode 0600.
    File,
}

/// The WorkOS database.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct WorkosConfig {
    /// `postgres://user:password@host/database?sslmode=…`; unset: `$WORKOS_DATABASE_URL`.
    #[serde(alias = "database_url")]
    pub url: Option<SecretString>,
    pub url_file: Option<PathBuf>,
    /// PEM file of a certificate authority that the system does not know.
    pub ca_file: Option<PathBuf>,
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
}

impl Default for WorkosConfig {
    fn default() -> Self {
        Self { url: None, url_file: None, ca_file: None, timeout_seconds: 20 }
    }
}

/// An SQLite file with due dates and commitments.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateStoreConfig {
    pub path: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct TodoistConfig {
    pub token: Option<SecretString>,
    pub token_file: Option<PathBuf>,
    /// Project names; empty: all.
    pub projects: Vec<String>,
    #[serde(deserialize_with = "http_address")]
    pub base_url: String,
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
}

impl Default for TodoistConfig {
    fn default() -> Self {
        Self {
            token: None,
            token_file: None,
            projects: Vec::new(),
            base_url: "https://api.todoist.com/api/v1".into(),
            timeout_seconds: 30,
        }
    }
}

/// Taskwarrior, through its own program.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct TaskwarriorConfig {
    pub enabled: bool,
    /// A name on the PATH, or an absolute path.
    pub program: String,
    /// Unset: the folder that Taskwarrior's own configuration names.
    pub data_dir: Option<PathBuf>,
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
}

impl Default for TaskwarriorConfig {
    fn default() -> Self {
        Self { enabled: false, program: "task".into(), data_dir: None, timeout_seconds: 20 }
    }
}

/// A folder of Markdown notes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarkdownConfig {
    pub folder: Option<PathBuf>,
    /// Folders and notes to skip, relative to `folder`.
    pub exclude: Vec<PathBuf>,
}

/// Apple Reminders.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemindersConfig {
    pub enabled: bool,
    /// Names of lists; empty: all.
    pub lists: Vec<String>,
}

/// A file whose age is watched.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FocusFileConfig {
    pub path: Option<PathBuf>,
}

/// One calendar: a file, an address, or a CalDAV account.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct CalendarConfig {
    /// The circuit is `calendar:NAME`.
    pub name: Option<Name>,
    /// An .ics file.
    pub file: Option<PathBuf>,
    /// A secret address: anyone who knows it can read the calendar.
    pub url: Option<SecretString>,
    pub url_file: Option<PathBuf>,
    pub caldav: CaldavConfig,
    /// Whether events count as busy time.
    pub busy: bool,
    /// Whether to-dos are tasks; unset: not at an address, because those publish none.
    pub tasks: Option<bool>,
    /// The user's address in invitations: declined events take no time.
    pub email: Option<String>,
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
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

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaldavConfig {
    /// The server, the user's folder there, or one calendar.
    pub url: Option<String>,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub password_file: Option<PathBuf>,
    /// Names of calendars; empty: all.
    pub calendars: Vec<String>,
}

impl SourcesConfig {
    /// Every source but the calendars, by its key.
    pub(super) fn sections(&self) -> [(&'static str, Section); 8] {
        let oura = &self.oura;
        let secret = SecretSetting::new;
        let is_relative = |path: &PathBuf| path.is_relative() && !path.starts_with("..") && !path.starts_with("~");
        [
            (
                "oura",
                Section {
                    secrets: vec![
                        secret("token", &oura.token, &oura.token_file),
                        secret("client_secret", &oura.client_secret, &oura.client_secret_file),
                    ],
                    fields: vec![
                        ("cache_dir", json!(oura.cache_dir)),
                        ("client_id_set", json!(oura.client_id.is_some())),
                    ],
                    ..Section::default()
                },
            ),
            (
                "workos",
                Section { secrets: vec![secret("url", &self.workos.url, &self.workos.url_file)], ..Section::default() },
            ),
            ("state_store", Section { fields: vec![("path", json!(self.state_store.path))], ..Section::default() }),
            (
                "todoist",
                Section {
                    secrets: vec![secret("token", &self.todoist.token, &self.todoist.token_file)],
                    fields: vec![("projects", json!(self.todoist.projects))],
                    ..Section::default()
                },
            ),
            (
                "taskwarrior",
                Section {
                    fields: vec![
                        ("enabled", json!(self.taskwarrior.enabled)),
                        ("program", json!(self.taskwarrior.program)),
                        ("data_dir", json!(self.taskwarrior.data_dir)),
                    ],
                    ..Section::default()
                },
            ),
            (
                "markdown",
                Section {
                    conflict: (!self.markdown.exclude.iter().all(is_relative))
                        .then_some(("exclude", "give paths from the folder, such as Archive/Old")),
                    fields: vec![("folder", json!(self.markdown.folder)), ("exclude", json!(self.markdown.exclude))],
                    ..Section::default()
                },
            ),
            (
                "reminders",
                Section {
                    fields: vec![("enabled", json!(self.reminders.enabled)), ("lists", json!(self.reminders.lists))],
                    ..Section::default()
                },
            ),
            ("focus_file", Section { fields: vec![("path", json!(self.focus_file.path))], ..Section::default() }),
        ]
    }

    /// The file and folder keys, for the resolution of relative paths.
    pub(super) fn files_mut(&mut self) -> Vec<(String, &mut Option<PathBuf>)> {
        let own = [
            ("oura.cache_dir", &mut self.oura.cache_dir),
            ("oura.token_file", &mut self.oura.token_file),
            ("oura.client_secret_file", &mut self.oura.client_secret_file),
            ("workos.url_file", &mut self.workos.url_file),
            ("workos.ca_file", &mut self.workos.ca_file),
            ("state_store.path", &mut self.state_store.path),
            ("todoist.token_file", &mut self.todoist.token_file),
            ("taskwarrior.data_dir", &mut self.taskwarrior.data_dir),
            ("markdown.folder", &mut self.markdown.folder),
            ("focus_file.path", &mut self.focus_file.path),
        ];
        let calendars = self.calendars.iter_mut().enumerate().flat_map(|(index, calendar)| {
            let files = [
                ("file", &mut calendar.file),
                ("url_file", &mut calendar.url_file),
                ("caldav.password_file", &mut calendar.caldav.password_file),
            ];
            files.map(|(key, file)| (format!("sources.calendars[{index}].{key}"), file))
        });
        own.into_iter().map(|(key, file)| (format!("sources.{key}"), file)).chain(calendars).collect()
    }

    /// The calendars in the status. Addresses can be secrets.
    pub(super) fn calendars_summary(&self) -> Value {
        let calendars = self.calendars.iter().map(|calendar| {
            json!({
                "name": calendar.name,
                "enabled": calendar.enabled,
                "file": calendar.file,
                "url_set": calendar.address().is_set,
                "caldav_set": calendar.caldav.url.is_some(),
                "busy": calendar.busy,
                "tasks": calendar.has_tasks(),
            })
        });
        calendars.collect()
    }
}

impl CalendarConfig {
    fn address(&self) -> SecretSetting {
        SecretSetting::new("url", &self.url, &self.url_file)
    }

    fn password(&self) -> SecretSetting {
        SecretSetting::new("password", &self.caldav.password, &self.caldav.password_file)
    }

    /// Whether the to-dos are tasks.
    #[must_use]
    pub fn has_tasks(&self) -> bool {
        self.tasks.unwrap_or_else(|| !self.address().is_set)
    }

    /// The unset keys, in words, without which the calendar cannot be read.
    pub(super) fn missing_keys(&self) -> Option<&'static str> {
        let has_location = self.file.is_some() || self.address().is_set || self.caldav.url.is_some();
        if self.name.is_none() {
            Some("name")
        } else if !has_location {
            Some("file, url or caldav.url")
        } else if self.caldav.url.is_some() && self.caldav.user.is_none() {
            Some("caldav.user")
        } else if self.caldav.url.is_some() && !self.password().is_set {
            Some("caldav.password or caldav.password_file")
        } else {
            None
        }
    }

    /// A key whose value does not fit the others, and why.
    pub(super) fn conflict(&self) -> Option<(&'static str, String)> {
        let locations =
            [("file", self.file.is_some()), ("url", self.address().is_set), ("caldav", self.caldav.url.is_some())];
        let mut given = locations.into_iter().filter(|(_, given)| *given).map(|(key, _)| key);
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            return Some((second, format!("'{first}' is given too: a calendar is in one place only")));
        }
        let sentence = |key: &str| format!("'{key}' is given too: keep only one of the two");
        if self.address().is_given_twice {
            Some(("url_file", sentence("url")))
        } else if self.password().is_given_twice {
            Some(("caldav.password_file", sentence("password")))
        } else {
            None
        }
    }
}

/// An address that receives secrets: https, or this machine.
fn safe_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let address = http_address(deserializer)?;
    let Some(rest) = address.strip_prefix("http://") else { return Ok(address) };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // The part before an @ is a login, even if it looks like a host.
    match authority.split(':').next() {
        Some("127.0.0.1" | "localhost") if !authority.contains('@') => Ok(address),
        _ => Err(D::Error::custom("this must begin with https://, for secrets are sent there")),
    }
}
