//! The sections under `alerters`: one file a channel, which holds its keys and says what it needs and what may be shown of it.
//! A new one is its own file and a line in `all` and `all_mut`.

mod email;
mod exec;
mod notification;
mod ntfy;
mod pushover;
mod telegram;
mod webhook;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

pub(super) use super::kept::Kept;
use super::schema::Alerters;
use crate::core::alert::Priority;
use crate::core::channel::{Channel, Routing};

pub use email::{EmailConfig, Security};
pub use exec::ExecConfig;
pub use notification::NotificationConfig;
pub use ntfy::NtfyConfig;
pub use pushover::PushoverConfig;
pub use telegram::TelegramConfig;
pub use webhook::WebhookConfig;

/// What every channel's section answers.
pub(super) trait Section {
    /// Whose it is. Its name is the section's.
    fn channel(&self) -> Channel;

    /// The channel, at the beginning of a sentence.
    fn name(&self) -> &'static str;

    /// Whether it is switched on.
    fn is_on(&self) -> bool;

    /// Switch it off.
    fn switch_off(&mut self);

    /// Less urgent alerts are not sent there.
    fn min_priority(&self) -> Priority;

    /// Its secrets.
    fn secrets(&self) -> Vec<Kept<'_>> {
        Vec::new()
    }

    /// The files that it names, with their keys.
    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        Vec::new()
    }

    /// The keys that it cannot be on without and that are not set, in words.
    fn lack(&self) -> Option<&'static str> {
        None
    }

    /// A key whose value does not go with the others, and why.
    fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// What the status shows besides the switch, the threshold and whether secrets are set.
    fn more(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

impl Alerters {
    /// All channels' sections; the journal has no choices.
    pub(super) fn all(&self) -> [&dyn Section; 7] {
        [&self.notification, &self.telegram, &self.webhook, &self.ntfy, &self.pushover, &self.email, &self.exec]
    }

    /// The same, to be changed.
    pub(super) fn all_mut(&mut self) -> [&mut dyn Section; 7] {
        [
            &mut self.notification,
            &mut self.telegram,
            &mut self.webhook,
            &mut self.ntfy,
            &mut self.pushover,
            &mut self.email,
            &mut self.exec,
        ]
    }

    /// Where each urgency goes besides the journal.
    #[must_use]
    pub fn routing(&self) -> Routing {
        let on = self.all().into_iter().filter(|section| section.is_on());
        Routing(on.map(|section| (section.channel(), section.min_priority())).collect())
    }
}

/// What the status shows of a section.
pub(super) fn summary(section: &dyn Section) -> Value {
    let mut shown = Map::new();
    shown.insert("enabled".into(), json!(section.is_on()));
    shown.insert("min_priority".into(), json!(section.min_priority()));
    shown.extend(section.secrets().iter().map(|kept| (format!("{}_set", kept.key), json!(kept.is_set()))));
    shown.extend(section.more().into_iter().map(|(key, value)| (key.to_owned(), value)));
    shown.into()
}
