//! `sources.workos`.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

use super::Section;
use crate::config::kept::Kept;

/// The WorkOS database.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct WorkosConfig {
    /// `postgres://user:password@host/database?sslmode=…`; none: `$WORKOS_DATABASE_URL`.
    #[garde(skip)]
    #[serde(alias = "database_url")]
    pub url: Option<SecretString>,
    /// A file that holds the address.
    #[garde(skip)]
    pub url_file: Option<PathBuf>,
    /// A PEM file with the authority that signed the server's certificate, where the system does not know it.
    #[garde(skip)]
    pub ca_file: Option<PathBuf>,
    /// The longest one reading may take (seconds).
    #[garde(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
}

impl Default for WorkosConfig {
    fn default() -> Self {
        Self { url: None, url_file: None, ca_file: None, timeout_seconds: 20 }
    }
}

impl Section for WorkosConfig {
    fn name(&self) -> &'static str {
        "workos"
    }

    fn secrets(&self) -> Vec<Kept<'_>> {
        vec![Kept { key: "url", value: &self.url, file: &self.url_file }]
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("url_file", &mut self.url_file), ("ca_file", &mut self.ca_file)]
    }
}
