//! Data sources: each reads one program, file or service and yields facts.

pub mod blocking;
pub mod calendar;
mod error;
pub mod focus_file;
mod http;
pub mod markdown;
mod markdown_text;
pub mod oura;
pub mod reminders;
mod source;
mod sqlite;
pub mod state_store;
mod task_builder;
mod task_source;
pub mod taskwarrior;
mod timestamps;
pub mod todoist;
pub mod workos;

pub use error::{Error, ErrorKind};
pub use source::Source;
pub use task_source::{FetchFuture, TaskSource};
