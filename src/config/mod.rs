//! What the person has written in `config.yaml`.

pub mod schema;
