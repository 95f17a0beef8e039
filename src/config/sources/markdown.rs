//! `sources.markdown`.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Section;

/// A folder of notes; without one there are none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarkdownConfig {
    /// Where it is.
    pub folder: Option<PathBuf>,
    /// Folders and notes in it that are passed over, as paths from it.
    pub exclude: Vec<PathBuf>,
}

impl Section for MarkdownConfig {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("folder", &mut self.folder)]
    }

    fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        let is_inside = |path: &PathBuf| path.is_relative() && !path.starts_with("..") && !path.starts_with("~");
        (!self.exclude.iter().all(is_inside)).then_some(("exclude", "give paths from the folder, such as Archive/Old"))
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("folder", json!(self.folder)), ("exclude", json!(self.exclude))]
    }
}
