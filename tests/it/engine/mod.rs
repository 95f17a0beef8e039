//! The engine with scripted channels and a real database.

mod audit;
mod delivery;
mod event_loop;
mod heartbeat;
mod resolves;
