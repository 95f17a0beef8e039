//! The dashboard: one HTML page, rendered from the snapshot and the database.
//!
//! Each part of the page has a view model in its own file and a template of the same name. Templates escape all text from
//! outside; no markup is written here.

pub mod chart;
mod health;
mod journal;
mod query;
mod sources;
mod state;
mod tasks;
mod text;
mod today;

use askama::Template;
use jiff::ZonedDateTime;

pub use query::DashboardQuery;

use crate::core::status::Status;
use crate::store::{self, Store};

/// Served as `/dashboard.css`.
pub const STYLE: &str = include_str!("../../../assets/dashboard.css");

/// Served as `/dashboard.js`.
pub const SCRIPT: &str = include_str!("../../../assets/dashboard.js");

#[derive(Template)]
#[template(path = "dashboard/page.html", whitespace = "minimize")]
struct Page {
    state: state::StateView,
    today: today::TodayView,
    health: health::HealthView,
    tasks: tasks::TasksView,
    journal: journal::JournalView,
    sources: sources::SourcesView,
}

/// The HTML document at `now`, in the time zone of `now`.
pub fn render(
    status: &Status,
    store: &Store,
    query: &DashboardQuery,
    now: &ZonedDateTime,
) -> Result<String, store::Error> {
    let clock = text::LocalClock { now };
    let page = Page {
        state: state::StateView::new(status, &clock),
        today: today::TodayView::load(status, store, &clock)?,
        health: health::HealthView::load(status, store, query, &clock)?,
        tasks: tasks::TasksView::load(store, &clock)?,
        journal: journal::JournalView::load(store, query, &clock)?,
        sources: sources::SourcesView::new(status, &clock),
    };
    // Rendering into a string does not fail.
    Ok(page.render().unwrap_or_default())
}
