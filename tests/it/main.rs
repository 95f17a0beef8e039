//! The tests that need more than one module: rules in tables, sources against real files and servers, the program as a black box.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod alerters;
mod architecture;
mod config;
mod core;
mod engine;
mod http;
mod monitors;
mod sources;
mod store;
mod sys;
mod telemetry;
mod tray;

#[path = "../support/mod.rs"]
mod support;
