//! Oura.

pub mod api;
pub mod cache;
pub mod json;
pub mod oauth;
