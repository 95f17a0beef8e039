//! `sources.oura`.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Section;
use crate::config::kept::Kept;
use crate::config::schema::http_address;

/// The Oura chain: the cache file, then the API by a token or by a connection of the person's own.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct OuraConfig {
    /// Folder with `oura-health.db`, or the file itself; none: `$OURA_CACHE_DIR`, then `~/.oura-cache`.
    #[garde(skip)]
    #[serde(alias = "cache_path")]
    pub cache_dir: Option<PathBuf>,
    /// Bearer token of the API; it goes before a connection.
    #[garde(skip)]
    pub token: Option<SecretString>,
    /// A file that holds the token.
    #[garde(skip)]
    pub token_file: Option<PathBuf>,
    /// The person's own application at Oura; none: `operator connect oura` asks.
    #[garde(skip)]
    pub client_id: Option<String>,
    /// Its secret.
    #[garde(skip)]
    pub client_secret: Option<SecretString>,
    /// A file that holds the secret.
    #[garde(skip)]
    pub client_secret_file: Option<PathBuf>,
    /// What is asked to be read, separated by spaces.
    #[garde(skip)]
    pub scopes: String,
    /// Where on this machine Oura sends the browser back to.
    #[garde(range(min = 1024))]
    pub redirect_port: u16,
    /// Where the connection's tokens are kept.
    #[garde(skip)]
    pub token_store: TokenStoreKind,
    /// Where the person says yes.
    #[garde(skip)]
    #[serde(deserialize_with = "safe_address")]
    pub authorize_url: String,
    /// Where tokens are given out.
    #[garde(skip)]
    #[serde(deserialize_with = "safe_address")]
    pub token_url: String,
    /// Where they are given back.
    #[garde(skip)]
    #[serde(deserialize_with = "safe_address")]
    pub revoke_url: String,
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
            client_id: None,
            client_secret: None,
            client_secret_file: None,
            scopes: "daily stress heartrate personal".into(),
            redirect_port: 8917,
            token_store: TokenStoreKind::System,
            authorize_url: "https://cloud.ouraring.com/oauth/authorize".into(),
            token_url: "https://api.ouraring.com/oauth/token".into(),
            revoke_url: "https://api.ouraring.com/oauth/revoke".into(),
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
        vec![
            Kept { key: "token", value: &self.token, file: &self.token_file },
            Kept { key: "client_secret", value: &self.client_secret, file: &self.client_secret_file },
        ]
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![
            ("cache_dir", &mut self.cache_dir),
            ("token_file", &mut self.token_file),
            ("client_secret_file", &mut self.client_secret_file),
        ]
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("cache_dir", json!(self.cache_dir)), ("client_id_set", json!(self.client_id.is_some()))]
    }
}

impl OuraConfig {
    /// Whether a token is given, which goes before a connection.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }
}

/// Where the tokens of a connection are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenStoreKind {
    /// In the Keychain on macOS, elsewhere in a file.
    #[default]
    System,
    /// In a file of the state directory that only its owner can read.
    File,
}

/// An address that secrets are sent to: nobody on the way may read them.
fn safe_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let address = http_address(deserializer)?;
    let Some(rest) = address.strip_prefix("http://") else { return Ok(address) };
    let place = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // What stands before an @ is no host, however it looks.
    match place.split(':').next() {
        Some("127.0.0.1" | "localhost") if !place.contains('@') => Ok(address),
        _ => Err(D::Error::custom("this must begin with https://, for secrets are sent there")),
    }
}
