//! `alerters.ntfy`.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::{Kept, Section};
use crate::config::schema::http_address;
use crate::core::alert::Priority;
use crate::core::channel::Channel;

/// Phones, through an ntfy server.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NtfyConfig {
    /// Whether messages are published.
    pub enabled: bool,
    /// Less urgent alerts are not sent here.
    pub min_priority: Priority,
    /// The server.
    #[serde(deserialize_with = "http_address")]
    pub url: String,
    /// The topic. Whoever knows it reads what is published there, so it is a secret.
    pub topic: Option<SecretString>,
    /// A file that holds the topic.
    pub topic_file: Option<PathBuf>,
    /// An access token; none: the server takes messages from everybody.
    pub token: Option<SecretString>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
}

impl Default for NtfyConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            min_priority: Priority::Medium,
            url: "https://ntfy.sh".into(),
            topic: None,
            topic_file: None,
            token: None,
            token_file: None,
        }
    }
}

impl NtfyConfig {
    const fn place(&self) -> Kept<'_> {
        Kept { key: "topic", value: &self.topic, file: &self.topic_file }
    }
}

impl Section for NtfyConfig {
    fn channel(&self) -> Channel {
        Channel::Ntfy
    }

    fn name(&self) -> &'static str {
        "ntfy"
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
        vec![self.place(), Kept { key: "token", value: &self.token, file: &self.token_file }]
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("topic_file", &mut self.topic_file), ("token_file", &mut self.token_file)]
    }

    fn lack(&self) -> Option<&'static str> {
        (!self.place().is_set()).then_some("topic or topic_file")
    }
}
