//! How Operator shows itself.

pub mod headless;
pub mod login_item;
