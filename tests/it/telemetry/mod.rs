//! Logs.

mod logging;
mod metrics;
