//! One channel: its alerter, its backoff and its messages in flight.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::alerters::{Alerter, Failure};
use crate::core::delivery::channel_backoff::ChannelBackoff;
use crate::store::outbox::claim::{OutboxBatch, PendingSummary};
use crate::store::{self, Store};

/// After this time in flight a critical message may be sent beside a slow one. Earlier, one message at a time leaves the least
/// unconfirmed if the process ends.
const SLOW_SEND_AFTER: Duration = Duration::from_millis(500);

/// The channel's id of the message, or why it was not sent.
pub(crate) type SendResult = Result<Option<String>, Failure>;

#[derive(Debug)]
pub(crate) struct ChannelWorker {
    pub(crate) alerter: Arc<dyn Alerter>,
    pub(crate) backoff: ChannelBackoff,
    /// One message, and at most one critical message beside it.
    pub(crate) in_flight: Vec<InFlight>,
    pub(crate) next_claim_at: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) batch: OutboxBatch,
    pub(crate) since: Instant,
    /// The result, until the database has it.
    pub(crate) result: Option<SendResult>,
}

impl ChannelWorker {
    pub(crate) fn new(alerter: Arc<dyn Alerter>) -> Self {
        let backoff = ChannelBackoff::new(alerter.config_hash());
        Self { alerter, backoff, in_flight: Vec::new(), next_claim_at: None }
    }

    /// Whether no message is in flight and every result is recorded.
    pub(crate) const fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    pub(crate) fn is_sending(&self) -> bool {
        self.in_flight.iter().any(|in_flight| in_flight.result.is_none())
    }

    /// Record the results of ended sends. A message stays in flight until then; otherwise it would be sent again.
    pub(crate) fn record_results(&mut self, store: &mut Store, now: Timestamp) -> Result<(), store::Error> {
        while let Some(index) = self.in_flight.iter().position(|in_flight| in_flight.result.is_some()) {
            if let Some(InFlight { batch, result: Some(result), .. }) = self.in_flight.get(index) {
                store.record_result(batch, result, &self.backoff, now)?;
            }
            self.in_flight.remove(index);
        }
        Ok(())
    }

    /// How long until a critical message may be sent beside the one in flight; none: not before that one ends. A failing channel
    /// gets one message at a time.
    fn priority_slot_in(&self) -> Option<Duration> {
        match self.in_flight.as_slice() {
            [slow] if self.backoff.opens_at().is_none() => Some(SLOW_SEND_AFTER.saturating_sub(slow.since.elapsed())),
            _ => None,
        }
    }

    /// Whether a pending message may be claimed now.
    pub(crate) fn may_claim(&self, pending: PendingSummary, now: Timestamp) -> bool {
        let urgent = pending.urgent && self.backoff.is_open_for_urgent(now);
        if self.is_idle() {
            pending.test || urgent || pending.any && self.backoff.is_open(now)
        } else {
            urgent && self.priority_slot_in() == Some(Duration::ZERO)
        }
    }

    /// How long until a pending message may be claimed; none: not before a message in flight ends.
    pub(crate) fn next_wakeup(&self, pending: PendingSummary, now: Timestamp) -> Option<Duration> {
        let wait = if self.is_sending() {
            self.priority_slot_in().filter(|_| pending.urgent)?
        } else {
            let opens = match (pending.test, pending.urgent) {
                (true, _) => None,
                (_, true) => self.backoff.opens_for_urgent_at(),
                _ => self.backoff.opens_at(),
            };
            opens.map_or(Duration::ZERO, |at| Duration::try_from(at.duration_since(now)).unwrap_or_default())
        };
        Some(wait.max(remaining(self.next_claim_at)))
    }
}

pub(crate) fn is_future(time: Option<Instant>) -> bool {
    !remaining(time).is_zero()
}

pub(crate) fn remaining(until: Option<Instant>) -> Duration {
    until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
}
