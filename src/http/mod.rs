//! The page on this machine: health, metrics, the dashboard and a JSON interface, on 127.0.0.1 only.
//!
//! It has a thread of its own: it tells that the engine is stuck when the engine is, and nothing that its clients do keeps the
//! engine waiting. What it knows comes from the published snapshots and from reading the database; what is to be changed is
//! asked of the engine.

mod answer;
mod api;
mod asked;
pub mod dashboard;
mod guard;
mod health;
pub mod keys;
mod listen;
mod origin;
mod page;
mod pages;
mod refusal;
mod routes;
mod site;
mod standing;
mod token;

pub use health::Health;
pub use page::{Page, open};
pub use site::Parts;

use std::path::Path;

use jiff::Timestamp;

use keys::Keys;
use token::Missing;

/// A link that opens the dashboard once: whoever follows it first, within ten minutes, is let in.
///
/// # Errors
/// In words, when the token that every access rests on cannot be read.
pub fn link(state_dir: &Path, address: &str) -> Result<String, String> {
    let token = token::read(state_dir).map_err(|missing| match missing {
        Missing::Absent => {
            format!("{}: not there; restart Operator, which makes one", token::path(state_dir).display())
        }
        Missing::Unusable(what) => what,
    })?;
    let now = Timestamp::now();
    let ticket = Keys::new(&token, now).ticket(now).map_err(|error| error.to_string())?;
    Ok(format!("http://{address}/open?ticket={ticket}"))
}
