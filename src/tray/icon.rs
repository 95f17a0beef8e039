//! Which of the icons tells how Operator stands: by its shape, for the system colours it.

use crate::core::circuit::CircuitState;
use crate::core::status::Status;

/// The status icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Icon {
    /// All is well.
    Fine,
    /// Something waits to be seen.
    Alerts,
    /// A source does not answer, or Operator cannot rely on itself.
    Down,
    /// The person asked for silence.
    Paused,
    /// It is night, or the person is in a meeting.
    Quiet,
    /// Nothing is sent or written.
    DryRun,
}

impl Icon {
    /// The one thing that a glance should tell: a watcher that cannot rely on itself first, for all else rests on that; then the
    /// person's own word, then what needs them, then the clock.
    #[must_use]
    pub fn of(status: &Status) -> Self {
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

    /// The picture: 36 × 36 pixels, PNG, black with transparency.
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
