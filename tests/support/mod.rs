//! The real things that tests run against.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod bot;
pub(crate) mod connecting;
pub(crate) mod dav;
#[cfg(target_os = "linux")]
pub(crate) mod desktop;
pub(crate) mod engine;
pub(crate) mod engine_harness;
pub(crate) mod facts;
pub(crate) mod fake_channel;
pub(crate) mod files;
pub(crate) mod home;
pub(crate) mod http;
pub(crate) mod ical;
pub(crate) mod inbox;
pub(crate) mod mail;
pub(crate) mod messages;
pub(crate) mod ntfy;
pub(crate) mod old_schema;
pub(crate) mod oura;
#[cfg(target_os = "linux")]
pub(crate) mod panel;
pub(crate) mod postgres;
pub(crate) mod pushover;
pub(crate) mod raw_http;
pub(crate) mod screen;
pub(crate) mod scripts;
pub(crate) mod tool;
