//! The status icon of a snapshot. Icons differ by shape, because the system colours them.

use crate::core::circuit::CircuitState;
use crate::core::status::Status;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Icon {
    Fine,
    /// Unanswered alerts.
    Alerts,
    /// A source is unavailable, or Operator is unhealthy.
    Down,
    Paused,
    /// Quiet hours or a calendar event.
    Quiet,
    DryRun,
}

impl Icon {
    /// The most important state: unhealthy, then the user's pause, then sources and alerts, then quiet hours.
    #[must_use]
    pub fn from_status(status: &Status) -> Self {
        if status.is_unsound() {
            Self::Down
        } else if status.paused {
            Self::Paused
        } else if status.circuit_states.values().any(|state| *state != CircuitState::Closed) {
            Self::Down
        } else if status.unanswered_alerts > 0 {
            Self::Alerts
        } else if status.is_quiet_hours || status.in_event_until.is_some() {
            Self::Quiet
        } else if status.dry_run {
            Self::DryRun
        } else {
            Self::Fine
        }
    }

    /// PNG, 36 × 36 pixels, black with transparency.
    #[must_use]
    pub const fn png(self) -> &'static [u8] {
        match self {
            Self::Fine => include_bytes!("../../assets/status/fine.png"),
            Self::Alerts => include_bytes!("../../assets/status/alerts.png"),
            Self::Down => include_bytes!("../../assets/status/down.png"),
            Self::Paused => include_bytes!("../../assets/status/paused.png"),
            Self::Quiet => include_bytes!("../../assets/status/quiet.png"),
            Self::DryRun => include_bytes!("../../assets/status/dry_run.png"),
        }
    }
}
