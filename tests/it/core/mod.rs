//! Rules, policy, calendars and tasks over many values.

mod calendar;
mod circuit_interleavings;
mod duration;
mod history;
mod policy;
mod rules;
mod tasks;
mod words;
