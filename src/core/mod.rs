//! Everything that decides. Pure: no I/O, no async, no clock – facts and `now` go in, values come out.

pub mod alert;
pub mod circuit;
pub mod facts;
pub mod history;
pub mod policy;
pub mod rules;
pub mod stats;
pub mod text;
