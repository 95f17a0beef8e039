//! Data in, one file each.

pub mod blocking;
pub mod calendar;
pub mod error;
pub mod focus_file;
pub mod markdown;
mod markdown_text;
pub mod oura;
pub mod reminders;
pub mod secret_file;
mod sqlite;
pub mod state_store;
mod task_builder;
pub mod tasks;
pub mod taskwarrior;
mod timestamps;
pub mod todoist;
pub mod workos;
