//! Ranges of the settings that are core values: rule thresholds and the circuit breaker.

use garde::error::Path;
use garde::rules::{inner, length, range};
use garde::{Report, Validate};

use crate::core::circuit::CircuitSettings;
use crate::core::rules::thresholds::{HealthThresholds, PatternThresholds, TaskThresholds};

macro_rules! validate_ranges {
    ($settings:ty { $($field:ident: $min:literal..=$max:literal),* $(,)? } $($check:ident)?) => {
        impl Validate for $settings {
            type Context = ();

            fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
                $(if let Err(error) = range::apply(&self.$field, (Some($min), Some($max))) {
                    report.append(parent().join(stringify!($field)), error);
                })*
                $($check(self, parent, report);)?
            }
        }
    };
}

validate_ranges!(CircuitSettings {
    failure_threshold: 1..=100,
    timeout_seconds: 1..=86_400,
    max_timeout_seconds: 1..=86_400,
    half_open_attempts: 1..=100,
});

validate_ranges!(HealthThresholds {
    readiness_medium: 0.0..=100.0,
    readiness_high: 0.0..=100.0,
    readiness_critical: 0.0..=100.0,
    sleep_hours_medium: 0.0..=24.0,
    sleep_hours_high: 0.0..=24.0,
    sleep_efficiency: 0.0..=100.0,
    hrv_drop_medium: 0.0..=100.0,
    hrv_drop_high: 0.0..=100.0,
    hrv_baseline_days: 1..=365,
    hrv_baseline_min_nights: 1..=365,
    stress_medium: 0.0..=100.0,
    stress_high: 0.0..=100.0,
});

validate_ranges!(TaskThresholds {
    due_tomorrow_hour: 0..=23,
    commitment_within_hours: 1..=720,
    commitment_hour: 0..=23,
    violation_critical_days: 1..=365,
    pileup_tasks: 1..=100_000,
    pileup_hour: 0..=23,
    goal_none_hour: 0..=23,
    goal_half_hour: 0..=23,
    goal_half_percent: 0.0..=100.0,
    goal_late_hour: 0..=23,
    goal_late_percent: 0.0..=100.0,
} due_today_hours);

validate_ranges!(PatternThresholds {
    postponed_times: 1..=1000,
    thought_times: 2..=1000,
    energy_decline_percent: 0.0..=100.0,
    energy_min_days: 1..=7,
    overcommitment_ratio: 0.1..=1000.0,
    overcommitment_min_created: 1..=100_000,
    sleep_debt_nights: 2..=14,
    sleep_debt_hours: 0.0..=24.0,
    worries: 1..=1000,
    clients_in_a_day: 2..=1000,
    stale_focus_days: 1..=365,
});

fn due_today_hours(thresholds: &TaskThresholds, parent: &mut dyn FnMut() -> Path, report: &mut Report) {
    let path = parent().join("due_today_hours");
    if let Err(error) = length::simple::apply(&thresholds.due_today_hours, (1, 24)) {
        report.append(path.clone(), error);
    }
    inner::apply(&thresholds.due_today_hours, |hour: &u8, index: &usize| {
        if let Err(error) = range::apply(hour, (Some(0), Some(23))) {
            report.append(path.join(*index), error);
        }
    });
}
