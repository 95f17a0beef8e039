//! The HTTP server on 127.0.0.1: dashboard, JSON API, health and metrics.
//!
//! The server has its own thread, so `/health` can report a blocked engine and no client can delay the engine. It reads the
//! published snapshots and the database; changes are sent to the engine as commands.

mod api;
mod auth;
mod connections;
pub mod dashboard;
mod health;
mod pages;
mod params;
mod response;
mod routes;
mod server;
mod state;

pub use auth::credentials::{Credentials, SESSION_LIFETIME, SessionState};
pub use server::Server;
pub use state::ServerConfig;

use std::path::Path;

use jiff::Timestamp;

/// A link that opens the dashboard once within ten minutes. The error is a sentence for the user.
pub fn one_time_link(state_dir: &Path, address: &str) -> Result<String, String> {
    let token = auth::token::load(state_dir).map_err(|error| error.to_string())?;
    let now = Timestamp::now();
    let ticket = Credentials::new(&token, now).new_ticket(now).map_err(|error| error.to_string())?;
    Ok(format!("http://{address}/open?ticket={ticket}"))
}
