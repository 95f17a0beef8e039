//! The plausibility filter: an impossible value counts as unknown.

use std::ops::RangeInclusive;

use crate::core::facts::{HealthDay, Stress};

/// The longest day of the year, when clocks go back.
const MAX_DAY_S: u32 = 25 * 3600;
/// Milliseconds RMSSD, far beyond any physiological value.
const HRV_MS: RangeInclusive<f64> = 1.0..=500.0;
const PERCENT: RangeInclusive<f64> = 0.0..=100.0;

pub(super) fn readiness(day: &HealthDay) -> Option<f64> {
    within(day.readiness, PERCENT)
}

pub(super) fn slept_s(day: &HealthDay) -> Option<u32> {
    day.slept_s.filter(|seconds| *seconds <= MAX_DAY_S)
}

pub(super) fn efficiency(day: &HealthDay) -> Option<f64> {
    within(day.night?.efficiency, PERCENT)
}

pub(super) fn hrv_ms(day: &HealthDay) -> Option<f64> {
    within(day.night?.hrv_ms, HRV_MS)
}

/// Percent.
pub(super) fn stress_share(day: &HealthDay) -> Option<f64> {
    let possible = |stress: &Stress| stress.high_s.saturating_add(stress.recovery_s) <= MAX_DAY_S;
    day.stress.filter(possible)?.share()
}

fn within(value: Option<f64>, range: RangeInclusive<f64>) -> Option<f64> {
    value.filter(|value| range.contains(value)) // excludes NaN
}
