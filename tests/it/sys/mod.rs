//! Processes and autostart.

mod autostart_launchd;
mod process;
