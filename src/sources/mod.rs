//! Data in, one file each.

pub mod error;
