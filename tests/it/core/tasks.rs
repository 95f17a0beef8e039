//! The same task in several sources: one task, told once, under a name that stays.

mod histories;
mod pairs;
