//! The user's OAuth 2 connection with Oura. One process at a time refreshes its tokens, before they expire.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use self::requests::{ClientCredentials, TokenError};
use self::token_store::TokenStore;
use self::tokens::Tokens;
use crate::core::status::OuraConnection;
use crate::net::retry_after::MAX_RETRY_AFTER;
use crate::sources::{Error, ErrorKind};
use crate::sys::secret_file;

pub mod issuer;
pub mod refreshes;
pub mod requests;
pub mod token_store;
pub mod tokens;

const SOURCE: &str = "oura_api";

const CONNECT_ADVICE: &str = "Run `operator connect oura`, or choose Connect Oura… in the menu.";
const WRITABLE_ADVICE: &str = "Make it writable: Operator has to store the tokens of the connection.";

/// File name in the state directory.
const LOCK_FILE_NAME: &str = "oura-tokens.lock";

/// The Keychain may ask the user first.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Account {
    store: TokenStore,
    lock_path: PathBuf,
    client: ClientConfig,
    /// The state at the last use.
    connection: Mutex<Option<OuraConnection>>,
    /// False in a dry run, which must not use up a refresh token.
    may_refresh: AtomicBool,
}

/// The OAuth client as configured.
#[derive(Debug, Clone, Default)]
pub struct ClientConfig {
    pub id: Option<String>,
    pub secret: Option<SecretString>,
    pub secret_file: Option<PathBuf>,
}

impl Account {
    /// Reads nothing yet.
    #[must_use]
    pub fn new(store: TokenStore, state_dir: &Path, client: ClientConfig) -> Self {
        let lock_path = state_dir.join(LOCK_FILE_NAME);
        Self { store, lock_path, client, connection: Mutex::default(), may_refresh: AtomicBool::new(true) }
    }

    /// The state at the last use; `None` before the first.
    #[must_use]
    pub fn connection(&self) -> Option<OuraConnection> {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_connection(&self, connection: OuraConnection) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }

    pub fn allow_refresh(&self, allowed: bool) {
        self.may_refresh.store(allowed, Ordering::Relaxed);
    }

    /// The access token, refreshed if it expires soon and `remote` allows a request. `None` without a connection.
    ///
    /// The error is transient only if the token has expired and could not be refreshed.
    pub async fn access_token(self: &Arc<Self>, remote: bool, now: Timestamp) -> Result<Option<SecretString>, Error> {
        let Some(tokens) = self.load().await? else {
            self.set_connection(OuraConnection::Off);
            return Ok(None);
        };
        self.set_connection(if tokens.revoked { OuraConnection::Revoked } else { OuraConnection::Connected });
        if tokens.revoked {
            return Err(revoked());
        }
        if !tokens.needs_refresh(now) || !remote {
            return Ok(Some(tokens.access_token));
        }
        match self.refresh(&tokens.access_token, now).await {
            Err(error) if error.kind == ErrorKind::Transient && !tokens.is_expired(now) => {
                tracing::warn!(error = %error.message, "token refresh failed, the old Oura token is still valid");
                Ok(Some(tokens.access_token))
            }
            token => token.map(Some),
        }
    }

    /// A new token in place of `used`, which has expired or was refused. It is on disk before it is returned.
    ///
    /// The refresh goes on when the caller is dropped: its response would be lost, and with it the connection.
    pub async fn refresh(self: &Arc<Self>, used: &SecretString, now: Timestamp) -> Result<SecretString, Error> {
        if !self.may_refresh.load(Ordering::Relaxed) {
            return Err(Error::transient(SOURCE, "the token has to be refreshed; a dry run does not"));
        }
        let (account, used) = (Arc::clone(self), used.clone());
        let refresh = tokio::spawn(async move { account.refresh_exclusively(&used, now).await });
        let panicked = |_| Err(Error::transient(SOURCE, "the token refresh failed; please report this with the log"));
        refresh.await.unwrap_or_else(panicked)
    }

    async fn refresh_exclusively(&self, used: &SecretString, now: Timestamp) -> Result<SecretString, Error> {
        let _lock = refreshes::lock(&self.lock_path).await?;
        let disconnected = || Error::not_configured(SOURCE, "Oura was disconnected", CONNECT_ADVICE);
        let tokens = self.load().await?.ok_or_else(disconnected)?;
        if tokens.revoked {
            return Err(revoked());
        }
        if tokens.access_token.expose_secret() != used.expose_secret() {
            return Ok(tokens.access_token); // another process was faster
        }
        check_retry_after(&tokens, now)?;
        let credentials = self.credentials_for(&tokens).await?;
        let _refresh = refreshes::start().await;
        // Writing is tried first: new tokens that cannot be stored would end the connection.
        self.save(&tokens).await?;
        match requests::refresh_tokens(&tokens, &credentials, now).await {
            Ok(response) => {
                let next = tokens.with_response(response, now);
                self.save(&next).await?;
                self.set_connection(OuraConnection::Connected);
                tracing::info!("Oura token refreshed");
                Ok(next.access_token)
            }
            Err(error) => Err(self.record_failed_refresh(tokens, error, now).await),
        }
    }

    /// Stores the revocation, or the delay that the server asked for: other processes must honour both.
    async fn record_failed_refresh(&self, tokens: Tokens, error: TokenError, now: Timestamp) -> Error {
        if error.is_revoked {
            self.set_connection(OuraConnection::Revoked);
        }
        let wait_until = error.error.retry_after.and_then(|delay| now.saturating_add(delay).ok());
        if (error.is_revoked || wait_until.is_some())
            && let Err(error) = self.save(&Tokens { revoked: error.is_revoked, wait_until, ..tokens }).await
        {
            tracing::warn!(error = %error.message, "failed Oura token refresh not stored");
        }
        error.error
    }

    /// Records that the API refuses even a fresh token.
    #[must_use]
    pub fn fresh_token_refused(&self) -> Error {
        self.set_connection(OuraConnection::Revoked);
        Error::action_required(SOURCE, "Oura does not accept even a new token: connect it again", CONNECT_ADVICE)
    }

    /// Check that new tokens could be stored, before the user is sent to Oura.
    pub async fn check_store(&self) -> Result<(), Error> {
        let _lock = refreshes::lock(&self.lock_path).await?;
        let store = self.store.clone();
        run_on_store(WRITABLE_ADVICE, move || store.check_writable()).await
    }

    /// Store a new connection in place of any other. Tokens that cannot be stored are revoked.
    pub async fn connect(&self, tokens: &Tokens) -> Result<(), Error> {
        let saved = async {
            let _lock = refreshes::lock(&self.lock_path).await?;
            self.save(tokens).await
        };
        if let Err(error) = saved.await {
            let message = match self.revoke(tokens).await {
                Ok(()) => error.message,
                Err(revocation) => format!("{}; revoking them failed too: {}", error.message, revocation.message),
            };
            return Err(Error { message, ..error });
        }
        self.set_connection(OuraConnection::Connected);
        Ok(())
    }

    /// Revoke the tokens and delete them, even if the revocation fails. `None` without a connection, else its result.
    pub async fn disconnect(&self) -> Result<Option<Result<(), Error>>, Error> {
        let _lock = refreshes::lock(&self.lock_path).await?;
        let revocation = match self.load().await {
            Ok(None) => None,
            Ok(Some(tokens)) => Some(self.revoke(&tokens).await),
            Err(error) => Some(Err(error)),
        };
        let store = self.store.clone();
        run_on_store(CONNECT_ADVICE, move || store.delete()).await?;
        self.set_connection(OuraConnection::Off);
        Ok(revocation)
    }

    async fn revoke(&self, tokens: &Tokens) -> Result<(), Error> {
        let credentials = self.credentials_for(tokens).await.ok();
        requests::revoke_tokens(tokens, credentials.as_ref()).await
    }

    /// The credentials for a new connection: from the configuration, else from the last connection.
    pub async fn credentials(&self) -> Result<Option<ClientCredentials>, Error> {
        let secret = self.configured_secret().await?;
        if let (Some(id), Some(secret)) = (&self.client.id, secret.clone()) {
            return Ok(Some(ClientCredentials { id: id.clone(), secret }));
        }
        // Unreadable tokens are replaced by the new connection.
        let last = self.load().await.ok().flatten();
        let last = last.filter(|tokens| self.client.id.as_ref().is_none_or(|id| *id == tokens.client_id));
        Ok(last.and_then(|tokens| {
            Some(ClientCredentials { id: tokens.client_id, secret: tokens.client_secret.or(secret)? })
        }))
    }

    /// The credentials of the client that these tokens were issued to.
    async fn credentials_for(&self, tokens: &Tokens) -> Result<ClientCredentials, Error> {
        if self.client.id.as_ref().is_some_and(|id| *id != tokens.client_id) {
            let message = "sources.oura.client_id names another application than the connected one";
            return Err(Error::action_required(SOURCE, message, CONNECT_ADVICE));
        }
        let secret = match self.configured_secret().await? {
            Some(secret) => Some(secret),
            None => tokens.client_secret.clone(),
        };
        let missing = || {
            let advice = "Set sources.oura.client_secret, or run `operator connect oura` again.";
            Error::action_required(SOURCE, "the application's secret is missing", advice)
        };
        Ok(ClientCredentials { id: tokens.client_id.clone(), secret: secret.ok_or_else(missing)? })
    }

    async fn configured_secret(&self) -> Result<Option<SecretString>, Error> {
        let secret = secret_file::load(self.client.secret.as_ref(), self.client.secret_file.as_ref()).await;
        secret.map_err(|error| Error::from_secret_file(SOURCE, error))
    }

    pub async fn load(&self) -> Result<Option<Tokens>, Error> {
        let store = self.store.clone();
        run_on_store(CONNECT_ADVICE, move || store.load()).await
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), Error> {
        let (store, tokens) = (self.store.clone(), tokens.clone());
        run_on_store(WRITABLE_ADVICE, move || store.save(&tokens)).await
    }
}

/// Honours a delay that the server has asked for. One over the maximum comes from a clock that was set back since.
fn check_retry_after(tokens: &Tokens, now: Timestamp) -> Result<(), Error> {
    let left = tokens.wait_until.map(|until| until.duration_since(now));
    match left.filter(|left| left.is_positive() && *left <= MAX_RETRY_AFTER) {
        Some(left) => {
            let error = Error::transient(SOURCE, "Oura asked to wait before the next token refresh");
            Err(Error { retry_after: Some(left), ..error })
        }
        None => Ok(()),
    }
}

fn revoked() -> Error {
    Error::action_required(SOURCE, "Oura does not accept this connection any more: connect it again", CONNECT_ADVICE)
}

/// Run `work` on the token store, off the engine's thread.
async fn run_on_store<T: Send + 'static>(
    advice: &'static str,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Error> {
    match tokio::time::timeout(STORE_TIMEOUT, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result.map_err(|message| Error::action_required(SOURCE, message, advice)),
        Ok(Err(_)) => Err(Error::transient(SOURCE, "the token store failed; please report this with the log")),
        Err(_) => Err(Error::transient(SOURCE, "the token store does not respond; look for a question of macOS")),
    }
}
