//! The loop on the main thread: tao on macOS, a plain channel on Linux.

#[cfg(not(target_os = "macos"))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(not(target_os = "macos"))]
pub(crate) use linux::run;
#[cfg(target_os = "macos")]
pub(crate) use macos::run;
