//! The built program as a user runs it: commands, real servers, real desktops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod bad_content;
mod bad_sources;
mod calendars;
mod commands;
mod contract;
mod dashboard;
#[cfg(target_os = "linux")]
mod dbus;
mod delivery;
mod demo;
mod email;
mod headless;
mod hostile_http;
mod login_item;
mod no_network;
mod once;
mod oura;
mod own_database;
mod phones;
mod programs;
mod secrets;
mod setup;
mod slow_source;
mod socket;
mod task_sources;
mod telegram;
#[cfg(target_os = "linux")]
mod tray;
mod usage;
mod webhook;
mod zones;

#[path = "../support/mod.rs"]
mod support;
