//! `alerters.pushover`.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Kept, Section};
use crate::config::schema::http_address;
use crate::core::alert::Priority;
use crate::core::channel::Channel;

/// Phones, through Pushover.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushoverConfig {
    /// Whether messages are sent.
    pub enabled: bool,
    /// Less urgent alerts are not sent here.
    pub min_priority: Priority,
    /// The application's API token.
    pub token: Option<SecretString>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// The key of the user or group.
    pub user: Option<SecretString>,
    /// A file that holds the key.
    pub user_file: Option<PathBuf>,
    /// The name of one device; none: all of the user's.
    pub device: Option<String>,
    /// Where the API is.
    #[serde(deserialize_with = "http_address")]
    pub api_url: String,
}

impl Default for PushoverConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            min_priority: Priority::Medium,
            token: None,
            token_file: None,
            user: None,
            user_file: None,
            device: None,
            api_url: "https://api.pushover.net".into(),
        }
    }
}

impl PushoverConfig {
    const fn application(&self) -> Kept<'_> {
        Kept { key: "token", value: &self.token, file: &self.token_file }
    }

    const fn person(&self) -> Kept<'_> {
        Kept { key: "user", value: &self.user, file: &self.user_file }
    }
}

impl Section for PushoverConfig {
    fn channel(&self) -> Channel {
        Channel::Pushover
    }

    fn name(&self) -> &'static str {
        "Pushover"
    }

    fn is_on(&self) -> bool {
        self.enabled
    }

    fn switch_off(&mut self) {
        self.enabled = false;
    }

    fn min_priority(&self) -> Priority {
        self.min_priority
    }

    fn secrets(&self) -> Vec<Kept<'_>> {
        vec![self.application(), self.person()]
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("token_file", &mut self.token_file), ("user_file", &mut self.user_file)]
    }

    fn lack(&self) -> Option<&'static str> {
        match (self.application().is_set(), self.person().is_set()) {
            (false, false) => Some("token (or token_file) and user (or user_file)"),
            (false, true) => Some("token or token_file"),
            (true, false) => Some("user or user_file"),
            (true, true) => None,
        }
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("device", json!(self.device))]
    }
}
