//! Sys.

pub mod autostart;
pub mod lock;
pub mod process;
pub mod secret_file;
