//! Rules in tables.

mod health;
mod patterns;
mod properties;
mod system;
mod tasks;
