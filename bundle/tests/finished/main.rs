//! The bundle and the icons.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod app;
mod icons;
