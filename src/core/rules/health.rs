//! Today's body: readiness, sleep, heart-rate variability, stress.

use jiff::ZonedDateTime;

use super::Evaluation;
use super::calendar::days_ago;
use super::thresholds::HealthThresholds;
use crate::core::alert::{Monitor, Priority};
use crate::core::facts::HealthDay;
use crate::core::rules::draft::{AlertDraft, Collector, at_least, reaches, worst};
use crate::core::rules::phrases::{synced, usual, usual_range};
use crate::core::rules::plausible;
use crate::core::stats::mean;
use crate::core::text::{hours, number};

/// What the health rules judge.
#[derive(Debug, Clone, Copy)]
pub struct HealthFacts<'a> {
    /// `oura_cache` or `oura_api`.
    pub source: &'a str,
    /// The local date's day; a day of another date is not judged.
    pub today: Option<&'a HealthDay>,
    /// The days before today, by date ascending, with gaps.
    pub history: &'a [HealthDay],
    /// Whether the wearer asked Oura for rest today: then nothing is judged.
    pub resting: bool,
}

/// The health alerts of `now`, whose zone is the person's.
#[must_use]
pub fn judge(facts: &HealthFacts<'_>, limits: &HealthThresholds, now: &ZonedDateTime) -> Evaluation {
    let mut found = Collector::new(Monitor::Health, now);
    if let Some(today) = facts.today.filter(|day| day.date == now.date() && !facts.resting) {
        let body = Body { source: facts.source, today, history: facts.history, limits, now };
        found.verdict("health:readiness_low", body.readiness_low());
        found.verdict("health:sleep_short", body.sleep_short());
        found.verdict("health:sleep_quality_low", body.sleep_quality_low());
        found.verdict("health:hrv_low", body.hrv_low());
        found.verdict("health:stress_high", body.stress_high());
    }
    found.finish()
}

fn show_whole(value: f64) -> String {
    format!("{value:.0}")
}

fn in_hours(seconds: u32) -> f64 {
    f64::from(seconds) / 3600.0
}

fn show_hours(value: f64) -> String {
    hours((value * 3600.0).round() as u32)
}

/// Each rule answers None if today's value is unknown, and `Some(None)` if it is all right.
struct Body<'a> {
    source: &'a str,
    today: &'a HealthDay,
    history: &'a [HealthDay],
    limits: &'a HealthThresholds,
    now: &'a ZonedDateTime,
}

impl Body<'_> {
    fn readiness_low(&self) -> Option<Option<AlertDraft>> {
        let score = plausible::readiness(self.today)?;
        let levels = [
            (Priority::Medium, self.limits.readiness_medium),
            (Priority::High, self.limits.readiness_high),
            (Priority::Critical, self.limits.readiness_critical),
        ];
        let range = self.usual(plausible::readiness);
        Some(worst(&levels, |limit| score < limit).map(|(priority, limit)| {
            let title = format!("Readiness is low: {}", number(score));
            let message = format!("Readiness {}{}", number(score), usual(range, show_whole));
            self.finding(priority, &title, &message, range).fact("readiness", score).fact("limit", limit)
        }))
    }

    fn sleep_short(&self) -> Option<Option<AlertDraft>> {
        let slept_s = plausible::slept_s(self.today)?;
        let slept_h = in_hours(slept_s);
        let levels =
            [(Priority::Medium, self.limits.sleep_hours_medium), (Priority::High, self.limits.sleep_hours_high)];
        let range = self.usual(|day| plausible::slept_s(day).map(in_hours));
        Some(worst(&levels, |limit| slept_h < limit).map(|(priority, limit)| {
            let slept = format!("Slept {}", hours(slept_s));
            let message = format!("{slept}{}", usual(range, show_hours));
            self.finding(priority, &slept, &message, range).fact("hours_slept", slept_h).fact("limit", limit)
        }))
    }

    fn sleep_quality_low(&self) -> Option<Option<AlertDraft>> {
        let efficiency = plausible::efficiency(self.today)?;
        let range = self.usual(plausible::efficiency);
        let limit = self.limits.sleep_efficiency;
        Some((efficiency < limit).then(|| {
            let title = format!("Restless night: {} % asleep", number(efficiency));
            let message = format!("Asleep {} % of the time in bed{}", number(efficiency), usual(range, show_whole));
            self.finding(Priority::Medium, &title, &message, range).fact("efficiency", efficiency).fact("limit", limit)
        }))
    }

    fn hrv_low(&self) -> Option<Option<AlertDraft>> {
        let hrv_ms = plausible::hrv_ms(self.today)?;
        let nights = baseline_hrv(self.history, self.limits, self.now);
        let baseline = mean(&nights).filter(|_| at_least(nights.len(), self.limits.hrv_baseline_min_nights))?;
        let drop = 100.0 * (baseline - hrv_ms) / baseline;
        let levels = [(Priority::Medium, self.limits.hrv_drop_medium), (Priority::High, self.limits.hrv_drop_high)];
        let range = usual_range(&nights);
        Some(worst(&levels, |limit| reaches(drop, limit)).map(|(priority, limit)| {
            let title = format!("HRV is {drop:.0} % under your mean");
            let message = format!(
                "HRV {} ms, {drop:.0} % under your {}-day mean of {}{}",
                number(hrv_ms),
                self.limits.hrv_baseline_days,
                number(baseline),
                usual(range, show_whole),
            );
            self.finding(priority, &title, &message, range)
                .fact("hrv_ms", hrv_ms)
                .fact("mean_ms", baseline)
                .fact("nights", nights.len())
                .fact("drop_percent", drop)
                .fact("limit", limit)
        }))
    }

    fn stress_high(&self) -> Option<Option<AlertDraft>> {
        let share = plausible::stress_share(self.today)?;
        let levels = [(Priority::Medium, self.limits.stress_medium), (Priority::High, self.limits.stress_high)];
        let range = self.usual(plausible::stress_share);
        Some(worst(&levels, |limit| reaches(share, limit)).map(|(priority, limit)| {
            let title = format!("Stress is high: {share:.0} % against recovery");
            let message = format!("Stress {share:.0} % against recovery so far today{}", usual(range, show_whole));
            self.finding(priority, &title, &message, range).fact("stress_share", share).fact("limit", limit)
        }))
    }

    fn usual(&self, value: impl Fn(&HealthDay) -> Option<f64>) -> Option<(f64, f64)> {
        usual_range(&self.history.iter().filter_map(value).collect::<Vec<_>>())
    }

    fn finding(&self, priority: Priority, title: &str, message: &str, range: Option<(f64, f64)>) -> AlertDraft {
        let message = format!("{message}. {}", synced(self.source, self.today.as_of, self.now));
        let finding = AlertDraft::new(priority, title, message).read_from(self.source, self.today.as_of);
        match range {
            Some((low, high)) => finding.fact("usual_low", low).fact("usual_high", high),
            None => finding,
        }
    }
}

/// Every night with a value among the days of the baseline, which end yesterday.
pub(super) fn baseline_hrv<'a>(
    days: impl IntoIterator<Item = &'a HealthDay>,
    limits: &HealthThresholds,
    now: &ZonedDateTime,
) -> Vec<f64> {
    let in_baseline = |day: &&HealthDay| {
        let age = days_ago(day.date, now);
        age > 0 && age.unsigned_abs() <= limits.hrv_baseline_days
    };
    days.into_iter().filter(in_baseline).filter_map(plausible::hrv_ms).collect()
}
