//! Oura: the local cache of another program, Oura's API, and the OAuth connection to it.

pub mod api;
pub mod cache;
pub mod json;
pub mod oauth;
