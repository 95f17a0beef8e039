//! The configuration: loading, errors and exec plugins.

mod errors;
mod exec_plugins;
mod load;
