//! Calendar events and to-dos, their recurrences, and the free time between events.

mod budget;
pub mod busy_times;
mod by_day;
pub mod datetime;
pub mod event;
mod expand;
mod overrides;
pub mod reading;
pub mod rule;
pub mod series;
pub mod todo;

pub use budget::{Budget, BudgetExceeded};
