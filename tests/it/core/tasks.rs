//! The same task in several sources: one task, notified once, under a name that stays.

mod histories;
mod pairs;
