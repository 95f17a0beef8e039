//! How Operator shows itself.

pub mod headless;
