//! Sources against real files, programs and servers.

mod calendar;
mod focus_file;
mod foreign_sqlite;
mod markdown;
mod oura_api;
mod oura_cache;
mod oura_oauth;
mod state_store;
mod taskwarrior;
mod todoist;
mod workos;
