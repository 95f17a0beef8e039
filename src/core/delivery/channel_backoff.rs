//! A channel's queue as a lane: open, or closed for a while after failures.
//!
//! The lane, not the message, waits: while a channel is down one message at a time is tried, and when it gets through the others
//! follow at once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::failure::{Failure, FailureKind};
use crate::core::alert::Priority;

/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// No pause of our own is longer.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// A critical alert that has not been tried yet does not wait out a long pause: it may try so long after the last failure. With
/// the growing pauses that makes no more than 40 tries an hour.
const URGENT_PAUSE: SignedDuration = SignedDuration::from_mins(2);

/// So many times in a row a server is taken at its word about when to come back.
const OBEYED: u32 = 3;

/// How often a machine without a network looks for one.
const OFFLINE_PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// How a channel does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelBackoff {
    failures: u32,
    wait: Option<Wait>,
    /// There was nothing to send by.
    #[serde(rename = "absent")]
    no_transport: bool,
    /// What is wrong, for as long as it is.
    #[serde(rename = "trouble")]
    pub last_error: Option<String>,
    /// When a message got through last.
    pub delivered_at: Option<Timestamp>,
    /// The alerter's config_hash, by which a change of them shows.
    #[serde(rename = "settings")]
    pub config_hash: u64,
}

/// A pause between two tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Wait {
    since: Timestamp,
    until: Timestamp,
    /// The server named the moment: nothing passes it.
    asked: bool,
}

impl ChannelBackoff {
    /// A lane with nothing behind it, for an alerter with these config_hash.
    #[must_use]
    pub fn new(config_hash: u64) -> Self {
        Self { config_hash, ..Self::default() }
    }

    /// When the next message may be tried; none: at once.
    #[must_use]
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.wait.map(|wait| wait.until)
    }

    /// Whether everything may be tried at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.wait.is_none_or(|wait| wait.is_over(now, wait.until))
    }

    /// When something critical may be tried that has not been tried before.
    #[must_use]
    pub fn opens_for_urgent_at(&self) -> Option<Timestamp> {
        self.wait.map(Wait::urgent)
    }

    /// Whether something critical that has not been tried before may be tried at `now`.
    #[must_use]
    pub fn is_open_for_urgent(&self, now: Timestamp) -> bool {
        self.wait.is_none_or(|wait| wait.is_over(now, wait.urgent()))
    }

    /// Something got through.
    pub fn record_success(&mut self, now: Timestamp) {
        *self = Self { delivered_at: Some(now), ..Self::new(self.config_hash) };
    }

    /// Something did not. `chance`, 0 to 1, spreads the tries of many machines.
    pub fn record_failure(&mut self, failure: &Failure, now: Timestamp, chance: f64) {
        self.last_error = Some(failure.to_string());
        self.no_transport = failure.kind == FailureKind::NoTransport;
        let (pause, asked) = match failure.kind {
            // The server answers: what it refuses says nothing about the next message.
            FailureKind::Permanent => {
                (self.failures, self.wait) = (0, None);
                return;
            }
            FailureKind::Offline => (OFFLINE_PAUSE, false),
            FailureKind::Retryable { retry_after: Some(asked) } => {
                self.failures = self.failures.saturating_add(1);
                (self.patience_with(asked, chance), true)
            }
            FailureKind::Retryable { retry_after: None } | FailureKind::Unconfirmed | FailureKind::NoTransport => {
                self.failures = self.failures.saturating_add(1);
                (pause_after(self.failures, chance), false)
            }
        };
        let until = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
        self.wait = Some(Wait { since: now, until, asked });
    }

    /// What the server asked for, to the second; one that asks for the same little pause over and over gets longer ones.
    fn patience_with(&self, asked: SignedDuration, chance: f64) -> SignedDuration {
        let own =
            if self.failures > OBEYED { pause_after(self.failures - OBEYED, chance) } else { SignedDuration::ZERO };
        asked.max(own).max(SignedDuration::from_secs(1))
    }

    /// Try again at once, unless a server asked for a pause: the machine woke, or the person wants to know.
    pub fn reset(&mut self) {
        self.wait = self.wait.filter(|wait| wait.asked);
    }

    /// Whether there was nothing to send by when it was tried last: waiting a little changes nothing then.
    #[must_use]
    pub const fn has_no_transport(&self) -> bool {
        self.no_transport
    }
}

impl Wait {
    /// A clock that was set back to before the pause began says nothing about it: it is over.
    fn is_over(self, now: Timestamp, end: Timestamp) -> bool {
        now < self.since || end <= now
    }

    fn urgent(self) -> Timestamp {
        let soon = self.since.saturating_add(URGENT_PAUSE).unwrap_or(self.until);
        if self.asked { self.until } else { self.until.min(soon) }
    }
}

/// Doubling from five seconds to a quarter of an hour, shortened by up to a quarter, so that it still grows.
fn pause_after(failures: u32, chance: f64) -> SignedDuration {
    let doubled = 2_i32.saturating_pow(failures.saturating_sub(1).min(16));
    let whole = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
    whole.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 4.0)
}

/// Which of the news in a queue may be told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SendWindow {
    /// None: the person asked for a pause.
    Closed,
    /// Only critical ones: quiet hours.
    CriticalOnly,
    /// All.
    Open,
}

impl SendWindow {
    /// Whether an alert of this priority may be sent now.
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
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
    }

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "no")
    }

    #[test]
    fn pauses_grow_to_a_quarter_of_an_hour() {
        let pauses: Vec<i64> = (1..=10).map(|failures| pause_after(failures, 0.0).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(pause_after(u32::MAX, 1.0).as_secs(), 675);
    }

    #[test]
    fn a_server_is_obeyed_to_the_second_by_critical_alerts_too() {
        let mut lane = ChannelBackoff::default();
        let asked = FailureKind::Retryable { retry_after: Some(SignedDuration::from_secs(37)) };
        lane.record_failure(&failure(asked), seconds(0), 0.5);
        lane.reset();
        assert!(!lane.is_open(seconds(36)) && !lane.is_open_for_urgent(seconds(36)));
        assert!(lane.is_open(seconds(37)) && lane.is_open_for_urgent(seconds(37)));
    }

    #[test]
    fn what_is_critical_and_new_need_not_wait_out_a_long_pause() {
        let mut lane = ChannelBackoff::default();
        for _ in 0..9 {
            lane.record_failure(&failure(FailureKind::Unconfirmed), seconds(0), 0.0);
        }
        assert!(!lane.is_open(seconds(899)) && lane.is_open(seconds(900)));
        assert!(!lane.is_open_for_urgent(seconds(119)) && lane.is_open_for_urgent(seconds(120)));
    }

    #[test]
    fn a_refusal_keeps_nobody_waiting_and_is_remembered() {
        let mut lane = ChannelBackoff::default();
        lane.record_failure(&failure(FailureKind::Unconfirmed), seconds(0), 0.0);
        lane.record_failure(&Failure::permanent("no", "fix it"), seconds(5), 0.0);
        assert!(lane.is_open(seconds(5)));
        assert_eq!(lane.last_error.as_deref(), Some("no – fix it"));
        lane.record_success(seconds(6));
        assert_eq!((lane.last_error, lane.delivered_at), (None, Some(seconds(6))));
    }

    #[test]
    fn being_offline_does_not_make_pauses_grow() {
        let mut lane = ChannelBackoff::default();
        for at in 0..50 {
            lane.record_failure(&failure(FailureKind::Offline), seconds(30 * at), 0.0);
            assert!(lane.is_open(seconds(30 * at + 30)));
        }
        lane.record_failure(&failure(FailureKind::Unconfirmed), seconds(2000), 0.0);
        assert!(lane.is_open(seconds(2005)));
    }

    #[test]
    fn a_clock_set_back_ends_a_pause() {
        let mut lane = ChannelBackoff::default();
        lane.record_failure(&failure(FailureKind::Unconfirmed), seconds(86_400), 0.0);
        assert!(lane.is_open(seconds(0)));
    }

    proptest! {
        /// Whatever fails, and though something new and critical waits all the time.
        #[test]
        fn no_more_than_forty_tries_an_hour(
            chances in prop::collection::vec(0.0..1.0_f64, 100),
            mix in prop::collection::vec(0..4_usize, 100),
        ) {
            let (mut lane, mut now, mut tries) = (ChannelBackoff::default(), 0, 0);
            let kinds = [
                FailureKind::Unconfirmed,
                FailureKind::NoTransport,
                FailureKind::Retryable { retry_after: None },
                FailureKind::Retryable { retry_after: Some(SignedDuration::ZERO) },
            ];
            while now < 3600 {
                if lane.is_open_for_urgent(seconds(now)) {
                    lane.record_failure(&failure(kinds[mix[tries % 100]]), seconds(now), chances[tries % 100]);
                    tries += 1;
                }
                now += 1;
            }
            prop_assert!(tries <= 40, "{}", tries);
        }

        #[test]
        fn every_pause_is_longer_than_the_one_before_up_to_the_longest(chance in 0.0..1.0_f64, other in 0.0..1.0_f64, failures in 1..7_u32) {
            prop_assert!(pause_after(failures, chance) < pause_after(failures + 1, other));
        }
    }
}
