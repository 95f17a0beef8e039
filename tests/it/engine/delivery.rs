//! Delivery loses nothing: outages, refusals, silence, storms and stops in between.

mod fixtures;
mod outage;
mod silence;
mod stops;
mod storm;
