//! The numbers of a day that are worth a chart, and what is usual for each, exactly as the rules judge them.

use jiff::civil::Date;
use jiff::{ToSpan, ZonedDateTime};

use super::health::baseline_hrv;
use super::thresholds::HealthThresholds;
use crate::core::facts::HealthDay;
use crate::core::rules::phrases::usual_range;
use crate::core::rules::plausible;
use crate::core::stats::mean;

/// One number a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Oura's readiness score, 0–100.
    Readiness,
    /// Hours slept in the day, naps included.
    HoursSlept,
    /// The night's heart-rate variability, milliseconds RMSSD.
    Hrv,
    /// High stress against recovery, percent.
    StressShare,
}

/// What is usual for one measure, for the person and the day.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Baseline {
    /// The middle half of the days before, if there are enough of them.
    pub range: Option<(f64, f64)>,
    /// The own mean that the value is held against, where it is judged by one.
    pub mean: Option<f64>,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Readiness, Self::HoursSlept, Self::Hrv, Self::StressShare];

    /// Its value on a day; none if it is unknown, or cannot be true.
    #[must_use]
    pub fn of(self, day: &HealthDay) -> Option<f64> {
        match self {
            Self::Readiness => plausible::readiness(day),
            Self::HoursSlept => plausible::slept_s(day).map(|seconds| f64::from(seconds) / 3600.0),
            Self::Hrv => plausible::hrv_ms(day),
            Self::StressShare => plausible::stress_share(day),
        }
    }

    /// The rules that judge it.
    #[must_use]
    pub const fn rules(self) -> &'static [&'static str] {
        match self {
            Self::Readiness => &["health:readiness_low"],
            Self::HoursSlept => &["health:sleep_short", "health:sleep_quality_low"],
            Self::Hrv => &["health:hrv_low"],
            Self::StressShare => &["health:stress_high"],
        }
    }

    /// What is usual at `now`, from the days before its date that the rules look back on.
    #[must_use]
    pub fn usual(self, days: &[HealthDay], limits: &HealthThresholds, now: &ZonedDateTime) -> Baseline {
        let (first, today) = (limits.first_day_of_history(now.date()), now.date());
        let before = days.iter().filter(|day| (first..today).contains(&day.date));
        match self {
            Self::Hrv => {
                let nights = baseline_hrv(before, limits, now);
                let enough = nights.len() >= limits.hrv_baseline_min_nights as usize;
                Baseline { range: usual_range(&nights), mean: mean(&nights).filter(|_| enough) }
            }
            _ => {
                Baseline { range: usual_range(&before.filter_map(|day| self.of(day)).collect::<Vec<_>>()), mean: None }
            }
        }
    }
}

impl HealthThresholds {
    /// The rules look back from `today` to this day: two months, or further if the own mean needs it.
    #[must_use]
    pub fn first_day_of_history(&self, today: Date) -> Date {
        today.saturating_sub(i64::from(self.hrv_baseline_days.max(60)).days())
    }
}
