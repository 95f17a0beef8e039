//! The page that shows a person what Operator knows, what it said and why it kept silent: painted from the snapshot and the database.
//!
//! Every part of the page has a file: what it shows follows from the facts and the moment alone, and a template of the same name
//! puts it into HTML. Text from outside is escaped there; nothing here writes markup.

mod body;
pub mod chart;
mod journal;
mod query;
mod sources;
mod state;
mod tasks;
mod today;
mod words;

use askama::Template;
use jiff::ZonedDateTime;

pub use query::Query;

use crate::core::status::Status;
use crate::store::{self, Store};

/// How the page looks: `/dashboard.css`.
pub const STYLE: &str = include_str!("../../../assets/dashboard.css");

/// How the page keeps itself up to date: `/dashboard.js`.
pub const SCRIPT: &str = include_str!("../../../assets/dashboard.js");

#[derive(Template)]
#[template(path = "dashboard/page.html", whitespace = "minimize")]
struct Page {
    state: state::State,
    today: today::Today,
    body: body::Body,
    tasks: tasks::Tasks,
    journal: journal::Journal,
    sources: sources::Sources,
}

/// The whole document at `now`, whose zone is the person's.
///
/// # Errors
/// When the database cannot be read.
pub fn page(status: &Status, store: &Store, query: &Query, now: &ZonedDateTime) -> Result<String, store::Error> {
    let clock = words::Clock::new(now);
    let page = Page {
        state: state::State::of(status, &clock),
        today: today::Today::read(status, store, &clock)?,
        body: body::Body::read(status, store, query, &clock)?,
        tasks: tasks::Tasks::read(store, &clock)?,
        journal: journal::Journal::read(store, query, &clock)?,
        sources: sources::Sources::of(status, &clock),
    };
    // Writing into a string does not fail.
    Ok(page.render().unwrap_or_default())
}
