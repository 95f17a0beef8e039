//! Calendars: what comes again, what takes time, what is free, and texts of every kind.

mod agenda;
mod hostile;
mod kit;
mod oracle;
mod series;
mod text;
mod todos;
