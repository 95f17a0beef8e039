//! Alerts, memory and now go in; decisions with reasons come out.

pub mod quiet_hours;
