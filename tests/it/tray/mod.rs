//! The menu.

mod menu;
