//! `sources.reminders`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Section;

/// Apple Reminders.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemindersConfig {
    /// Whether they are read; macOS asks the person once.
    pub enabled: bool,
    /// The lists that are read; none: all.
    pub lists: Vec<String>,
}

impl Section for RemindersConfig {
    fn name(&self) -> &'static str {
        "reminders"
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("enabled", json!(self.enabled)), ("lists", json!(self.lists))]
    }
}
