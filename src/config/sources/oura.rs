//! `sources.oura`.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Section;
use crate::config::kept::Kept;
use crate::config::schema::http_address;

/// The Oura chain.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct OuraConfig {
    /// Folder with `oura-health.db`, or the file itself; none: `$OURA_CACHE_DIR`, then `~/.oura-cache`.
    #[garde(skip)]
    #[serde(alias = "cache_path")]
    pub cache_dir: Option<PathBuf>,
    /// Bearer token of the API; none: the API is not asked.
    #[garde(skip)]
    pub token: Option<SecretString>,
    /// A file that holds the token.
    #[garde(skip)]
    pub token_file: Option<PathBuf>,
    /// Where the collections are.
    #[garde(skip)]
    #[serde(alias = "api_url", deserialize_with = "http_address")]
    pub base_url: String,
    /// The longest one reading may take (seconds).
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
}

impl Default for OuraConfig {
    fn default() -> Self {
        Self {
            cache_dir: None,
            token: None,
            token_file: None,
            base_url: "https://api.ouraring.com/v2/usercollection".into(),
            timeout_seconds: 20,
        }
    }
}

impl Section for OuraConfig {
    fn name(&self) -> &'static str {
        "oura"
    }

    fn secrets(&self) -> Vec<Kept<'_>> {
        vec![Kept { key: "token", value: &self.token, file: &self.token_file }]
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("cache_dir", &mut self.cache_dir), ("token_file", &mut self.token_file)]
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("cache_dir", json!(self.cache_dir))]
    }
}
