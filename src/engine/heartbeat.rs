//! The heartbeat: a watcher elsewhere, such as Healthchecks, is told once a minute that all is well, and worries when it is not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use secrecy::ExposeSecret;

use crate::alerters::Failure;
use crate::alerters::secret::Secret;
use crate::config::schema::HttpConfig;
use crate::net::client::{HttpClient, exchange, place};

/// The longest that one beat may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where it goes, and whether it gets there.
#[derive(Debug)]
pub struct Heartbeat {
    web: Arc<HttpClient>,
    address: Secret,
    trouble: Mutex<Option<String>>,
}

impl Heartbeat {
    /// The heartbeat, if an address is given.
    #[must_use]
    pub fn of(config: &HttpConfig, web: &Arc<HttpClient>) -> Option<Arc<Self>> {
        let is_set = config.heartbeat_url.is_some() || config.heartbeat_url_file.is_some();
        let address = Secret::new(&config.heartbeat_url, &config.heartbeat_url_file);
        is_set.then(|| Arc::new(Self { web: Arc::clone(web), address, trouble: Mutex::default() }))
    }

    /// Beat once. A failure is logged when it changes, not every minute: whoever waits for the beat worries by themselves.
    pub async fn beat(&self) {
        let trouble = self.reach().await.err().map(|failure| failure.to_string());
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match &trouble {
            now if *now == *known => {}
            Some(trouble) => tracing::warn!("The heartbeat does not get through: {trouble}"),
            None => tracing::info!("The heartbeat gets through again"),
        }
        *known = trouble;
    }

    /// The address is a key by itself: only its server's name is ever told.
    async fn reach(&self) -> Result<(), Failure> {
        let wanted = "set http.heartbeat_url to an address that begins with https:// or http://";
        let given = self.address.read()?.ok_or_else(|| Failure::refused("there is no address", wanted))?;
        let url = Url::parse(given.expose_secret()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Failure::refused("what is given is not a web address", wanted))?;
        let answer = exchange(self.web.client()?.get(url.clone()), &url, PATIENCE).await?;
        match answer.status {
            status if status.is_success() => Ok(()),
            status => Err(Failure::later(format!("{} answered {status}", place(&url)))),
        }
    }
}
