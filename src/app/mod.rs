//! What every front stands on: configuration, folders, database and engine put together, and how the program ends.

pub mod exit;
pub mod house;
pub mod runtime;
pub mod watch;
