//! Data in, one file each.

mod blocking;
pub mod calendars;
pub mod error;
pub mod focus_file;
pub mod icalendar;
mod inline;
pub mod markdown;
pub mod oura_account;
pub mod oura_api;
pub mod oura_cache;
mod oura_json;
pub mod reminders;
pub mod secret;
mod sqlite;
pub mod state_store;
pub mod tasks;
pub mod taskwarrior;
mod times;
pub mod tls;
mod todo;
pub mod todoist;
mod web;
pub mod workos;

pub use blocking::blocking;
