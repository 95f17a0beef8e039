//! Telegram.

use std::sync::Arc;

use super::Alerter;
use crate::config::schema::TelegramConfig;

/// The alerter, if it is switched on.
#[must_use]
pub fn alerter(_config: &TelegramConfig) -> Option<Arc<dyn Alerter>> {
    None
}
