//! The dashboard page of a real week, an empty database, hostile text and much data.

mod charts;
mod journal;
mod page;
mod support;
mod tasks;
