//! Logs and metrics of the running program.

pub mod logging;
pub mod metrics;
pub mod rotate;
