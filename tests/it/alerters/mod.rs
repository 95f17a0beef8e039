//! Channels against real servers.

#[cfg(target_os = "linux")]
mod dbus;
mod email;
mod exec;
mod ntfy;
mod pushover;
mod telegram;
mod webhook;
