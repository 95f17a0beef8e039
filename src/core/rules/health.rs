//! The health rules: today's readiness, sleep, heart-rate variability and stress.

use jiff::ZonedDateTime;

use super::calendar::days_ago;
use super::draft::{AlertDraft, Collector, RuleResult, at_least, highest_level, reaches};
use super::phrases::{synced, usual, usual_range};
use super::thresholds::HealthThresholds;
use super::{Evaluation, plausible};
use crate::core::alert::{Monitor, Priority};
use crate::core::facts::HealthDay;
use crate::core::stats::mean;
use crate::core::text::{hours_minutes, number};

#[derive(Debug, Clone, Copy)]
pub struct HealthFacts<'a> {
    /// `oura_cache` or `oura_api`.
    pub source: &'a str,
    /// Not evaluated unless its date is today.
    pub today: Option<&'a HealthDay>,
    /// The days before today, by date ascending, with gaps.
    pub history: &'a [HealthDay],
    /// Whether Oura's rest mode is on: no rule runs then.
    pub resting: bool,
}

/// `now` carries the user's zone.
pub fn evaluate(facts: &HealthFacts<'_>, limits: &HealthThresholds, now: &ZonedDateTime) -> Evaluation {
    let mut collector = Collector::new(Monitor::Health, now);
    if let Some(today) = facts.today.filter(|day| day.date == now.date() && !facts.resting) {
        let rules = HealthRules { source: facts.source, today, history: facts.history, limits, now };
        collector.add_result("health:readiness_low", rules.readiness_low());
        collector.add_result("health:sleep_short", rules.sleep_short());
        collector.add_result("health:sleep_quality_low", rules.sleep_quality_low());
        collector.add_result("health:hrv_low", rules.hrv_low());
        collector.add_result("health:stress_high", rules.stress_high());
    }
    collector.finish()
}

fn in_hours(seconds: u32) -> f64 {
    f64::from(seconds) / 3600.0
}

fn show_whole(value: f64) -> String {
    format!("{value:.0}")
}

fn show_hours(value: f64) -> String {
    hours_minutes((value * 3600.0).round() as u32)
}

struct HealthRules<'a> {
    source: &'a str,
    today: &'a HealthDay,
    history: &'a [HealthDay],
    limits: &'a HealthThresholds,
    now: &'a ZonedDateTime,
}

impl HealthRules<'_> {
    fn readiness_low(&self) -> RuleResult {
        let score = plausible::readiness(self.today)?;
        let levels = [
            (Priority::Medium, self.limits.readiness_medium),
            (Priority::High, self.limits.readiness_high),
            (Priority::Critical, self.limits.readiness_critical),
        ];
        let range = self.usual_range(plausible::readiness);
        Some(highest_level(&levels, |limit| score < limit).map(|(priority, limit)| {
            let title = format!("Readiness is low: {}", number(score));
            let message = format!("Readiness {}{}", number(score), usual(range, show_whole));
            self.draft(priority, &title, &message, range).fact("readiness", score).fact("limit", limit)
        }))
    }

    fn sleep_short(&self) -> RuleResult {
        let slept_s = plausible::slept_s(self.today)?;
        let slept_h = in_hours(slept_s);
        let levels =
            [(Priority::Medium, self.limits.sleep_hours_medium), (Priority::High, self.limits.sleep_hours_high)];
        let range = self.usual_range(|day| plausible::slept_s(day).map(in_hours));
        Some(highest_level(&levels, |limit| slept_h < limit).map(|(priority, limit)| {
            let slept = format!("Slept {}", hours_minutes(slept_s));
            let message = format!("{slept}{}", usual(range, show_hours));
            self.draft(priority, &slept, &message, range).fact("hours_slept", slept_h).fact("limit", limit)
        }))
    }

    fn sleep_quality_low(&self) -> RuleResult {
        let efficiency = plausible::efficiency(self.today)?;
        let range = self.usual_range(plausible::efficiency);
        let limit = self.limits.sleep_efficiency;
        Some((efficiency < limit).then(|| {
            let title = format!("Restless night: {} % asleep", number(efficiency));
            let message = format!("Asleep {} % of the time in bed{}", number(efficiency), usual(range, show_whole));
            self.draft(Priority::Medium, &title, &message, range).fact("efficiency", efficiency).fact("limit", limit)
        }))
    }

    fn hrv_low(&self) -> RuleResult {
        let hrv_ms = plausible::hrv_ms(self.today)?;
        let nights = baseline_hrv(self.history, self.limits, self.now);
        let baseline = mean(&nights).filter(|_| at_least(nights.len(), self.limits.hrv_baseline_min_nights))?;
        let drop = 100.0 * (baseline - hrv_ms) / baseline;
        let levels = [(Priority::Medium, self.limits.hrv_drop_medium), (Priority::High, self.limits.hrv_drop_high)];
        let range = usual_range(&nights);
        Some(highest_level(&levels, |limit| reaches(drop, limit)).map(|(priority, limit)| {
            let title = format!("HRV is {drop:.0} % under your mean");
            let message = format!(
                "HRV {} ms, {drop:.0} % under your {}-day mean of {}{}",
                number(hrv_ms),
                self.limits.hrv_baseline_days,
                number(baseline),
                usual(range, show_whole),
            );
            self.draft(priority, &title, &message, range)
                .fact("hrv_ms", hrv_ms)
                .fact("mean_ms", baseline)
                .fact("nights", nights.len())
                .fact("drop_percent", drop)
                .fact("limit", limit)
        }))
    }

    fn stress_high(&self) -> RuleResult {
        let share = plausible::stress_share(self.today)?;
        let levels = [(Priority::Medium, self.limits.stress_medium), (Priority::High, self.limits.stress_high)];
        let range = self.usual_range(plausible::stress_share);
        Some(highest_level(&levels, |limit| reaches(share, limit)).map(|(priority, limit)| {
            let title = format!("Stress is high: {share:.0} % against recovery");
            let message = format!("Stress {share:.0} % against recovery so far today{}", usual(range, show_whole));
            self.draft(priority, &title, &message, range).fact("stress_share", share).fact("limit", limit)
        }))
    }

    fn usual_range(&self, value: impl Fn(&HealthDay) -> Option<f64>) -> Option<(f64, f64)> {
        usual_range(&self.history.iter().filter_map(value).collect::<Vec<_>>())
    }

    fn draft(&self, priority: Priority, title: &str, message: &str, range: Option<(f64, f64)>) -> AlertDraft {
        let message = format!("{message}. {}", synced(self.source, self.today.as_of, self.now));
        let draft = AlertDraft::new(priority, title, message).source(self.source, self.today.as_of);
        match range {
            Some((low, high)) => draft.fact("usual_low", low).fact("usual_high", high),
            None => draft,
        }
    }
}

/// The HRV of every night in the `hrv_baseline_days` days before today.
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
