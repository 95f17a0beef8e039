//! The real things that tests run against.

pub(crate) mod bench;
pub(crate) mod engine;
pub(crate) mod files;
pub(crate) mod home;
pub(crate) mod http;
pub(crate) mod postgres;
pub(crate) mod tool;
