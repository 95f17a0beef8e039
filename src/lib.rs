//! Operator watches a person's health data, tasks and promises and speaks up rarely, at the right moment, with the reason.

pub mod config;
pub mod core;
pub mod sources;
pub mod store;
pub mod telemetry;
