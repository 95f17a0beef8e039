//! The heartbeat: a request once a minute that tells an external watcher, such as Healthchecks, that Operator is healthy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use secrecy::ExposeSecret;

use crate::alerters::Failure;
use crate::alerters::secret::Secret;
use crate::config::schema::Http;
use crate::net::HttpClient;
use crate::net::client::exchange;
use crate::net::host::host_port;

const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Heartbeat {
    http_client: Arc<HttpClient>,
    url: Secret,
    /// Why the last heartbeat failed.
    error: Mutex<Option<String>>,
}

impl Heartbeat {
    /// None: no URL is configured.
    #[must_use]
    pub fn new(config: &Http, http_client: &Arc<HttpClient>) -> Option<Arc<Self>> {
        let is_set = config.heartbeat_url.is_some() || config.heartbeat_url_file.is_some();
        let url = Secret::new(&config.heartbeat_url, &config.heartbeat_url_file);
        is_set.then(|| Arc::new(Self { http_client: Arc::clone(http_client), url, error: Mutex::default() }))
    }

    /// Send one heartbeat. A failure is logged when it changes, not every minute: the watcher raises the alarm by itself.
    pub async fn beat(&self) {
        let error = self.send().await.err().map(|failure| failure.to_string());
        let mut known = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        match &error {
            now if *now == *known => {}
            Some(error) => tracing::warn!(error, "heartbeat failed"),
            None => tracing::info!("heartbeat works again"),
        }
        *known = error;
    }

    /// The URL contains a secret, so errors name its host only.
    async fn send(&self) -> Result<(), Failure> {
        let hint = "set http.heartbeat_url to a URL that begins with https:// or http://";
        let url = self.url.read()?.ok_or_else(|| Failure::refused("heartbeat URL is empty", hint))?;
        let url = Url::parse(url.expose_secret()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Failure::refused("heartbeat URL is not a web address", hint))?;
        let response = exchange(self.http_client.get(&url)?, &url, HEARTBEAT_TIMEOUT).await?;
        match response.status {
            status if status.is_success() => Ok(()),
            status => Err(Failure::later(format!("{} answered {status}", host_port(&url)))),
        }
    }
}
