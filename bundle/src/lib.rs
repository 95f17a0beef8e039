//! Builds Operator.app, its icons, its disk image and its Homebrew cask.
//!
//! Pure functions return system commands as values ([`call::Call`]), so the macOS steps are tested on any system. Only
//! `cli` runs them.

pub mod app;
pub mod call;
pub mod cask;
pub mod cli;
pub mod compile;
pub mod error;
pub mod finish;
pub mod icons;
pub mod info;
pub mod replace;
