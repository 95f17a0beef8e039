//! The sections under `sources`: one file a source, which holds its keys and says what may be shown of it.
//! A new one is its own file, a key in `Sources`, and a line in `all` and `all_mut`.

mod focus_file;
mod markdown;
mod oura;
mod reminders;
mod state_store;
mod taskwarrior;
mod todoist;
mod workos;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::kept::Kept;
use super::schema::Sources;

pub use focus_file::FocusFileConfig;
pub use markdown::MarkdownConfig;
pub use oura::{OuraConfig, TokenStoreKind};
pub use reminders::RemindersConfig;
pub use state_store::StateStoreConfig;
pub use taskwarrior::TaskwarriorConfig;
pub use todoist::TodoistConfig;
pub use workos::WorkosConfig;

/// What every source's section answers.
pub(super) trait Section {
    /// The section's name.
    fn name(&self) -> &'static str;

    /// Its secrets.
    fn secrets(&self) -> Vec<Kept<'_>> {
        Vec::new()
    }

    /// The files that it names, with their keys.
    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        Vec::new()
    }

    /// A key whose value does not go with the others, and why.
    fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// What the status shows besides whether secrets are set.
    fn more(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

impl Sources {
    /// All sections.
    pub(super) fn all(&self) -> [&dyn Section; 8] {
        [
            &self.oura,
            &self.workos,
            &self.state_store,
            &self.todoist,
            &self.taskwarrior,
            &self.markdown,
            &self.reminders,
            &self.focus_file,
        ]
    }

    /// The same, to be changed.
    pub(super) fn all_mut(&mut self) -> [&mut dyn Section; 8] {
        [
            &mut self.oura,
            &mut self.workos,
            &mut self.state_store,
            &mut self.todoist,
            &mut self.taskwarrior,
            &mut self.markdown,
            &mut self.reminders,
            &mut self.focus_file,
        ]
    }
}

/// What the status shows of a section.
pub(super) fn summary(section: &dyn Section) -> Value {
    let mut shown = Map::new();
    shown.extend(section.secrets().iter().map(|kept| (format!("{}_set", kept.key), json!(kept.is_set()))));
    shown.extend(section.more().into_iter().map(|(key, value)| (key.to_owned(), value)));
    shown.into()
}
