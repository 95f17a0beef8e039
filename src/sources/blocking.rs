//! Reads files on a thread that may block, never on the engine's.

use std::time::Duration;

use crate::sources::Error;

/// A local file that takes longer is on a disk that is gone.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// Run `read` on the blocking pool. Transient error if it panics or exceeds `READ_TIMEOUT`.
pub async fn run_blocking<T: Send + 'static>(
    source: &'static str,
    read: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::time::timeout(READ_TIMEOUT, tokio::task::spawn_blocking(read)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::transient(source, "reading it failed unexpectedly; please report this with the log")),
        Err(_) => Err(Error::transient(source, "the file does not respond; check its disk")),
    }
}
