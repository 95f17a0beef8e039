//! The circuit breaker of one source: closed (calls pass), open (calls are rejected), half-open (one probe at a time).
//!
//! It counts consecutive failures, as linkerd2-proxy does: with a few calls an hour, a failure-rate window never fills. Each
//! transition starts a new generation; the result of a call from an older generation is ignored.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::backoff::Backoff;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitSettings {
    /// Consecutive failures that open the circuit.
    pub failure_threshold: u32,
    /// The first pause; it doubles after each failed probe.
    pub timeout_seconds: u32,
    pub max_timeout_seconds: u32,
    /// Consecutive successful probes that close the circuit.
    pub half_open_attempts: u32,
}

impl Default for CircuitSettings {
    fn default() -> Self {
        Self { failure_threshold: 3, timeout_seconds: 60, max_timeout_seconds: 900, half_open_attempts: 1 }
    }
}

/// A probe without a result after this time counts as lost. It exceeds the longest timeout of a source (300 s).
pub const PROBE_LEASE: SignedDuration = SignedDuration::from_secs(330);

/// The limit of a pause that a server requests.
const MAX_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// No pause exceeds this share of the maximum. A monitor with an interval of `max_timeout_seconds` then finds the circuit ready at
/// each check.
const MAX_PAUSE_SHARE: f64 = 0.95;

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

/// Why a circuit is not closed. Serialised under the names that older databases hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// The source may recover without the user.
    #[serde(rename = "outage")]
    Transient,
    /// The user must change something.
    #[serde(rename = "needs_user")]
    ActionRequired,
}

/// The right to call the source once; hand it back with the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permit {
    generation: u64,
}

/// The circuit is open, or its probe is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    pub retry_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    Success,
    /// `Cause::ActionRequired` and a server's `retry_after` open the circuit at once.
    Failure {
        cause: Cause,
        retry_after: Option<SignedDuration>,
    },
}

/// The effect of a recorded outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    None,
    Opened,
    Closed,
    /// The permit belonged to an older generation; nothing was recorded.
    StalePermit,
}

/// Pure: the caller passes the time and the random jitter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Circuit {
    phase: Phase,
    generation: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
enum Phase {
    Closed {
        failures: u32,
    },
    Open {
        #[serde(rename = "trouble")]
        outage: Outage,
        retry_at: Timestamp,
    },
    HalfOpen {
        #[serde(rename = "trouble")]
        outage: Outage,
        successes: u32,
        lease_until: Option<Timestamp>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Outage {
    since: Timestamp,
    cause: Cause,
    /// How often the circuit opened in this outage.
    trips: u32,
}

impl Default for Circuit {
    fn default() -> Self {
        Self { phase: Phase::Closed { failures: 0 }, generation: 0 }
    }
}

impl Circuit {
    pub const fn state(&self) -> CircuitState {
        match self.phase {
            Phase::Closed { .. } => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// When the current outage began.
    pub fn failing_since(&self) -> Option<Timestamp> {
        self.outage().map(|outage| outage.since)
    }

    pub fn cause(&self) -> Option<Cause> {
        self.outage().map(|outage| outage.cause)
    }

    /// When the next call may be made; None while the circuit is closed.
    pub const fn retry_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { retry_at, .. } => Some(retry_at),
            Phase::HalfOpen { lease_until, .. } => lease_until,
        }
    }

    const fn outage(&self) -> Option<Outage> {
        match self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { outage, .. } | Phase::HalfOpen { outage, .. } => Some(outage),
        }
    }

    pub fn acquire(&mut self, now: Timestamp) -> Result<Permit, Rejected> {
        let (outage, successes, blocked_until, max_wait) = match self.phase {
            Phase::Closed { .. } => return Ok(Permit { generation: self.generation }),
            Phase::Open { outage, retry_at } => (outage, 0, Some(retry_at), MAX_PAUSE),
            Phase::HalfOpen { outage, successes, lease_until } => (outage, successes, lease_until, PROBE_LEASE),
        };
        // A longer wait than any pause or lease means that the clock was set back: probe now.
        let is_ahead = |moment: &Timestamp| {
            let left = moment.duration_since(now);
            left > SignedDuration::ZERO && left <= max_wait
        };
        if let Some(retry_at) = blocked_until.filter(is_ahead) {
            return Err(Rejected { retry_at });
        }
        self.enter(Phase::HalfOpen { outage, successes, lease_until: Some(later(now, PROBE_LEASE)) });
        Ok(Permit { generation: self.generation })
    }

    /// Record the outcome of a call. `jitter` in 0–1 spreads the pauses after failed probes.
    pub fn record(
        &mut self,
        permit: Permit,
        outcome: CallOutcome,
        now: Timestamp,
        settings: &CircuitSettings,
        jitter: f64,
    ) -> Change {
        if permit.generation != self.generation {
            return Change::StalePermit;
        }
        match (self.phase.clone(), outcome) {
            (Phase::Open { .. }, _) => Change::StalePermit, // this generation issued no permit
            (Phase::Closed { .. }, CallOutcome::Success) => {
                self.phase = Phase::Closed { failures: 0 };
                Change::None
            }
            (Phase::Closed { failures }, CallOutcome::Failure { cause, retry_after }) => {
                let failures = failures.saturating_add(1);
                let at_once = cause == Cause::ActionRequired || retry_after.is_some();
                if failures < settings.failure_threshold && !at_once {
                    self.phase = Phase::Closed { failures };
                    return Change::None;
                }
                self.open(Outage { since: now, cause, trips: 1 }, retry_after, now, settings, jitter);
                Change::Opened
            }
            (Phase::HalfOpen { outage, successes, .. }, CallOutcome::Success) => {
                let successes = successes.saturating_add(1);
                if successes >= settings.half_open_attempts {
                    self.reset();
                    return Change::Closed;
                }
                self.enter(Phase::HalfOpen { outage, successes, lease_until: None });
                Change::None
            }
            (Phase::HalfOpen { outage, .. }, CallOutcome::Failure { cause, retry_after }) => {
                let outage = Outage { cause, trips: outage.trips.saturating_add(1), ..outage };
                self.open(outage, retry_after, now, settings, jitter);
                Change::None
            }
        }
    }

    fn open(
        &mut self,
        outage: Outage,
        retry_after: Option<SignedDuration>,
        now: Timestamp,
        settings: &CircuitSettings,
        jitter: f64,
    ) {
        let pause = pause(outage.trips, settings, jitter).max(retry_after.unwrap_or(SignedDuration::ZERO));
        self.enter(Phase::Open { outage, retry_at: later(now, pause.min(MAX_PAUSE)) });
    }

    /// Hand back an unused permit.
    pub fn release(&mut self, permit: Permit) {
        if permit.generation == self.generation {
            self.abandon_probe();
        }
    }

    /// The probe in flight ended with its process.
    pub fn abandon_probe(&mut self) {
        if let Phase::HalfOpen { outage, successes, lease_until: Some(_) } = self.phase {
            self.enter(Phase::HalfOpen { outage, successes, lease_until: None });
        }
    }

    /// Close the circuit on the user's command, or because the source worked without a permit.
    pub fn reset(&mut self) {
        self.enter(Phase::Closed { failures: 0 });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation = self.generation.wrapping_add(1);
    }
}

/// The first pause is exact. Later pauses double, with a jitter of ±20 %.
fn pause(trips: u32, settings: &CircuitSettings, jitter: f64) -> SignedDuration {
    let seconds = |seconds: u32| SignedDuration::from_secs(i64::from(seconds));
    let first = seconds(settings.timeout_seconds);
    if trips <= 1 {
        return first;
    }
    let max = seconds(settings.max_timeout_seconds).max(first);
    Backoff::new(first, max).with_jitter(0.8, 1.2).delay(trips, jitter).min(max.mul_f64(MAX_PAUSE_SHARE))
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
