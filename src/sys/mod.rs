//! Access to the operating system: processes, files, locks and autostart.

pub mod atomic_file;
pub mod autostart;
#[cfg(target_os = "macos")]
pub(crate) mod keychain;
pub mod lock;
pub mod process;
pub(crate) mod random;
pub mod secret_file;
