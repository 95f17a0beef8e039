//! The numbers that rules compare with. Every one is a key of `monitors.*.thresholds`; the defaults stand here.

use garde::Validate;
use serde::{Deserialize, Serialize};

/// Limits of the health rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct HealthThresholds {
    /// Readiness under this is medium (score 0–100).
    #[garde(range(min = 0.0, max = 100.0))]
    pub readiness_medium: f64,
    /// Readiness under this is high.
    #[garde(range(min = 0.0, max = 100.0))]
    pub readiness_high: f64,
    /// Readiness under this is critical.
    #[garde(range(min = 0.0, max = 100.0))]
    pub readiness_critical: f64,
    /// Fewer hours slept is medium.
    #[garde(range(min = 0.0, max = 24.0))]
    pub sleep_hours_medium: f64,
    /// Fewer hours slept is high.
    #[garde(range(min = 0.0, max = 24.0))]
    pub sleep_hours_high: f64,
    /// Efficiency of the night under this is medium (percent).
    #[garde(range(min = 0.0, max = 100.0))]
    pub sleep_efficiency: f64,
    /// HRV this far under the own mean, or further, is medium (percent).
    #[garde(range(min = 0.0, max = 100.0))]
    pub hrv_drop_medium: f64,
    /// HRV this far under the own mean, or further, is high (percent).
    #[garde(range(min = 0.0, max = 100.0))]
    pub hrv_drop_high: f64,
    /// Days of the own mean.
    #[garde(range(min = 1, max = 365))]
    pub hrv_baseline_days: u32,
    /// Nights that the own mean must rest on.
    #[garde(range(min = 1, max = 365))]
    pub hrv_baseline_min_nights: u32,
    /// Stress share at or over this is medium (percent).
    #[garde(range(min = 0.0, max = 100.0))]
    pub stress_medium: f64,
    /// Stress share at or over this is high (percent).
    #[garde(range(min = 0.0, max = 100.0))]
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

/// Limits of the task rules. Hours are of the person's local day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct TaskThresholds {
    /// Hours at which a task due today is told.
    #[garde(length(min = 1, max = 24), inner(range(min = 0, max = 23)))]
    pub due_today_hours: Vec<u8>,
    /// Hour at which a task due tomorrow is told.
    #[garde(range(min = 0, max = 23))]
    pub due_tomorrow_hour: u8,
    /// A promise due within so many hours is told.
    #[garde(range(min = 1, max = 720))]
    pub commitment_within_hours: u32,
    /// Hour at which a promise soon due is told.
    #[garde(range(min = 0, max = 23))]
    pub commitment_hour: u8,
    /// A broken promise is critical from so many days past due.
    #[garde(range(min = 1, max = 365))]
    pub violation_critical_days: u32,
    /// So many active tasks are a pile.
    #[garde(range(min = 1, max = 100_000))]
    pub pileup_tasks: u32,
    /// Hour at which a pile is told.
    #[garde(range(min = 0, max = 23))]
    pub pileup_hour: u8,
    /// From this hour no points at all is medium.
    #[garde(range(min = 0, max = 23))]
    pub goal_none_hour: u8,
    /// From this hour a share under `goal_half_percent` is medium.
    #[garde(range(min = 0, max = 23))]
    pub goal_half_hour: u8,
    /// Share of today's points (percent).
    #[garde(range(min = 0.0, max = 100.0))]
    pub goal_half_percent: f64,
    /// From this hour a share under `goal_late_percent` is high.
    #[garde(range(min = 0, max = 23))]
    pub goal_late_hour: u8,
    /// Share of today's points (percent).
    #[garde(range(min = 0.0, max = 100.0))]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct PatternThresholds {
    /// A task postponed so often in 7 days is procrastination.
    #[garde(range(min = 1, max = 1000))]
    pub postponed_times: u32,
    /// One unprocessed thought written down so often is procrastination.
    #[garde(range(min = 2, max = 1000))]
    pub thought_times: u32,
    /// Mean readiness of 7 days this far under that of the 7 before (percent).
    #[garde(range(min = 0.0, max = 100.0))]
    pub energy_decline_percent: f64,
    /// Days with a score that each of the two weeks must have.
    #[garde(range(min = 1, max = 7))]
    pub energy_min_days: u32,
    /// Created / completed over this in 7 days is overcommitment.
    #[garde(range(min = 0.1, max = 1000.0))]
    pub overcommitment_ratio: f64,
    /// Tasks created that the ratio must rest on.
    #[garde(range(min = 1, max = 100_000))]
    pub overcommitment_min_created: u32,
    /// Nights running.
    #[garde(range(min = 2, max = 14))]
    pub sleep_debt_nights: u32,
    /// Under so many hours each.
    #[garde(range(min = 0.0, max = 24.0))]
    pub sleep_debt_hours: f64,
    /// Worries in 7 days.
    #[garde(range(min = 1, max = 1000))]
    pub worries: u32,
    /// Clients touched in a day.
    #[garde(range(min = 2, max = 1000))]
    pub clients_in_a_day: u32,
    /// Days the focus file may stay untouched.
    #[garde(range(min = 1, max = 365))]
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
