//! The page: what a person sees of a real week, of an empty database, of hostile texts, and of very much.

mod charts;
mod journal;
mod kit;
mod parts;
mod tasks;
