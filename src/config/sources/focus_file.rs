//! `sources.focus_file`.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Section;

/// A file whose age is watched; without a path none is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FocusFileConfig {
    /// Where it is.
    pub path: Option<PathBuf>,
}

impl Section for FocusFileConfig {
    fn name(&self) -> &'static str {
        "focus_file"
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("path", &mut self.path)]
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("path", json!(self.path))]
    }
}
