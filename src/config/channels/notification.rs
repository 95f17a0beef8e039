//! `alerters.notification`.

use serde::Deserialize;

use super::Section;
use crate::core::alert::Priority;
use crate::core::channel::Channel;

/// Banners.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotificationConfig {
    /// Whether banners are shown.
    pub enabled: bool,
    /// Less urgent alerts are not sent here.
    pub min_priority: Priority,
}

impl Default for NotificationConfig {
    fn default() -> Self {
        Self { enabled: true, min_priority: Priority::Medium }
    }
}

impl Section for NotificationConfig {
    fn channel(&self) -> Channel {
        Channel::Notification
    }

    fn name(&self) -> &'static str {
        "The notification"
    }

    fn is_on(&self) -> bool {
        self.enabled
    }

    fn switch_off(&mut self) {
        self.enabled = false;
    }

    fn min_priority(&self) -> Priority {
        self.min_priority
    }
}
