//! Files are read away from the engine's thread.

use std::time::Duration;

use crate::sources::error::SourceError;

/// A local file that does not answer in this time is on a disk that is gone.
const LIMIT: Duration = Duration::from_secs(15);

/// Read on a thread that may wait.
///
/// # Errors
/// What `read` says; `Outage` if it does not come back in 15 s, or breaks off.
pub async fn run_blocking<T: Send + 'static>(
    source: &'static str,
    read: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::time::timeout(LIMIT, tokio::task::spawn_blocking(read)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(SourceError::outage(source, "reading it broke off; please report this with the log")),
        Err(_) => Err(SourceError::outage(source, "the file does not answer; is its disk still there?")),
    }
}
