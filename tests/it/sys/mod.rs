//! Processes and autostart.

mod autostart_launchd;
mod process;
mod secret_file;
