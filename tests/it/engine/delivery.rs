//! Delivery loses nothing: outages, refusals, silence, storms and stops in between.

mod desk;
mod outage;
mod silence;
mod stops;
mod storm;
