//! Data in, one file each.

mod blocking;
pub mod calendars;
pub mod error;
pub mod focus_file;
pub mod icalendar;
pub mod oura_api;
pub mod oura_cache;
mod oura_json;
pub mod reminders;
pub mod secret;
mod sqlite;
pub mod state_store;
pub mod tasks;
mod times;
pub mod tls;
pub mod workos;

pub use blocking::blocking;
