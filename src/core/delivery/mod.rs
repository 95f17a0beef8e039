//! When a channel is tried, and what follows when it fails.

pub mod failure;
pub mod lane;
