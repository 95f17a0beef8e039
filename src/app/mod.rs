//! What every front stands on: configuration, folders, database and engine put together, and how the program ends.

pub mod daemon;
pub mod exit;
pub mod headless;
pub mod load;
pub mod reload;
pub mod runtime;
