//! Logs.

mod logging;
