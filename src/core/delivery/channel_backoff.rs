//! The backoff of a channel: when the next message may be tried after failures.
//!
//! The channel waits, not the message: while it fails, one message at a time is tried, and a success lets all others follow.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::failure::{Failure, FailureKind};
use crate::core::alert::Priority;
use crate::core::backoff::Backoff;

const FIRST_DELAY: SignedDuration = SignedDuration::from_secs(5);
const MAX_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// Jitter shortens a delay by up to a quarter, so that delays still grow.
const DELAYS: Backoff = Backoff::new(FIRST_DELAY, MAX_DELAY).with_jitter(1.0, 0.75);

/// A critical alert without an attempt may be tried this long after the last failure, also during a longer delay. Together with
/// the growing delays that makes at most 40 attempts an hour.
const URGENT_DELAY: SignedDuration = SignedDuration::from_mins(2);

/// This many requests of a server in a row are followed as they are; later ones are lengthened by our own delays.
const MAX_HONOURED_RETRY_AFTER: u32 = 3;

const OFFLINE_DELAY: SignedDuration = SignedDuration::from_secs(30);

/// The delivery state of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelBackoff {
    failures: u32,
    wait: Option<Wait>,
    no_transport: bool,
    /// The last failure, until a message is delivered.
    pub last_error: Option<String>,
    pub delivered_at: Option<Timestamp>,
    /// Identifies the configuration of the alerter; a change resets the backoff.
    pub config_hash: u64,
}

/// The delay before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Wait {
    since: Timestamp,
    until: Timestamp,
    /// No attempt is made earlier, not even an urgent one.
    server_requested: bool,
}

impl ChannelBackoff {
    #[must_use]
    pub fn new(config_hash: u64) -> Self {
        Self { config_hash, ..Self::default() }
    }

    /// When the next attempt may start; `None` means now.
    #[must_use]
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.wait.map(|wait| wait.until)
    }

    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.wait.is_none_or(|wait| wait.is_over(now, wait.until))
    }

    /// When a critical alert without an attempt may be tried; `None` means now.
    #[must_use]
    pub fn opens_for_urgent_at(&self) -> Option<Timestamp> {
        self.wait.map(Wait::urgent_until)
    }

    #[must_use]
    pub fn is_open_for_urgent(&self, now: Timestamp) -> bool {
        self.wait.is_none_or(|wait| wait.is_over(now, wait.urgent_until()))
    }

    pub fn record_success(&mut self, now: Timestamp) {
        *self = Self { delivered_at: Some(now), ..Self::new(self.config_hash) };
    }

    /// `fraction`, random between 0 and 1, spreads the attempts of many machines.
    pub fn record_failure(&mut self, failure: &Failure, now: Timestamp, fraction: f64) {
        self.last_error = Some(failure.to_string());
        self.no_transport = failure.kind == FailureKind::NoTransport;
        let (delay, server_requested) = match failure.kind {
            // The server works; its refusal concerns this message only.
            FailureKind::Permanent => {
                (self.failures, self.wait) = (0, None);
                return;
            }
            FailureKind::Offline => (OFFLINE_DELAY, false),
            FailureKind::Retryable { retry_after: Some(requested) } => {
                self.failures = self.failures.saturating_add(1);
                (self.retry_delay(requested, fraction), true)
            }
            FailureKind::Retryable { retry_after: None } | FailureKind::Unconfirmed | FailureKind::NoTransport => {
                self.failures = self.failures.saturating_add(1);
                (DELAYS.delay(self.failures, fraction), false)
            }
        };
        let until = now.saturating_add(delay).unwrap_or(Timestamp::MAX);
        self.wait = Some(Wait { since: now, until, server_requested });
    }

    /// The requested delay, to the second. A server that requests short delays over and over gets longer ones.
    fn retry_delay(&self, requested: SignedDuration, fraction: f64) -> SignedDuration {
        let own = match self.failures.saturating_sub(MAX_HONOURED_RETRY_AFTER) {
            0 => SignedDuration::ZERO,
            failures => DELAYS.delay(failures, fraction),
        };
        requested.max(own).max(SignedDuration::from_secs(1))
    }

    /// Ends the delay, unless a server requested it: the machine woke, or the user asked for a check.
    pub fn reset(&mut self) {
        self.wait = self.wait.filter(|wait| wait.server_requested);
    }

    /// The last attempt found no way to send at all; a short wait does not change that.
    #[must_use]
    pub const fn has_no_transport(&self) -> bool {
        self.no_transport
    }
}

impl Wait {
    /// A delay that starts in the future is over: the clock was set back.
    fn is_over(self, now: Timestamp, end: Timestamp) -> bool {
        now < self.since || end <= now
    }

    fn urgent_until(self) -> Timestamp {
        let soon = self.since.saturating_add(URGENT_DELAY).unwrap_or(self.until);
        if self.server_requested { self.until } else { self.until.min(soon) }
    }
}

/// The alerts that may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SendWindow {
    /// The user paused all alerts.
    Closed,
    /// Quiet hours, or a meeting.
    CriticalOnly,
    Open,
}

impl SendWindow {
    #[must_use]
    pub fn allows(self, priority: Priority) -> bool {
        match self {
            Self::Closed => false,
            Self::CriticalOnly => priority == Priority::Critical,
            Self::Open => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
    }

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "no")
    }

    #[test]
    fn delays_grow_to_fifteen_minutes() {
        let delays: Vec<i64> = (1..=10).map(|failures| DELAYS.delay(failures, 0.0).as_secs()).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(DELAYS.delay(u32::MAX, 1.0).as_secs(), 675);
    }

    #[test]
    fn retry_after_also_holds_for_urgent_alerts() {
        let mut backoff = ChannelBackoff::default();
        let requested = FailureKind::Retryable { retry_after: Some(SignedDuration::from_secs(37)) };
        backoff.record_failure(&failure(requested), seconds(0), 0.5);
        backoff.reset();
        assert!(!backoff.is_open(seconds(36)) && !backoff.is_open_for_urgent(seconds(36)));
        assert!(backoff.is_open(seconds(37)) && backoff.is_open_for_urgent(seconds(37)));
    }

    #[test]
    fn urgent_alert_shortens_a_long_delay() {
        let mut backoff = ChannelBackoff::default();
        for _ in 0..9 {
            backoff.record_failure(&failure(FailureKind::Unconfirmed), seconds(0), 0.0);
        }
        assert!(!backoff.is_open(seconds(899)) && backoff.is_open(seconds(900)));
        assert!(!backoff.is_open_for_urgent(seconds(119)) && backoff.is_open_for_urgent(seconds(120)));
    }

    #[test]
    fn permanent_failure_opens_and_keeps_the_error() {
        let mut backoff = ChannelBackoff::default();
        backoff.record_failure(&failure(FailureKind::Unconfirmed), seconds(0), 0.0);
        backoff.record_failure(&Failure::permanent("no", "fix it"), seconds(5), 0.0);
        assert!(backoff.is_open(seconds(5)));
        assert_eq!(backoff.last_error.as_deref(), Some("no – fix it"));
        backoff.record_success(seconds(6));
        assert_eq!((backoff.last_error, backoff.delivered_at), (None, Some(seconds(6))));
    }

    #[test]
    fn offline_delays_do_not_grow() {
        let mut backoff = ChannelBackoff::default();
        for at in 0..50 {
            backoff.record_failure(&failure(FailureKind::Offline), seconds(30 * at), 0.0);
            assert!(backoff.is_open(seconds(30 * at + 30)));
        }
        backoff.record_failure(&failure(FailureKind::Unconfirmed), seconds(2000), 0.0);
        assert!(backoff.is_open(seconds(2005)));
    }

    #[test]
    fn clock_set_back_ends_a_delay() {
        let mut backoff = ChannelBackoff::default();
        backoff.record_failure(&failure(FailureKind::Unconfirmed), seconds(86_400), 0.0);
        assert!(backoff.is_open(seconds(0)));
    }

    proptest! {
        /// With an urgent alert waiting all the time.
        #[test]
        fn attempts_stay_under_forty_an_hour(
            fractions in prop::collection::vec(0.0..1.0_f64, 100),
            mix in prop::collection::vec(0..4_usize, 100),
        ) {
            let (mut backoff, mut now, mut attempts) = (ChannelBackoff::default(), 0, 0);
            let kinds = [
                FailureKind::Unconfirmed,
                FailureKind::NoTransport,
                FailureKind::Retryable { retry_after: None },
                FailureKind::Retryable { retry_after: Some(SignedDuration::ZERO) },
            ];
            while now < 3600 {
                if backoff.is_open_for_urgent(seconds(now)) {
                    backoff.record_failure(&failure(kinds[mix[attempts % 100]]), seconds(now), fractions[attempts % 100]);
                    attempts += 1;
                }
                now += 1;
            }
            prop_assert!(attempts <= 40, "{}", attempts);
        }

        #[test]
        fn delays_grow_whatever_the_jitter(one in 0.0..1.0_f64, other in 0.0..1.0_f64, failures in 1..7_u32) {
            prop_assert!(DELAYS.delay(failures, one) < DELAYS.delay(failures + 1, other));
        }
    }
}
