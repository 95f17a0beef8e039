//! One engine at a time: a kernel lock that ends with the process, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

/// The lock's file in the state directory; it holds the owner's PID for people to read.
pub const FILE_NAME: &str = "operator.lock";

/// Held as long as this value lives.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another Operator has it.
    #[error("another Operator is running (PID {pid}); see `operator --status`, or stop it first")]
    Held {
        /// Its process, as it wrote it down.
        pid: String,
    },
    /// The file cannot be made or locked.
    #[error("{path}: {error}; make the folder writable, or set paths.state_dir to one that is")]
    Io {
        /// The file.
        path: String,
        /// The system's words.
        error: io::Error,
    },
}

impl InstanceLock {
    /// Take the lock of this state directory.
    ///
    /// # Errors
    /// When another instance has it, or the file cannot be made.
    pub fn acquire(state_dir: &Path) -> Result<Self, LockError> {
        let path = state_dir.join(FILE_NAME);
        let io = |error| LockError::Io { path: path.display().to_string(), error };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        match lock_patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { pid: owner(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let write = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        // A full disk must not keep the engine from running: the lock holds without the number.
        let _ = write(&mut file);
        Ok(Self { _file: file })
    }
}

/// Whoever asks whether an instance runs holds the lock for a moment: that is not another instance.
#[expect(clippy::disallowed_methods, reason = "nothing runs yet that could wait in another way")]
fn lock_patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..4 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(25)),
            other => return other,
        }
    }
    file.try_lock()
}

/// The PID of the running instance, if there is one.
#[must_use]
pub fn running_pid(state_dir: &Path) -> Option<u32> {
    let mut file = OpenOptions::new().read(true).open(state_dir.join(FILE_NAME)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => owner(&mut file).parse().ok(),
        _ => None,
    }
}

fn owner(file: &mut File) -> String {
    let mut text = String::new();
    let read = Read::by_ref(file).take(32).read_to_string(&mut text);
    if read.is_ok() && !text.trim().is_empty() { text.trim().to_owned() } else { "unknown".into() }
}
