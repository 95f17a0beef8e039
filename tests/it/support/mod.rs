//! The real things that tests run against.

pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod postgres;
