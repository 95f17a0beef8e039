//! Backoff of a polling listener: the delay after consecutive failures, and log lines when the error changes.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Failure, FailureKind};
use crate::core::backoff::Backoff;
use crate::core::channel::Channel;

/// Capped at two minutes: buttons should work soon after the network returns. The jitter only lengthens a delay.
const BACKOFF: Backoff =
    Backoff::new(SignedDuration::from_secs(5), SignedDuration::from_secs(120)).with_jitter(1.0, 1.2);

pub(super) struct PollBackoff {
    channel: Channel,
    failures: u32,
    last_error: String,
}

impl PollBackoff {
    pub(super) const fn new(channel: Channel) -> Self {
        Self { channel, failures: 0, last_error: String::new() }
    }

    pub(super) fn on_success(&mut self) {
        if self.failures > 0 {
            tracing::info!(channel = %self.channel, "polling recovered");
        }
        *self = Self::new(self.channel);
    }

    /// Returns the delay before the next poll, which is never shorter than the server's `Retry-After`.
    pub(super) fn on_failure(&mut self, failure: &Failure) -> Duration {
        let error = failure.to_string();
        if error != self.last_error {
            tracing::warn!(channel = %self.channel, error, "polling failed, buttons do not work");
            self.last_error = error;
        }
        self.failures = self.failures.saturating_add(1);
        let delay = BACKOFF.delay(self.failures, fastrand::f64());
        let delay = match failure.kind {
            FailureKind::Retryable { retry_after: Some(retry_after) } => delay.max(retry_after),
            _ => delay,
        };
        Duration::try_from(delay).unwrap_or_default()
    }
}
