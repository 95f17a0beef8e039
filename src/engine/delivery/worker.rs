//! A channel's alerter with its lane and what it has in hand: one message, and something critical beside it if that takes long.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::alerters::Alerter;
use crate::core::delivery::channel_backoff::ChannelBackoff;
use crate::engine::delivery::dispatcher::SendResult;
use crate::store::outbox::claim::{OutboxBatch, PendingSummary};

/// A message that has been under way for so long goes to a slow server: what is critical does not wait for it. Before that, one
/// at a time leaves the least in doubt if the process ends.
const SLOW: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct ChannelWorker {
    pub(crate) alerter: Arc<dyn Alerter>,
    pub(crate) lane: ChannelBackoff,
    /// The messages under way.
    pub(crate) hands: Vec<InFlight>,
    pub(crate) rests_until: Option<Instant>,
}

/// A message under way.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) parcel: OutboxBatch,
    pub(crate) since: Instant,
    /// It came back, and the database could not take its fate yet.
    pub(crate) fate: Option<SendResult>,
}

impl ChannelWorker {
    pub(crate) fn new(alerter: Arc<dyn Alerter>) -> Self {
        let lane = ChannelBackoff::new(alerter.config_hash());
        Self { alerter, lane, hands: Vec::new(), rests_until: None }
    }

    /// Whether anything may be taken.
    pub(crate) fn is_free(&self) -> bool {
        self.hands.is_empty()
    }

    /// How long until something critical may go beside what is under way; none: not before that is over. A channel in trouble is
    /// tried with one message at a time.
    pub(crate) fn room_beside(&self) -> Option<Duration> {
        match self.hands.as_slice() {
            [hand] if self.lane.opens_at().is_none() => Some(SLOW.saturating_sub(hand.since.elapsed())),
            _ => None,
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.hands.iter().any(|hand| hand.fate.is_none())
    }

    /// Whether something of what waits may be taken at `now`.
    pub(crate) fn may_take(&self, waiting: PendingSummary, now: Timestamp) -> bool {
        let urgent = waiting.urgent && self.lane.is_open_for_urgent(now);
        match self.is_free() {
            true => waiting.test || urgent || waiting.any && self.lane.is_open(now),
            false => urgent && self.room_beside() == Some(Duration::ZERO),
        }
    }

    /// How long until something of what waits may be taken; none: not before something comes back.
    pub(crate) fn pause(&self, waiting: PendingSummary, now: Timestamp) -> Option<Duration> {
        let closed = if self.is_busy() {
            self.room_beside().filter(|_| waiting.urgent)?
        } else {
            let opens = match (waiting.test, waiting.urgent) {
                (true, _) => None,
                (_, true) => self.lane.opens_for_urgent_at(),
                _ => self.lane.opens_at(),
            };
            opens.map_or(Duration::ZERO, |at| Duration::try_from(at.duration_since(now)).unwrap_or_default())
        };
        Some(closed.max(rest(self.rests_until)))
    }
}

/// Whether a rest is not over.
pub(crate) fn is_resting(until: Option<Instant>) -> bool {
    !rest(until).is_zero()
}

pub(crate) fn rest(until: Option<Instant>) -> Duration {
    until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
}
