//! A listener's failures in a row: told when they begin, change and end; the pauses between its tries grow.

use std::time::Duration;

use super::{Failure, FailureKind};
use crate::core::channel::Channel;

/// The pause after the first failure; each further one doubles it.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// A channel should not stay deaf for long after the network came back.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// What failed so far.
pub(super) struct Failures {
    channel: Channel,
    in_a_row: u32,
    last: String,
}

impl Failures {
    /// None so far.
    pub(super) const fn of(channel: Channel) -> Self {
        Self { channel, in_a_row: 0, last: String::new() }
    }

    /// A try went well.
    pub(super) fn over(&mut self) {
        if self.in_a_row > 0 {
            tracing::info!("{}: answers are heard again", self.channel);
        }
        *self = Self::of(self.channel);
    }

    /// A try failed: how long to wait.
    pub(super) fn pause(&mut self, failure: &Failure) -> Duration {
        let said = failure.to_string();
        if said != self.last {
            tracing::warn!("{}: answers are not heard: {said}", self.channel);
            self.last = said;
        }
        let grown = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.in_a_row.min(16))).min(LONGEST_PAUSE);
        self.in_a_row = self.in_a_row.saturating_add(1);
        match failure.kind {
            FailureKind::Retryable { retry_after: Some(asked) } => {
                Duration::try_from(asked).unwrap_or_default().max(grown)
            }
            _ => grown,
        }
    }
}
