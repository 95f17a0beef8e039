//! The local HTTP server and the dashboard.

mod dashboard;
mod server;
