//! The runtime that everything asynchronous runs on, and its end.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use super::exit::Failure;
use crate::sources::oura::oauth::refreshes;

/// A command waits so long for a renewal of the connection with Oura: as long as its server may take, and a little to write it down.
const RENEWAL: Duration = Duration::from_secs(35);

/// One thread, plus short-lived ones that read files.
#[derive(Debug)]
pub struct Runtime(tokio::runtime::Runtime);

impl Runtime {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no event queue.
    pub fn new() -> Result<Self, Failure> {
        let built = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
        built.map(Self).map_err(|error| Failure::Other(format!("cannot start the event loop: {error}")))
    }

    /// Run this to its end.
    pub fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.0.block_on(work)
    }

    /// End it once no renewal is under way, whoever wanted it; a file that never answers gets `limit`.
    pub fn shutdown_timeout(self, limit: Duration) {
        self.end(RENEWAL, limit);
    }

    /// The same where the process has to end soon: a renewal gets no more than this.
    pub fn end(self, renewal: Duration, limit: Duration) {
        // What takes longer than the server may take is given up.
        let _ = self.0.block_on(async { timeout(renewal, refreshes::wait_idle()).await });
        self.0.shutdown_timeout(limit);
    }

    /// End it at once.
    pub fn shutdown_background(self) {
        self.0.shutdown_background();
    }
}
