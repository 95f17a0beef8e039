//! Monitors: each fetches its sources, evaluates its rules and reports an outcome.

pub mod exec;
pub mod fetch;
pub mod health;
pub mod oura;
mod outcome;
pub mod patterns;
pub mod sources;
pub mod tasks;

pub use outcome::MonitorOutcome;
