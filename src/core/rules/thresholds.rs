//! The limits of the rules with their defaults. Each is a key of `monitors.*.thresholds`; the configuration validates their ranges.

use serde::{Deserialize, Serialize};

/// Limits of the health rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthThresholds {
    /// Readiness under this is medium (score 0–100).
    pub readiness_medium: f64,
    /// Readiness under this is high.
    pub readiness_high: f64,
    /// Readiness under this is critical.
    pub readiness_critical: f64,
    /// Fewer hours slept is medium.
    pub sleep_hours_medium: f64,
    /// Fewer hours slept is high.
    pub sleep_hours_high: f64,
    /// Efficiency of the night under this is medium (percent).
    pub sleep_efficiency: f64,
    /// A drop of HRV by this much under the user's mean is medium (percent).
    pub hrv_drop_medium: f64,
    /// A drop of HRV by this much under the user's mean is high (percent).
    pub hrv_drop_high: f64,
    /// Days that the HRV mean covers.
    pub hrv_baseline_days: u32,
    /// Nights with a value that the HRV mean needs.
    pub hrv_baseline_min_nights: u32,
    /// Stress share at or over this is medium (percent).
    pub stress_medium: f64,
    /// Stress share at or over this is high (percent).
    pub stress_high: f64,
}

impl Default for HealthThresholds {
    fn default() -> Self {
        Self {
            readiness_medium: 65.0,
            readiness_high: 50.0,
            readiness_critical: 40.0,
            sleep_hours_medium: 6.0,
            sleep_hours_high: 5.0,
            sleep_efficiency: 75.0,
            hrv_drop_medium: 15.0,
            hrv_drop_high: 25.0,
            hrv_baseline_days: 30,
            hrv_baseline_min_nights: 7,
            stress_medium: 75.0,
            stress_high: 85.0,
        }
    }
}

/// Limits of the task rules. Hours are local.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskThresholds {
    /// Reminder hours for tasks due today.
    pub due_today_hours: Vec<u8>,
    /// Reminder hour for tasks due tomorrow.
    pub due_tomorrow_hour: u8,
    /// A commitment due within this many hours raises an alert.
    pub commitment_within_hours: u32,
    /// Reminder hour for commitments that are due soon.
    pub commitment_hour: u8,
    /// An overdue commitment becomes critical after this many days.
    pub violation_critical_days: u32,
    /// This many active tasks raise an alert.
    pub pileup_tasks: u32,
    /// Reminder hour for too many active tasks.
    pub pileup_hour: u8,
    /// From this hour, no points at all is medium.
    pub goal_none_hour: u8,
    /// From this hour, a share under `goal_half_percent` is medium.
    pub goal_half_hour: u8,
    /// Share of today's points (percent).
    pub goal_half_percent: f64,
    /// From this hour, a share under `goal_late_percent` is high.
    pub goal_late_hour: u8,
    /// Share of today's points (percent).
    pub goal_late_percent: f64,
}

impl Default for TaskThresholds {
    fn default() -> Self {
        Self {
            due_today_hours: vec![9, 14],
            due_tomorrow_hour: 18,
            commitment_within_hours: 24,
            commitment_hour: 9,
            violation_critical_days: 2,
            pileup_tasks: 10,
            pileup_hour: 9,
            goal_none_hour: 12,
            goal_half_hour: 15,
            goal_half_percent: 50.0,
            goal_late_hour: 17,
            goal_late_percent: 75.0,
        }
    }
}

/// Limits of the pattern rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PatternThresholds {
    /// Postponements of one task in 7 days.
    pub postponed_times: u32,
    /// Repetitions of one unprocessed thought.
    pub thought_times: u32,
    /// Drop of the mean readiness of 7 days against the 7 days before (percent).
    pub energy_decline_percent: f64,
    /// Days with a score that each of the two weeks needs.
    pub energy_min_days: u32,
    /// Tasks created for each task completed in 7 days.
    pub overcommitment_ratio: f64,
    /// Tasks created in 7 days that the ratio needs.
    pub overcommitment_min_created: u32,
    /// Consecutive short nights.
    pub sleep_debt_nights: u32,
    /// A night under this many hours is short.
    pub sleep_debt_hours: f64,
    /// Worries in 7 days.
    pub worries: u32,
    /// Clients touched in a day.
    pub clients_in_a_day: u32,
    /// Days the focus file may stay untouched.
    pub stale_focus_days: u32,
}

impl Default for PatternThresholds {
    fn default() -> Self {
        Self {
            postponed_times: 3,
            thought_times: 3,
            energy_decline_percent: 20.0,
            energy_min_days: 4,
            overcommitment_ratio: 1.5,
            overcommitment_min_created: 5,
            sleep_debt_nights: 3,
            sleep_debt_hours: 7.0,
            worries: 5,
            clients_in_a_day: 5,
            stale_focus_days: 7,
        }
    }
}
