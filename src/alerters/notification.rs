//! Notification.

use std::sync::Arc;

use super::Alerter;
use crate::config::Env;
use crate::config::schema::NotificationConfig;

/// The alerter, if it is switched on.
#[must_use]
pub fn alerter(_config: &NotificationConfig, _env: &Env) -> Option<Arc<dyn Alerter>> {
    None
}
