//! From the configuration to the parts of an engine.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::schema::Config;
use crate::config::{Env, paths};
use crate::monitors::setup::{OuraSetup, Setup, WorkosSetup};
use crate::sources::oura_cache;

/// What is connected, by the configuration and the environment's defaults.
#[must_use]
pub fn setup(config: &Config, env: &Env) -> Setup {
    let (oura, workos) = (&config.sources.oura, &config.sources.workos);
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    // Without a home folder there is no default place; a path that cannot exist says so when it is tried.
    let folder = paths::oura_cache(config, env).unwrap_or_else(|| PathBuf::from("/nonexistent/.oura-cache"));
    Setup {
        oura: OuraSetup {
            cache: oura_cache::file_in(&folder),
            cache_is_named: oura.cache_dir.is_some() || env("OURA_CACHE_DIR").is_some_and(|dir| !dir.is_empty()),
            token: oura.token.clone(),
            token_file: oura.token_file.clone(),
            base_url: oura.base_url.clone(),
            timeout: seconds(oura.timeout_seconds),
        },
        workos: WorkosSetup {
            url: paths::workos_url(config, env),
            url_file: workos.url_file.clone(),
            ca_file: workos.ca_file.clone(),
            timeout: seconds(workos.timeout_seconds),
        },
        state_store: config.sources.state_store.path.clone(),
        focus_file: config.sources.focus_file.path.clone(),
    }
}
