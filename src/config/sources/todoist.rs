//! `sources.todoist`.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Section;
use crate::config::kept::Kept;
use crate::config::schema::http_address;

/// Todoist; without a token it is not asked.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct TodoistConfig {
    /// The API token.
    #[garde(skip)]
    pub token: Option<SecretString>,
    /// A file that holds the token.
    #[garde(skip)]
    pub token_file: Option<PathBuf>,
    /// Only these projects, by name; none: all.
    #[garde(skip)]
    pub projects: Vec<String>,
    /// Where the API is.
    #[garde(skip)]
    #[serde(deserialize_with = "http_address")]
    pub base_url: String,
    /// The longest one reading may take (seconds).
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
}

impl Default for TodoistConfig {
    fn default() -> Self {
        Self {
            token: None,
            token_file: None,
            projects: Vec::new(),
            base_url: "https://api.todoist.com/api/v1".into(),
            timeout_seconds: 30,
        }
    }
}

impl Section for TodoistConfig {
    fn name(&self) -> &'static str {
        "todoist"
    }

    fn secrets(&self) -> Vec<Kept<'_>> {
        vec![Kept { key: "token", value: &self.token, file: &self.token_file }]
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("token_file", &mut self.token_file)]
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("projects", json!(self.projects))]
    }
}
