//! Banners on this machine: one file a desktop.

mod banner;
#[cfg(not(target_os = "macos"))]
mod linux;
// What needs nothing of macOS is tested everywhere.
#[cfg(any(target_os = "macos", test))]
mod macos;

#[cfg(not(target_os = "macos"))]
use linux as desktop;
#[cfg(target_os = "macos")]
use macos as desktop;

use std::sync::Arc;

use super::Alerter;
use crate::config::Env;
use crate::config::schema::NotificationConfig;

/// The alerter, if it is switched on.
#[must_use]
pub fn alerter(config: &NotificationConfig, env: &Env) -> Option<Arc<dyn Alerter>> {
    config.enabled.then(|| desktop::alerter(env))
}
