//! The daily health metrics that front ends chart, with the baselines that the rules use.

use jiff::civil::Date;
use jiff::{ToSpan, ZonedDateTime};

use super::health::baseline_hrv;
use super::phrases::usual_range;
use super::plausible;
use super::thresholds::HealthThresholds;
use crate::core::facts::HealthDay;
use crate::core::stats::mean;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Oura's readiness score, 0–100.
    Readiness,
    /// Hours slept in the day, naps included.
    HoursSlept,
    /// The night's heart-rate variability, milliseconds RMSSD.
    Hrv,
    /// High stress against recovery, percent.
    StressShare,
}

/// The user's baseline of one metric.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Baseline {
    /// The interquartile range of earlier days, if there are enough of them.
    pub range: Option<(f64, f64)>,
    /// The mean that HRV is compared with.
    pub mean: Option<f64>,
}

impl Metric {
    pub const ALL: [Self; 4] = [Self::Readiness, Self::HoursSlept, Self::Hrv, Self::StressShare];

    /// None if the value is unknown or implausible.
    pub fn value(self, day: &HealthDay) -> Option<f64> {
        match self {
            Self::Readiness => plausible::readiness(day),
            Self::HoursSlept => plausible::slept_s(day).map(|seconds| f64::from(seconds) / 3600.0),
            Self::Hrv => plausible::hrv_ms(day),
            Self::StressShare => plausible::stress_share(day),
        }
    }

    /// The rules that use this metric.
    pub const fn rules(self) -> &'static [&'static str] {
        match self {
            Self::Readiness => &["health:readiness_low"],
            Self::HoursSlept => &["health:sleep_short", "health:sleep_quality_low"],
            Self::Hrv => &["health:hrv_low"],
            Self::StressShare => &["health:stress_high"],
        }
    }

    /// The baseline at `now`, from the days before today that the rules use.
    pub fn baseline(self, days: &[HealthDay], limits: &HealthThresholds, now: &ZonedDateTime) -> Baseline {
        let (first, today) = (limits.first_day_of_history(now.date()), now.date());
        let before = days.iter().filter(|day| (first..today).contains(&day.date));
        match self {
            Self::Hrv => {
                let nights = baseline_hrv(before, limits, now);
                let enough = nights.len() >= limits.hrv_baseline_min_nights as usize;
                Baseline { range: usual_range(&nights), mean: mean(&nights).filter(|_| enough) }
            }
            _ => {
                let values: Vec<f64> = before.filter_map(|day| self.value(day)).collect();
                Baseline { range: usual_range(&values), mean: None }
            }
        }
    }
}

impl HealthThresholds {
    /// The first day that the rules use: two months ago, or earlier if the HRV baseline needs it.
    pub fn first_day_of_history(&self, today: Date) -> Date {
        today.saturating_sub(i64::from(self.hrv_baseline_days.max(60)).days())
    }
}
