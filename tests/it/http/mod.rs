//! The local HTTP server and the dashboard.

mod credentials;
mod dashboard;
mod health;
mod strangers;
