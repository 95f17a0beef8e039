//! The circuit breaker of one source: closed (asked normally), open (left alone), half-open (one probe at a time).
//!
//! After linkerd2-proxy's consecutive-failures breaker: with a few calls an hour, rate windows never fill. Every change of
//! state starts a new generation, and a result that belongs to an older one is ignored: it says nothing about now.

use garde::Validate;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::backoff::Backoff;

/// When a circuit opens and how long it stays so: the `circuit_breaker` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerSettings {
    /// Failures in a row that open the circuit.
    #[garde(range(min = 1, max = 100))]
    pub failure_threshold: u32,
    /// How long it is open the first time (seconds); doubled at every failed probe.
    #[garde(range(min = 1, max = 86_400))]
    pub timeout_seconds: u32,
    /// The longest it is open before the next probe (seconds).
    #[garde(range(min = 1, max = 86_400))]
    pub max_timeout_seconds: u32,
    /// Probes in a row that must succeed to close it.
    #[garde(range(min = 1, max = 100))]
    pub half_open_attempts: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failure_threshold: 3, timeout_seconds: 60, max_timeout_seconds: 900, half_open_attempts: 1 }
    }
}

/// A probe that has not answered within this time is given up: longer than any source may take (300 s).
pub const PROBE_LEASE: SignedDuration = SignedDuration::from_secs(330);

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CircuitState {
    Closed,
    Open,
    HalfOpen,
}

impl CircuitState {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// Why a circuit opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It may mend itself.
    Outage,
    /// A person has to change something.
    NeedsUser,
}

/// Leave to ask the source once; hand it back with the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permit {
    generation: u64,
}

/// No leave: the circuit is open, or its one probe is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// When to ask again.
    pub retry_at: Timestamp,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The source answered.
    Success,
    /// It did not, or not usefully.
    Failure {
        /// Outage, or something a person has to mend: that opens the circuit at once.
        cause: Cause,
        /// How long the server asked us to stay away: that opens the circuit at once, for at least so long.
        retry_after: Option<SignedDuration>,
    },
}

/// What a recorded outcome did to the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The state is as before.
    None,
    /// It has just opened.
    Opened,
    /// It has just closed.
    Closed,
    /// The permit was of an older generation: nothing was recorded.
    Late,
}

/// The breaker of one source. Pure: time and chance are arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Circuit {
    phase: Phase,
    generation: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
enum Phase {
    Closed { failures: u32 },
    Open { trouble: Trouble, retry_at: Timestamp },
    HalfOpen { trouble: Trouble, successes: u32, lease_until: Option<Timestamp> },
}

/// What is known of an outage while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Trouble {
    since: Timestamp,
    cause: Cause,
    trips: u32,
}

impl Default for Circuit {
    fn default() -> Self {
        Self { phase: Phase::Closed { failures: 0 }, generation: 0 }
    }
}

impl Circuit {
    /// Closed, open or half-open.
    #[must_use]
    pub const fn state(&self) -> CircuitState {
        match self.phase {
            Phase::Closed { .. } => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// Since when it has not been closed.
    #[must_use]
    pub const fn troubled_since(&self) -> Option<Timestamp> {
        match self.trouble() {
            Some(trouble) => Some(trouble.since),
            None => None,
        }
    }

    /// Why it is not closed.
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        match self.trouble() {
            Some(trouble) => Some(trouble.cause),
            None => None,
        }
    }

    /// When the next attempt may be made; none while it is closed.
    #[must_use]
    pub const fn retry_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { retry_at, .. } => Some(retry_at),
            Phase::HalfOpen { lease_until, .. } => lease_until,
        }
    }

    const fn trouble(&self) -> Option<Trouble> {
        match self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { trouble, .. } | Phase::HalfOpen { trouble, .. } => Some(trouble),
        }
    }

    /// Ask for leave to try the source at `now`.
    ///
    /// # Errors
    /// While it is open, and while its one probe is out.
    pub fn acquire(&mut self, now: Timestamp) -> Result<Permit, Rejected> {
        match self.phase {
            Phase::Closed { .. } => {}
            Phase::Open { trouble, retry_at } => {
                // No pause is longer than a server may ask for; a longer one means that the clock was set back.
                if is_ahead(retry_at, now, LONGEST_PAUSE) {
                    return Err(Rejected { retry_at });
                }
                self.probe(trouble, 0, now);
            }
            Phase::HalfOpen { trouble, successes, lease_until } => {
                if let Some(until) = lease_until.filter(|until| is_ahead(*until, now, PROBE_LEASE)) {
                    return Err(Rejected { retry_at: until });
                }
                self.probe(trouble, successes, now);
            }
        }
        Ok(Permit { generation: self.generation })
    }

    fn probe(&mut self, trouble: Trouble, successes: u32, now: Timestamp) {
        self.enter(Phase::HalfOpen { trouble, successes, lease_until: Some(later(now, PROBE_LEASE)) });
    }

    /// Hand back a permit with how the attempt ended. `chance` in 0..1 spreads the pauses after failed probes.
    pub fn record(
        &mut self,
        permit: Permit,
        outcome: Outcome,
        now: Timestamp,
        settings: &BreakerSettings,
        chance: f64,
    ) -> Change {
        if permit.generation != self.generation {
            return Change::Late;
        }
        match (self.phase.clone(), outcome) {
            (Phase::Open { .. }, _) => Change::Late, // no permit of this generation exists
            (Phase::Closed { .. }, Outcome::Success) => {
                self.phase = Phase::Closed { failures: 0 };
                Change::None
            }
            (Phase::Closed { failures }, Outcome::Failure { cause, retry_after }) => {
                let failures = failures.saturating_add(1);
                let at_once = cause == Cause::NeedsUser || retry_after.is_some();
                if failures < settings.failure_threshold && !at_once {
                    self.phase = Phase::Closed { failures };
                    return Change::None;
                }
                self.open(Trouble { since: now, cause, trips: 1 }, retry_after, now, settings, chance);
                Change::Opened
            }
            (Phase::HalfOpen { trouble, successes, .. }, Outcome::Success) => {
                let successes = successes.saturating_add(1);
                if successes >= settings.half_open_attempts {
                    self.reset();
                    return Change::Closed;
                }
                self.enter(Phase::HalfOpen { trouble, successes, lease_until: None });
                Change::None
            }
            (Phase::HalfOpen { trouble, .. }, Outcome::Failure { cause, retry_after }) => {
                let trouble = Trouble { cause, trips: trouble.trips.saturating_add(1), ..trouble };
                self.open(trouble, retry_after, now, settings, chance);
                Change::None
            }
        }
    }

    fn open(
        &mut self,
        trouble: Trouble,
        retry_after: Option<SignedDuration>,
        now: Timestamp,
        settings: &BreakerSettings,
        chance: f64,
    ) {
        let pause = pause(trouble.trips, settings, chance).max(retry_after.unwrap_or(SignedDuration::ZERO));
        self.enter(Phase::Open { trouble, retry_at: later(now, pause.min(LONGEST_PAUSE)) });
    }

    /// Hand back a permit that was not used up: nothing was learned, and the next one may try.
    pub fn give_back(&mut self, permit: Permit) {
        if permit.generation == self.generation {
            self.forget_probe();
        }
    }

    /// The probe that is out will never answer: its process has ended.
    pub fn forget_probe(&mut self) {
        if let Phase::HalfOpen { trouble, successes, lease_until: Some(_) } = self.phase {
            self.enter(Phase::HalfOpen { trouble, successes, lease_until: None });
        }
    }

    /// Close it: by command, or because the source was seen to work without a permit.
    pub fn reset(&mut self) {
        self.enter(Phase::Closed { failures: 0 });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation = self.generation.wrapping_add(1);
    }
}

/// A server that asks for more than a day is asked again after a day.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// No pause exceeds this share of the maximum. A monitor with an interval of `max_timeout_seconds` then finds the circuit ready at
/// each check.
const MAX_PAUSE_SHARE: f64 = 0.95;

/// The first pause is exact. Later pauses double, with a jitter of ±20 %.
fn pause(trips: u32, settings: &BreakerSettings, chance: f64) -> SignedDuration {
    let seconds = |seconds: u32| SignedDuration::from_secs(i64::from(seconds));
    let first = seconds(settings.timeout_seconds);
    if trips <= 1 {
        return first;
    }
    let max = seconds(settings.max_timeout_seconds).max(first);
    Backoff::new(first, max).with_jitter(0.8, 1.2).delay(trips, chance).min(max.mul_f64(MAX_PAUSE_SHARE))
}

fn is_ahead(moment: Timestamp, now: Timestamp, at_most: SignedDuration) -> bool {
    let left = moment.duration_since(now);
    left > SignedDuration::ZERO && left <= at_most
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
