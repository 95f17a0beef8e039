//! The real things that tests run against.

pub(crate) mod bench;
#[cfg(target_os = "linux")]
pub(crate) mod desktop;
pub(crate) mod engine;
pub(crate) mod files;
pub(crate) mod home;
pub(crate) mod http;
#[cfg(target_os = "linux")]
pub(crate) mod panel;
pub(crate) mod postgres;
