//! A connection with Oura of the person's own (OAuth 2): its tokens, renewed in time by one process at a time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use self::server::{Application, Refusal};
use self::token_store::TokenStore;
use self::tokens::Tokens;
use crate::core::status::OuraLink;
use crate::net::retry_after::MAX_RETRY_AFTER;
use crate::sources::{Error, ErrorKind};
use crate::sys::secret_file;

pub mod issuer;
pub mod server;
pub mod token_store;
pub mod tokens;
mod turn;
pub mod under_way;

const SOURCE: &str = "oura_api";

/// What to do when nothing else helps.
const AGAIN: &str = "Run `operator connect oura`, or choose Connect Oura… in the menu.";

/// What to do where nothing can be kept.
const WRITABLE: &str = "Make it writable: the connection lasts no longer than its tokens can be kept.";

/// The lock's file in the state directory.
const LOCK: &str = "oura-tokens.lock";

/// A Keychain may ask the person first.
const KEEP_PATIENCE: Duration = Duration::from_secs(60);

/// Where a connection is kept, and by which application it is renewed.
#[derive(Debug)]
pub struct Account {
    store: TokenStore,
    lock: PathBuf,
    client: Client,
    /// How it stood when it was last used.
    link: Mutex<Option<OuraLink>>,
    /// Whether a dry run leaves the tokens as they are.
    is_held: AtomicBool,
}

/// The application as the configuration names it.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// Its id.
    pub id: Option<String>,
    /// Its secret.
    pub secret: Option<SecretString>,
    /// A file that holds the secret.
    pub secret_file: Option<PathBuf>,
}

impl Account {
    /// The connection of this state directory. Nothing is read yet.
    #[must_use]
    pub fn new(store: TokenStore, state_dir: &Path, client: Client) -> Self {
        let (link, is_held) = (Mutex::default(), AtomicBool::default());
        Self { store, lock: state_dir.join(LOCK), client, link, is_held }
    }

    /// How it stood when it was last used; none before.
    #[must_use]
    pub fn link(&self) -> Option<OuraLink> {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether tokens may be renewed from now on: a dry run uses nothing up and writes nothing.
    pub fn let_renew(&self, may: bool) {
        self.is_held.store(!may, Ordering::Relaxed);
    }

    /// The token that the API is asked with, renewed before its time is up if `remote` allows it; none if nothing is connected.
    ///
    /// # Errors
    /// `NeedsUser` if the person has to connect again or to mend something; `Outage` if the token is over and could not be renewed.
    pub async fn access(self: &Arc<Self>, remote: bool, now: Timestamp) -> Result<Option<SecretString>, Error> {
        let Some(tokens) = self.load().await? else {
            self.see(OuraLink::Off);
            return Ok(None);
        };
        self.see(if tokens.lapsed { OuraLink::Revoked } else { OuraLink::Connected });
        if tokens.lapsed {
            return Err(lapsed());
        }
        if !tokens.are_due(now) || !remote {
            return Ok(Some(tokens.access_token));
        }
        match self.renewed(&tokens.access_token, now).await {
            // What holds still is good enough until the next check.
            Err(error) if error.kind == ErrorKind::Transient && !tokens.are_over(now) => {
                tracing::warn!("The connection with Oura could not be renewed yet: {}", error.message);
                Ok(Some(tokens.access_token))
            }
            other => other.map(Some),
        }
    }

    /// A token in the place of `used`, which is over or was refused. It is on the disk when it is given out. Whoever stops waiting does
    /// not stop the renewal: an answer that is not waited for would be lost for good.
    ///
    /// # Errors
    /// As `access`.
    pub async fn renewed(self: &Arc<Self>, used: &SecretString, now: Timestamp) -> Result<SecretString, Error> {
        if self.is_held.load(Ordering::Relaxed) {
            return Err(outage("the connection would be renewed now; a dry run does not"));
        }
        let (account, used) = (Arc::clone(self), used.clone());
        let renewal = tokio::spawn(async move { account.renew(&used, now).await });
        renewal
            .await
            .unwrap_or_else(|_| Err(outage("renewing the connection broke off; please report this with the log")))
    }

    /// The API does not accept even a new token.
    #[must_use]
    pub fn refused_again(&self) -> Error {
        self.see(OuraLink::Revoked);
        Error::action_required(SOURCE, "Oura does not accept even a new token: connect it again", AGAIN)
    }

    async fn renew(&self, used: &SecretString, now: Timestamp) -> Result<SecretString, Error> {
        let _lock = turn::taken(&self.lock).await?;
        let gone = || Error::not_configured(SOURCE, "Oura is not connected any more", AGAIN);
        let tokens = self.load().await?.ok_or_else(gone)?;
        if tokens.lapsed {
            return Err(lapsed());
        }
        if tokens.access_token.expose_secret() != used.expose_secret() {
            return Ok(tokens.access_token); // another process was faster
        }
        leave_alone(&tokens, now)?;
        let application = self.application_of(&tokens).await?;
        let _under_way = under_way::begun().await;
        // What could not be written down must not be asked for: writing is tried with what is there.
        self.save(&tokens).await?;
        match server::refresh(&tokens, &application, now).await {
            Ok(granted) => {
                let next = tokens.followed_by(granted, now);
                self.save(&next).await?;
                self.see(OuraLink::Connected);
                tracing::info!("The connection with Oura was renewed");
                Ok(next.access_token)
            }
            Err(refusal) => Err(self.refused(tokens, refusal, now).await),
        }
    }

    /// A connection that is at its end is not tried again; a pause that was asked for is kept, by other processes too.
    async fn refused(&self, tokens: Tokens, refusal: Refusal, now: Timestamp) -> Error {
        if refusal.ends {
            self.see(OuraLink::Revoked);
        }
        let wait_until = refusal.error.retry_after.and_then(|pause| now.saturating_add(pause).ok());
        if (refusal.ends || wait_until.is_some())
            && let Err(error) = self.save(&Tokens { lapsed: refusal.ends, wait_until, ..tokens }).await
        {
            tracing::warn!("{}", error.message);
        }
        refusal.error
    }

    /// See before anything is asked of Oura that what it gives out can be kept.
    ///
    /// # Errors
    /// `NeedsUser` if it cannot.
    pub async fn try_keeping(&self) -> Result<(), Error> {
        let _lock = turn::taken(&self.lock).await?;
        let store = self.store.clone();
        beside(WRITABLE, move || store.check_writable()).await
    }

    /// Keep a connection that the person has just made, in the place of any other. One that cannot be kept is given back.
    ///
    /// # Errors
    /// `NeedsUser` if it cannot be written.
    pub async fn keep(&self, tokens: &Tokens) -> Result<(), Error> {
        let kept = async {
            let _lock = turn::taken(&self.lock).await?;
            self.save(tokens).await
        };
        if let Err(error) = kept.await {
            let told = self.give_back(tokens).await;
            let untold = |untold: Error| format!("{}; nor could Oura be told so: {}", error.message, untold.message);
            let what = told.map_or_else(untold, |()| error.message.clone());
            return Err(Error { message: what, ..error });
        }
        self.see(OuraLink::Connected);
        Ok(())
    }

    /// End the connection: tell Oura, and forget it whether Oura has heard it or not. None if there was none; otherwise what Oura
    /// said.
    ///
    /// # Errors
    /// When the tokens cannot be read or removed.
    pub async fn end(&self) -> Result<Option<Result<(), Error>>, Error> {
        let _lock = turn::taken(&self.lock).await?;
        let found = self.load().await;
        let told = match &found {
            Ok(None) => None,
            Ok(Some(tokens)) => Some(self.give_back(tokens).await),
            Err(error) => Some(Err(error.clone())),
        };
        let store = self.store.clone();
        beside(AGAIN, move || store.delete()).await?;
        self.see(OuraLink::Off);
        Ok(told)
    }

    async fn give_back(&self, tokens: &Tokens) -> Result<(), Error> {
        let application = self.application_of(tokens).await.ok();
        server::revoke(tokens, application.as_ref(), issuer::takes_a_form(&tokens.revoke_url)).await
    }

    /// The application that the person wants to connect by: that of the configuration, else that of the last connection.
    ///
    /// # Errors
    /// When what is kept of it cannot be read.
    pub async fn application(&self) -> Result<Option<Application>, Error> {
        let secret = self.secret_of_config().await?;
        if let (Some(id), Some(secret)) = (&self.client.id, secret.clone()) {
            return Ok(Some(Application { id: id.clone(), secret }));
        }
        // What cannot be read is replaced by the new connection.
        let last = self.load().await.ok().flatten();
        let last = last.filter(|tokens| self.client.id.as_ref().is_none_or(|id| *id == tokens.client_id));
        Ok(last.and_then(|tokens| Some(Application { id: tokens.client_id, secret: tokens.client_secret.or(secret)? })))
    }

    /// The application that these tokens were given to.
    async fn application_of(&self, tokens: &Tokens) -> Result<Application, Error> {
        if self.client.id.as_ref().is_some_and(|id| *id != tokens.client_id) {
            let what = "sources.oura.client_id names another application than the one that is connected";
            return Err(Error::action_required(SOURCE, what, AGAIN));
        }
        let secret = match self.secret_of_config().await? {
            Some(secret) => Some(secret),
            None => tokens.client_secret.clone(),
        };
        let lost = || {
            let advice = "Set sources.oura.client_secret, or run `operator connect oura` again.";
            Error::action_required(SOURCE, "the application's secret is not there any more", advice)
        };
        Ok(Application { id: tokens.client_id.clone(), secret: secret.ok_or_else(lost)? })
    }

    async fn secret_of_config(&self) -> Result<Option<SecretString>, Error> {
        secret_file::load(self.client.secret.as_ref(), self.client.secret_file.as_ref())
            .await
            .map_err(|error| Error::from_secret_file(SOURCE, error))
    }

    /// The tokens that are kept.
    ///
    /// # Errors
    /// `NeedsUser` if they cannot be read.
    pub async fn load(&self) -> Result<Option<Tokens>, Error> {
        let store = self.store.clone();
        beside(AGAIN, move || store.load()).await
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), Error> {
        let (store, tokens) = (self.store.clone(), tokens.clone());
        beside(WRITABLE, move || store.save(&tokens)).await
    }

    fn see(&self, link: OuraLink) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
    }
}

/// A pause that a server asked for once is kept. One that is longer than any comes from a clock that was set back since.
fn leave_alone(tokens: &Tokens, now: Timestamp) -> Result<(), Error> {
    let left = tokens.wait_until.map(|until| until.duration_since(now));
    match left.filter(|left| left.is_positive() && *left <= MAX_RETRY_AFTER) {
        Some(left) => {
            let error = outage("Oura asked to be left alone before the connection can be renewed");
            Err(Error { retry_after: Some(left), ..error })
        }
        None => Ok(()),
    }
}

fn lapsed() -> Error {
    Error::action_required(SOURCE, "Oura does not accept this connection any more: connect it again", AGAIN)
}

fn outage(what: &str) -> Error {
    Error::transient(SOURCE, what)
}

/// Read or write what is kept, away from the engine's thread.
async fn beside<T: Send + 'static>(
    advice: &'static str,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Error> {
    match tokio::time::timeout(KEEP_PATIENCE, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done.map_err(|what| Error::action_required(SOURCE, what, advice)),
        Ok(Err(_)) => Err(outage("reading the connection broke off; please report this with the log")),
        Err(_) => {
            Err(outage("what keeps the tokens does not answer; does a question of the system wait on the screen?"))
        }
    }
}
