//! Coordinates token refreshes: one at a time over all processes, and none cut off by the exit of this process.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::SOURCE;
use crate::sources::Error;

/// Longer than a refresh may take.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// More refreshes than can ever be in flight.
const MAX_IN_FLIGHT: u32 = 1024;

static IN_FLIGHT: Semaphore = Semaphore::const_new(MAX_IN_FLIGHT as usize);

/// Marks a refresh as in flight, until the value is dropped.
pub(crate) async fn start() -> Option<SemaphorePermit<'static>> {
    IN_FLIGHT.acquire().await.ok()
}

/// Wait until no refresh is in flight. Exiting earlier would lose the new tokens. A refresh that starts meanwhile waits before it
/// sends its request.
pub async fn wait_idle() {
    let _all = IN_FLIGHT.acquire_many(MAX_IN_FLIGHT).await;
}

/// Lock this file until the value is dropped or the process ends. Every change of the tokens needs the lock.
pub(super) async fn lock(path: &Path) -> Result<File, Error> {
    let failed = |error: std::io::Error| {
        let advice = "Make the state folder writable, or set paths.state_dir to one that is.";
        Error::action_required(SOURCE, format!("{}: {error}", path.display()), advice)
    };
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path).map_err(failed)?;
    let locked = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL_INTERVAL).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    };
    let timed_out =
        |_| Err(Error::transient(SOURCE, "another Operator has been refreshing the Oura token for a minute"));
    tokio::time::timeout(LOCK_TIMEOUT, locked).await.unwrap_or_else(timed_out)?;
    Ok(file)
}
