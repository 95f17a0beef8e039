//! When a channel is tried, and what follows when it fails.

pub mod channel_backoff;
pub mod failure;
pub mod message;
