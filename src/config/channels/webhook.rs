//! `alerters.webhook`.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Kept, Section};
use crate::core::alert::Priority;
use crate::core::channel::Channel;

/// A web address that takes alerts as JSON.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// Whether alerts are posted.
    #[garde(skip)]
    pub enabled: bool,
    /// Less urgent alerts are not sent here.
    #[garde(skip)]
    pub min_priority: Priority,
    /// Where to. Many services give addresses that are secrets by themselves.
    #[garde(skip)]
    pub url: Option<SecretString>,
    /// A file that holds the address.
    #[garde(skip)]
    pub url_file: Option<PathBuf>,
    /// What messages are signed with; none: they are not.
    #[garde(skip)]
    pub secret: Option<SecretString>,
    /// A file that holds it.
    #[garde(skip)]
    pub secret_file: Option<PathBuf>,
    /// The longest that one try may take (seconds).
    #[garde(range(min = 1, max = 60))]
    pub timeout_seconds: u32,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            min_priority: Priority::Medium,
            url: None,
            url_file: None,
            secret: None,
            secret_file: None,
            timeout_seconds: 10,
        }
    }
}

impl WebhookConfig {
    const fn address(&self) -> Kept<'_> {
        Kept { key: "url", value: &self.url, file: &self.url_file }
    }
}

impl Section for WebhookConfig {
    fn channel(&self) -> Channel {
        Channel::Webhook
    }

    fn name(&self) -> &'static str {
        "The webhook"
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
        vec![self.address(), Kept { key: "secret", value: &self.secret, file: &self.secret_file }]
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("url_file", &mut self.url_file), ("secret_file", &mut self.secret_file)]
    }

    fn lack(&self) -> Option<&'static str> {
        (!self.address().is_set()).then_some("url or url_file")
    }
}
