//! Makes Operator.app, its icons, its disk image and its Homebrew cask.
//!
//! Every command of the system is a value ([`call::Call`]) that a pure function gives, so that what happens on a Mac can be
//! read and tested anywhere; `cli` is the only one that really runs them.

pub mod app;
pub mod call;
pub mod cask;
pub mod cli;
pub mod compile;
pub mod failure;
pub mod finish;
pub mod icons;
pub mod info;
pub mod replace;
