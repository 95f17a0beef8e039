//! Desktop notifications, one implementation per desktop.

mod banner;
#[cfg(not(target_os = "macos"))]
mod linux;
// The logic without system calls is tested on every platform.
#[cfg(any(target_os = "macos", test))]
mod macos;

#[cfg(not(target_os = "macos"))]
pub use linux::alerter;
#[cfg(target_os = "macos")]
pub use macos::alerter;
