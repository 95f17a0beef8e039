//! The sections under `alerters`: keys, defaults and ranges, and what each channel needs before it can be enabled.
//!
//! A new channel is a struct here, its line in `sections`, `enabled_mut` and `files_mut`, and a field of `AlertersConfig`.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema::http_address;
use super::section::{SecretSetting, Section};
use crate::core::alert::Priority;
use crate::core::channel::{Channel, Routing};

/// Where notifications go.
#[derive(Debug, Clone, Default, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct AlertersConfig {
    pub journal: JournalConfig,
    pub notification: NotificationConfig,
    pub telegram: TelegramConfig,
    #[garde(dive)]
    pub webhook: WebhookConfig,
    pub ntfy: NtfyConfig,
    pub pushover: PushoverConfig,
    #[garde(dive)]
    pub email: EmailConfig,
    #[garde(dive)]
    pub exec: ExecAlerterConfig,
}

/// The journal takes every alert. Its keys exist for symmetry and accept one value each.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    pub enabled: bool,
    pub min_priority: Priority,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { enabled: true, min_priority: Priority::Low }
    }
}

/// Native notifications.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotificationConfig {
    pub enabled: bool,
    pub min_priority: Priority,
}

impl Default for NotificationConfig {
    fn default() -> Self {
        Self { enabled: true, min_priority: Priority::Medium }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramConfig {
    pub enabled: bool,
    pub min_priority: Priority,
    pub token: Option<SecretString>,
    pub token_file: Option<PathBuf>,
    /// Messages go to this chat, and only its replies count.
    pub chat_id: Option<String>,
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

#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct WebhookConfig {
    pub enabled: bool,
    pub min_priority: Priority,
    /// A secret: many services put a token into the address.
    pub url: Option<SecretString>,
    pub url_file: Option<PathBuf>,
    /// Signs messages; unset: messages are not signed.
    pub secret: Option<SecretString>,
    pub secret_file: Option<PathBuf>,
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

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NtfyConfig {
    pub enabled: bool,
    pub min_priority: Priority,
    #[serde(deserialize_with = "http_address")]
    pub url: String,
    /// A secret: anyone who knows the topic can read it.
    pub topic: Option<SecretString>,
    pub topic_file: Option<PathBuf>,
    /// Access token; unset: the server accepts messages without one.
    pub token: Option<SecretString>,
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

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushoverConfig {
    pub enabled: bool,
    pub min_priority: Priority,
    /// API token of the application.
    pub token: Option<SecretString>,
    pub token_file: Option<PathBuf>,
    /// Key of the user or group.
    pub user: Option<SecretString>,
    pub user_file: Option<PathBuf>,
    /// One device; unset: every device of the user.
    pub device: Option<String>,
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

#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct EmailConfig {
    pub enabled: bool,
    pub min_priority: Priority,
    /// Host name of the mail server.
    pub server: Option<String>,
    /// Unset: the usual port of `security`.
    #[garde(range(min = 1))]
    pub port: Option<u16>,
    pub security: SmtpSecurity,
    /// PEM file of a certificate authority that the system does not know.
    pub ca_file: Option<PathBuf>,
    /// Login name; unset: no login.
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub password_file: Option<PathBuf>,
    pub from: Option<String>,
    pub to: Vec<String>,
}

/// Encryption of the connection to the mail server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// TLS after the greeting; nothing is sent without it.
    Starttls,
    /// No encryption: for a server on this machine only.
    None,
}

impl SmtpSecurity {
    /// The usual port.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

impl Default for EmailConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            min_priority: Priority::High,
            server: None,
            port: None,
            security: SmtpSecurity::default(),
            ca_file: None,
            user: None,
            password: None,
            password_file: None,
            from: None,
            to: Vec::new(),
        }
    }
}

/// An exec plugin that receives alerts.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct ExecAlerterConfig {
    pub enabled: bool,
    pub min_priority: Priority,
    /// The program and its arguments.
    #[garde(length(max = 1000))]
    pub command: Vec<String>,
    #[garde(range(min = 1, max = 60))]
    pub timeout_seconds: u32,
}

impl Default for ExecAlerterConfig {
    fn default() -> Self {
        Self { enabled: false, min_priority: Priority::Medium, command: Vec::new(), timeout_seconds: 10 }
    }
}

/// A channel's section as validation, routing and the status see it.
pub(super) struct ChannelSection {
    pub(super) channel: Channel,
    /// The channel at the beginning of a sentence.
    pub(super) label: &'static str,
    pub(super) enabled: bool,
    pub(super) min_priority: Priority,
    /// The unset keys, in words, without which the channel cannot be enabled.
    pub(super) missing_keys: Option<&'static str>,
    pub(super) section: Section,
}

impl AlertersConfig {
    /// Every channel but the journal.
    pub(super) fn sections(&self) -> [ChannelSection; 7] {
        [
            self.notification.section(),
            self.telegram.section(),
            self.webhook.section(),
            self.ntfy.section(),
            self.pushover.section(),
            self.email.section(),
            self.exec.section(),
        ]
    }

    pub(super) const fn disable(&mut self, channel: Channel) {
        let enabled = match channel {
            Channel::Journal => return,
            Channel::Notification => &mut self.notification.enabled,
            Channel::Telegram => &mut self.telegram.enabled,
            Channel::Webhook => &mut self.webhook.enabled,
            Channel::Ntfy => &mut self.ntfy.enabled,
            Channel::Pushover => &mut self.pushover.enabled,
            Channel::Email => &mut self.email.enabled,
            Channel::Exec => &mut self.exec.enabled,
        };
        *enabled = false;
    }

    /// The file keys, for the resolution of relative paths.
    pub(super) fn files_mut(&mut self) -> [(&'static str, &mut Option<PathBuf>); 9] {
        [
            ("alerters.telegram.token_file", &mut self.telegram.token_file),
            ("alerters.webhook.url_file", &mut self.webhook.url_file),
            ("alerters.webhook.secret_file", &mut self.webhook.secret_file),
            ("alerters.ntfy.topic_file", &mut self.ntfy.topic_file),
            ("alerters.ntfy.token_file", &mut self.ntfy.token_file),
            ("alerters.pushover.token_file", &mut self.pushover.token_file),
            ("alerters.pushover.user_file", &mut self.pushover.user_file),
            ("alerters.email.password_file", &mut self.email.password_file),
            ("alerters.email.ca_file", &mut self.email.ca_file),
        ]
    }

    /// The enabled channels with their thresholds, besides the journal.
    #[must_use]
    pub fn routing(&self) -> Routing {
        let enabled = self.sections().into_iter().filter(|section| section.enabled);
        Routing(enabled.map(|section| (section.channel, section.min_priority)).collect())
    }
}

impl ChannelSection {
    /// The section in the status: switch, threshold, which secrets are set, and its own fields.
    pub(super) fn summary(self) -> Value {
        let mut summary = json!({ "enabled": self.enabled, "min_priority": self.min_priority });
        for (key, value) in self.section.summary() {
            summary[key] = value;
        }
        summary
    }
}

impl NotificationConfig {
    fn section(&self) -> ChannelSection {
        ChannelSection {
            channel: Channel::Notification,
            label: "The notification",
            enabled: self.enabled,
            min_priority: self.min_priority,
            missing_keys: None,
            section: Section::default(),
        }
    }
}

impl TelegramConfig {
    fn section(&self) -> ChannelSection {
        let token = SecretSetting::new("token", &self.token, &self.token_file);
        ChannelSection {
            channel: Channel::Telegram,
            label: "Telegram",
            enabled: self.enabled,
            min_priority: self.min_priority,
            missing_keys: match (token.is_set, self.chat_id.is_some()) {
                (false, false) => Some("token (or token_file) and chat_id"),
                (false, true) => Some("token or token_file"),
                (true, false) => Some("chat_id"),
                (true, true) => None,
            },
            section: Section {
                secrets: vec![token],
                fields: vec![("chat_set", json!(self.chat_id.is_some()))],
                ..Section::default()
            },
        }
    }
}

impl WebhookConfig {
    fn section(&self) -> ChannelSection {
        let url = SecretSetting::new("url", &self.url, &self.url_file);
        ChannelSection {
            channel: Channel::Webhook,
            label: "The webhook",
            enabled: self.enabled,
            min_priority: self.min_priority,
            missing_keys: (!url.is_set).then_some("url or url_file"),
            section: Section {
                secrets: vec![url, SecretSetting::new("secret", &self.secret, &self.secret_file)],
                ..Section::default()
            },
        }
    }
}

impl NtfyConfig {
    fn section(&self) -> ChannelSection {
        let topic = SecretSetting::new("topic", &self.topic, &self.topic_file);
        ChannelSection {
            channel: Channel::Ntfy,
            label: "ntfy",
            enabled: self.enabled,
            min_priority: self.min_priority,
            missing_keys: (!topic.is_set).then_some("topic or topic_file"),
            section: Section {
                secrets: vec![topic, SecretSetting::new("token", &self.token, &self.token_file)],
                ..Section::default()
            },
        }
    }
}

impl PushoverConfig {
    fn section(&self) -> ChannelSection {
        let token = SecretSetting::new("token", &self.token, &self.token_file);
        let user = SecretSetting::new("user", &self.user, &self.user_file);
        ChannelSection {
            channel: Channel::Pushover,
            label: "Pushover",
            enabled: self.enabled,
            min_priority: self.min_priority,
            missing_keys: match (token.is_set, user.is_set) {
                (false, false) => Some("token (or token_file) and user (or user_file)"),
                (false, true) => Some("token or token_file"),
                (true, false) => Some("user or user_file"),
                (true, true) => None,
            },
            section: Section {
                secrets: vec![token, user],
                fields: vec![("device", json!(self.device))],
                ..Section::default()
            },
        }
    }
}

impl EmailConfig {
    fn section(&self) -> ChannelSection {
        let password = SecretSetting::new("password", &self.password, &self.password_file);
        let is_local = matches!(self.server.as_deref(), None | Some("localhost" | "127.0.0.1" | "::1"));
        let is_complete = self.server.is_some() && self.from.is_some() && !self.to.is_empty();
        ChannelSection {
            channel: Channel::Email,
            label: "Email",
            enabled: self.enabled,
            min_priority: self.min_priority,
            missing_keys: match (is_complete, self.user.is_some(), password.is_set) {
                (false, _, _) => Some("server, from and to"),
                (true, true, false) => Some("password or password_file"),
                (true, false, true) => Some("user"),
                _ => None,
            },
            section: Section {
                secrets: vec![password],
                conflict: (self.security == SmtpSecurity::None && !is_local)
                    .then_some(("security", "none is for localhost only: use tls or starttls")),
                fields: vec![
                    ("server", json!(self.server)),
                    ("security", json!(format!("{:?}", self.security).to_lowercase())),
                ],
            },
        }
    }
}

impl ExecAlerterConfig {
    fn section(&self) -> ChannelSection {
        ChannelSection {
            channel: Channel::Exec,
            label: "The exec plugin",
            enabled: self.enabled,
            min_priority: self.min_priority,
            missing_keys: self.command.first().is_none_or(String::is_empty).then_some("command"),
            // Arguments can hold secrets: only the program is shown.
            section: Section { fields: vec![("program", json!(self.command.first()))], ..Section::default() },
        }
    }
}
