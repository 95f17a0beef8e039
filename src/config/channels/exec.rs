//! `alerters.exec`.

use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Section;
use crate::core::alert::Priority;
use crate::core::channel::Channel;

/// A program of the person's own that is told of alerts.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct ExecConfig {
    /// Whether it is run.
    #[garde(skip)]
    pub enabled: bool,
    /// It is not told of less urgent alerts.
    #[garde(skip)]
    pub min_priority: Priority,
    /// The program and its arguments.
    #[garde(length(max = 1000))]
    pub command: Vec<String>,
    /// The longest that it may run (seconds).
    #[garde(range(min = 1, max = 60))]
    pub timeout_seconds: u32,
}

impl Default for ExecConfig {
    fn default() -> Self {
        Self { enabled: false, min_priority: Priority::Medium, command: Vec::new(), timeout_seconds: 10 }
    }
}

impl Section for ExecConfig {
    fn channel(&self) -> Channel {
        Channel::Exec
    }

    fn name(&self) -> &'static str {
        "The program"
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

    fn lack(&self) -> Option<&'static str> {
        self.command.first().is_none_or(String::is_empty).then_some("command")
    }

    /// Not the arguments, for a secret may stand there.
    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("program", json!(self.command.first()))]
    }
}
