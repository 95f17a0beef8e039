//! The event loop of the main thread: tao on macOS, a channel on Linux.

#[cfg(not(target_os = "macos"))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(not(target_os = "macos"))]
pub(crate) use linux::run_event_loop;
#[cfg(target_os = "macos")]
pub(crate) use macos::run_event_loop;
