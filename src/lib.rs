//! Operator watches a person's health data, tasks and promises and speaks up rarely, at the right moment, with the reason.
//!
//! Arrows point inwards: `cli` → `shell` → `app`, `http` → `engine` → `monitors`, `alerters`, `store` → `sources` → `programs`, `core`. The core is pure: facts and
//! `now` go in, decisions with reasons come out.

pub mod alerters;
pub mod app;
pub mod cli;
pub mod config;
pub mod core;
pub mod engine;
pub mod http;
pub mod monitors;
pub mod net;
pub mod sources;
pub mod store;
pub mod sys;
pub mod telemetry;
pub mod tray;
