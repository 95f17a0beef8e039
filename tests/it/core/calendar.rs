//! Recurrence, busy times and to-dos of parsed calendars.

mod busy_times;
mod rule_oracle;
mod series;
mod todo;
