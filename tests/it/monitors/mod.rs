//! Monitors against real sources.

mod exec;
mod oura_chain;
