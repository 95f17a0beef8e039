//! `sources.state_store`.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Section;

/// An SQLite file with due dates and promises; without a path it is not set up.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateStoreConfig {
    /// Where it is.
    pub path: Option<PathBuf>,
}

impl Section for StateStoreConfig {
    fn name(&self) -> &'static str {
        "state_store"
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("path", &mut self.path)]
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("path", json!(self.path))]
    }
}
