//! Rules, policy, calendars and tasks over many values.

mod calendar;
mod duration;
mod history;
mod policy;
mod rules;
mod tasks;
