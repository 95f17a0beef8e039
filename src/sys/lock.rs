//! Permits one engine per state directory, with a kernel lock that ends with the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use thiserror::Error as ThisError;

/// File name in the state directory. The file holds the PID of the owner.
pub const FILE_NAME: &str = "operator.lock";

const MAX_PID_BYTES: u64 = 32;

const RETRIES: u32 = 4;
const RETRY_INTERVAL: Duration = Duration::from_millis(25);

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

#[derive(Debug, ThisError)]
pub enum Error {
    #[error("another Operator is running (PID {pid}); see `operator --status`, or stop it first")]
    Held { pid: String },
    #[error("{path}: {error}; make the folder writable, or set paths.state_dir to one that is")]
    Io { path: String, error: io::Error },
}

impl InstanceLock {
    pub fn acquire(state_dir: &Path) -> Result<Self, Error> {
        let path = state_dir.join(FILE_NAME);
        let io_error = |error| Error::Io { path: path.display().to_string(), error };
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let mut file = options.open(&path).map_err(io_error)?;
        match try_lock_with_retries(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Held { pid: read_pid(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
        // The lock works without the PID, so a full disk does not prevent the start.
        let _ = write_pid(&mut file);
        Ok(Self { _file: file })
    }
}

/// `running_pid` of another process may hold the lock for a moment.
#[expect(clippy::disallowed_methods, reason = "no event loop runs yet")]
fn try_lock_with_retries(file: &File) -> Result<(), TryLockError> {
    for _ in 0..RETRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY_INTERVAL),
            result => return result,
        }
    }
    file.try_lock()
}

/// The PID of the running engine.
#[must_use]
pub fn running_pid(state_dir: &Path) -> Option<u32> {
    let mut file = OpenOptions::new().read(true).open(state_dir.join(FILE_NAME)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read_pid(&mut file).parse().ok(),
        _ => None,
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> String {
    let mut text = String::new();
    let read = Read::by_ref(file).take(MAX_PID_BYTES).read_to_string(&mut text);
    if read.is_ok() && !text.trim().is_empty() { text.trim().to_owned() } else { "unknown".into() }
}
