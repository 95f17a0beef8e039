//! One at a time, in all processes: whoever wants to change the tokens takes a lock, which the system takes back when a process ends,
//! however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use super::{SOURCE, outage};
use crate::sources::Error;

/// Whoever renews has the lock for as long as the server takes; whoever waits longer than this does without.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// The lock of this file, until the value goes.
///
/// # Errors
/// `NeedsUser` if the file cannot be made, `Outage` if another has had it for a minute.
pub(crate) async fn taken(path: &Path) -> Result<File, Error> {
    let failed = |what: String| {
        let advice = "Make the state folder writable, or set paths.state_dir to one that is.";
        Error::action_required(SOURCE, format!("{}: {what}", path.display()), advice)
    };
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = file.map_err(|error| failed(error.to_string()))?;
    let taken = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::Error(error)) => return Err(failed(error.to_string())),
            }
        }
    };
    let late = |_| Err(outage("another Operator has been renewing the connection with Oura for a minute"));
    tokio::time::timeout(PATIENCE, taken).await.unwrap_or_else(late)?;
    Ok(file)
}
