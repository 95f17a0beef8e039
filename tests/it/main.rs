//! The tests that need more than one module: rules in tables, sources against real files and servers, the program as a black box.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod alerter_email;
mod alerter_ntfy;
mod alerter_pushover;
mod alerter_telegram;
mod alerter_webhook;
mod architecture;
mod audit;
mod blackbox;
mod calendar;
mod circuit_interleavings;
mod config;
mod config_errors;
mod dashboard;
#[cfg(target_os = "linux")]
mod dbus;
mod delivery;
mod engine_loop;
mod health_chain;
mod heartbeat;
mod history;
mod http_health;
mod http_keys;
mod http_strangers;
mod logging;
mod login_item_launchd;
mod menu;
mod metrics;
mod policy;
mod resolve_contract;
mod rules_health;
mod rules_kit;
mod rules_patterns;
mod rules_properties;
mod rules_system;
mod rules_tasks;
mod source_foreign_sqlite;
mod source_oura_api;
mod source_oura_cache;
mod source_small_files;
mod source_state_store;
mod source_workos;
mod span;
mod store;
mod support;
mod words;
