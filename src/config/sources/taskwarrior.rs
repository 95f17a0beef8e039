//! `sources.taskwarrior`.

use std::path::PathBuf;

use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Section;

/// Taskwarrior, through its own program.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct TaskwarriorConfig {
    /// Whether it is asked.
    #[garde(skip)]
    pub enabled: bool,
    /// The program's name, or its whole path.
    #[garde(skip)]
    pub program: String,
    /// Its data; none: where its own configuration says.
    #[garde(skip)]
    pub data_dir: Option<PathBuf>,
    /// The longest one reading may take (seconds).
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
}

impl Default for TaskwarriorConfig {
    fn default() -> Self {
        Self { enabled: false, program: "task".into(), data_dir: None, timeout_seconds: 20 }
    }
}

impl Section for TaskwarriorConfig {
    fn name(&self) -> &'static str {
        "taskwarrior"
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("data_dir", &mut self.data_dir)]
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("enabled", json!(self.enabled)), ("program", json!(self.program)), ("data_dir", json!(self.data_dir))]
    }
}
