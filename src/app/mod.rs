//! Puts the program together: configuration, folders, database and engine, and how the program ends.

pub mod build;
pub mod daemon;
pub mod exit;
pub mod load;
pub mod reload;
pub mod runtime;
