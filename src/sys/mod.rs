//! Sys.

pub mod autostart;
pub mod lock;
pub mod process;
