//! Data in, one file each.

pub mod blocking;
pub mod calendar;
pub mod error;
pub mod focus_file;
mod http;
pub mod markdown;
mod markdown_text;
pub mod oura;
pub mod reminders;
mod sqlite;
pub mod state_store;
mod task_builder;
pub mod tasks;
pub mod taskwarrior;
mod timestamps;
pub mod todoist;
pub mod workos;
