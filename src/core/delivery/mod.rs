//! Delivery: what goes out on a channel, when, and what becomes of it.

pub mod batching;
pub mod channel_backoff;
pub mod failure;
pub mod lifecycle;
pub mod message;
