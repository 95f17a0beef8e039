//! The async runtime, which waits for Oura token refreshes before it ends.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use super::exit;
use crate::sources::oura::oauth::refreshes;

/// How long a command waits for a token refresh in flight: the server's timeout, and some time to save the token.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(35);

/// One thread, and short-lived ones that read files.
#[derive(Debug)]
pub struct Runtime(tokio::runtime::Runtime);

impl Runtime {
    pub fn new() -> Result<Self, exit::Error> {
        let built = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
        built.map(Self).map_err(|error| exit::Error::Other(format!("cannot start the event loop: {error}")))
    }

    pub fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.0.block_on(work)
    }

    /// Wait for token refreshes, then end. A blocked file read delays the end by `limit` at most.
    pub fn shutdown(self, limit: Duration) {
        self.shutdown_within(REFRESH_TIMEOUT, limit);
    }

    /// End soon: a token refresh in flight gets only `refresh_timeout`.
    pub fn shutdown_within(self, refresh_timeout: Duration, limit: Duration) {
        let _ = self.0.block_on(async { timeout(refresh_timeout, refreshes::wait_idle()).await });
        self.0.shutdown_timeout(limit);
    }
}
