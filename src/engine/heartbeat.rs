//! The heartbeat: requests a URL of a monitoring service once a minute while the engine is healthy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use secrecy::ExposeSecret;

use crate::config::schema::HttpConfig;
use crate::net::HttpClient;
use crate::net::client::exchange;
use crate::net::host::host_port;
use crate::sys::secret_file::Secret;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

const INVALID_URL: &str =
    "the heartbeat has no web address – set http.heartbeat_url to an address that begins with https:// or http://";

#[derive(Debug)]
pub struct Heartbeat {
    http: Arc<HttpClient>,
    url: Secret,
    /// The last error, if the last heartbeat failed.
    error: Mutex<Option<String>>,
}

impl Heartbeat {
    /// `None` without a URL in the configuration.
    #[must_use]
    pub fn new(config: &HttpConfig, http: &Arc<HttpClient>) -> Option<Arc<Self>> {
        let is_set = config.heartbeat_url.is_some() || config.heartbeat_url_file.is_some();
        let url = Secret::new(&config.heartbeat_url, &config.heartbeat_url_file);
        is_set.then(|| Arc::new(Self { http: Arc::clone(http), url, error: Mutex::default() }))
    }

    /// Sends one heartbeat. Logs a failure only when it changes: the monitoring service alerts when none arrives.
    pub async fn send(&self) {
        let error = self.request().await.err();
        let mut last = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        match &error {
            error if *error == *last => {}
            Some(error) => tracing::warn!(%error, "heartbeat failed"),
            None => tracing::info!("heartbeat succeeded again"),
        }
        *last = error;
    }

    /// The URL is a secret: an error shows its host and port only.
    async fn request(&self) -> Result<(), String> {
        let url = self.url.resolve().map_err(|error| error.to_string())?.ok_or(INVALID_URL)?;
        let url = Url::parse(url.expose_secret()).map_err(|_| INVALID_URL)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(INVALID_URL.into());
        }
        let request = self.http.get(&url).map_err(|error| error.message)?;
        let response = exchange(request, &url, REQUEST_TIMEOUT).await.map_err(|error| error.message)?;
        match response.status {
            status if status.is_success() => Ok(()),
            status => Err(format!("{} answered {status}", host_port(&url))),
        }
    }
}
