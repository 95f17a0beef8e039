//! Values that rules may trust: a number that cannot be true counts as unknown.

use std::ops::RangeInclusive;

use crate::core::facts::{HealthDay, Stress};

/// Seconds in the longest day of the year, the one on which clocks go back.
const LONGEST_DAY_S: u32 = 25 * 3600;
/// Milliseconds RMSSD: wide around anything that a heart does.
const HRV_MS: RangeInclusive<f64> = 1.0..=500.0;
const PERCENT: RangeInclusive<f64> = 0.0..=100.0;

/// The readiness score, 0–100.
pub(super) fn readiness(day: &HealthDay) -> Option<f64> {
    within(day.readiness, PERCENT)
}

/// Seconds slept in the day.
pub(super) fn slept_s(day: &HealthDay) -> Option<u32> {
    day.slept_s.filter(|seconds| *seconds <= LONGEST_DAY_S)
}

/// The night's efficiency, percent.
pub(super) fn efficiency(day: &HealthDay) -> Option<f64> {
    within(day.night?.efficiency, PERCENT)
}

/// The night's heart-rate variability, milliseconds RMSSD.
pub(super) fn hrv_ms(day: &HealthDay) -> Option<f64> {
    within(day.night?.hrv_ms, HRV_MS)
}

/// The day's stress share, percent.
pub(super) fn stress_share(day: &HealthDay) -> Option<f64> {
    let possible = |stress: &Stress| stress.high_s.saturating_add(stress.recovery_s) <= LONGEST_DAY_S;
    day.stress.filter(possible)?.share()
}

fn within(value: Option<f64>, range: RangeInclusive<f64>) -> Option<f64> {
    value.filter(|value| range.contains(value)) // not a number is in no range
}
