//! All decisions. Pure: no I/O, no async, no clock; facts and `now` are arguments, values are results.

pub mod alert;
pub mod audit;
pub mod backoff;
pub mod calendar;
pub mod channel;
pub mod circuit;
pub mod delivery;
pub mod duration;
pub mod facts;
pub mod history;
pub mod name;
pub mod policy;
pub mod rules;
pub mod schedule;
pub mod stats;
pub mod status;
pub mod tasks;
pub mod text;
