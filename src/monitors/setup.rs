//! What is connected: the configuration of the sources with the environment's defaults filled in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::core::status::OuraLink;
use crate::sources::oura_account::Account;

/// Every source that can be asked.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Oura's cache, then its API.
    pub oura: OuraSetup,
    /// The WorkOS database.
    pub workos: WorkosSetup,
    /// The state store's file, if one is named.
    pub state_store: Option<PathBuf>,
    /// The focus file, if one is named.
    pub focus_file: Option<PathBuf>,
}

/// The two ways to Oura's data.
#[derive(Debug, Clone)]
pub struct OuraSetup {
    /// The cache's file.
    pub cache: PathBuf,
    /// Whether the person named it; a default place that is empty is no failure.
    pub cache_is_named: bool,
    /// The API's token.
    pub token: Option<SecretString>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// A connection of the person's own, which a token goes before; none where there is no place to keep one.
    pub account: Option<Arc<Account>>,
    /// Where the API's collections are.
    pub base_url: String,
    /// The longest that the API may take.
    pub timeout: Duration,
}

impl OuraSetup {
    /// How the API is reached, as far as that is known.
    #[must_use]
    pub fn link(&self) -> Option<OuraLink> {
        match (&self.account, self.has_token()) {
            (_, true) => Some(OuraLink::Token),
            (Some(account), false) => account.link(),
            (None, false) => Some(OuraLink::Off),
        }
    }

    const fn has_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }
}

/// The WorkOS database.
#[derive(Debug, Clone)]
pub struct WorkosSetup {
    /// Its address, password included.
    pub url: Option<SecretString>,
    /// A file that holds the address.
    pub url_file: Option<PathBuf>,
    /// Who signed its certificate.
    pub ca_file: Option<PathBuf>,
    /// The longest that it may take.
    pub timeout: Duration,
}
