//! `alerters.telegram`.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Kept, Section};
use crate::config::schema::http_address;
use crate::core::alert::Priority;
use crate::core::channel::Channel;

/// A Telegram chat.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramConfig {
    /// Whether messages are sent.
    #[garde(skip)]
    pub enabled: bool,
    /// Less urgent alerts are not sent here.
    #[garde(skip)]
    pub min_priority: Priority,
    /// The bot's token.
    #[garde(skip)]
    pub token: Option<SecretString>,
    /// A file that holds the token.
    #[garde(skip)]
    pub token_file: Option<PathBuf>,
    /// The chat that is written to and listened to.
    #[garde(skip)]
    pub chat_id: Option<String>,
    /// Where the Bot API is.
    #[garde(skip)]
    #[serde(deserialize_with = "http_address")]
    pub api_url: String,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            min_priority: Priority::High,
            token: None,
            token_file: None,
            chat_id: None,
            api_url: "https://api.telegram.org".into(),
        }
    }
}

impl Section for TelegramConfig {
    fn channel(&self) -> Channel {
        Channel::Telegram
    }

    fn name(&self) -> &'static str {
        "Telegram"
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
        vec![Kept { key: "token", value: &self.token, file: &self.token_file }]
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("token_file", &mut self.token_file)]
    }

    fn lack(&self) -> Option<&'static str> {
        let has_token = self.secrets().iter().all(Kept::is_set);
        match (has_token, self.chat_id.is_some()) {
            (false, false) => Some("token (or token_file) and chat_id"),
            (false, true) => Some("token or token_file"),
            (true, false) => Some("chat_id"),
            (true, true) => None,
        }
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("chat_set", json!(self.chat_id.is_some()))]
    }
}
