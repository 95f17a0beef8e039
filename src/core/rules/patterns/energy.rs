//! Energy: a readiness that declines from week to week, and short nights in a row.

use std::ops::RangeInclusive;

use jiff::{Timestamp, ZonedDateTime};

use super::PatternFacts;
use crate::core::alert::Priority;
use crate::core::facts::HealthDay;
use crate::core::rules::calendar::days_ago;
use crate::core::rules::draft::{AlertDraft, Collector, RuleResult, at_least, reaches};
use crate::core::rules::phrases::{synced, usual, usual_range};
use crate::core::rules::plausible;
use crate::core::rules::thresholds::PatternThresholds;
use crate::core::stats::mean;
use crate::core::text::{hours_minutes, number};

const SOURCE: &str = "oura";

pub(super) fn evaluate(
    collector: &mut Collector,
    facts: &PatternFacts<'_>,
    limits: &PatternThresholds,
    now: &ZonedDateTime,
) {
    collector.add_result("pattern:energy_decline", energy_decline(facts.days, limits, now));
    collector.add_result("pattern:sleep_debt", sleep_debt(facts.days, limits, now));
}

/// Mean readiness of days 0–6 against days 7–13.
fn energy_decline(days: &[HealthDay], limits: &PatternThresholds, now: &ZonedDateTime) -> RuleResult {
    let week = |ages: RangeInclusive<i32>| -> Option<(f64, usize)> {
        let days = days.iter().filter(|day| ages.contains(&days_ago(day.date, now)));
        let scores: Vec<f64> = days.filter_map(plausible::readiness).collect();
        at_least(scores.len(), limits.energy_min_days).then_some((mean(&scores)?, scores.len()))
    };
    let (last, last_days) = week(0..=6)?;
    let (before, before_days) = week(7..=13).filter(|(before, _)| *before > 0.0)?;
    let drop = 100.0 * (before - last) / before;
    Some(reaches(drop, limits.energy_decline_percent).then(|| {
        let as_of = latest(days);
        let message = format!(
            "Mean readiness {} over 7 days, {drop:.0} % under the {} of the 7 days before ({last_days} and {before_days} \
             days with a score). {}",
            number(last),
            number(before),
            synced(SOURCE, as_of, now),
        );
        AlertDraft::new(Priority::High, &format!("Energy is down {drop:.0} % from the week before"), message)
            .source(SOURCE, as_of)
            .fact("mean_readiness", last)
            .fact("mean_readiness_before", before)
            .fact("drop_percent", drop)
            .fact("limit", limits.energy_decline_percent)
    }))
}

fn sleep_debt(days: &[HealthDay], limits: &PatternThresholds, now: &ZonedDateTime) -> RuleResult {
    let nights = i32::try_from(limits.sleep_debt_nights).ok()?;
    let slept_on = |age: i32| days.iter().find(|day| days_ago(day.date, now) == age).and_then(plausible::slept_s);
    let slept: Vec<u32> = (0..nights).rev().map(slept_on).collect::<Option<_>>()?;
    let is_short = |slept_s: &u32| f64::from(*slept_s) / 3600.0 < limits.sleep_debt_hours;
    Some(slept.iter().all(is_short).then(|| {
        let as_of = latest(days);
        let earlier = days.iter().filter(|day| days_ago(day.date, now) >= nights);
        let range = usual_range(&earlier.filter_map(plausible::slept_s).map(f64::from).collect::<Vec<_>>());
        let list = slept.iter().map(|slept_s| hours_minutes(*slept_s)).collect::<Vec<_>>().join(", ");
        let limit = number(limits.sleep_debt_hours);
        let message = format!(
            "Slept {list} in the last {nights} nights, each under {limit} h{}. {}",
            usual(range, |seconds| hours_minutes(seconds as u32)),
            synced(SOURCE, as_of, now),
        );
        AlertDraft::new(Priority::High, &format!("{nights} nights running under {limit} h"), message)
            .source(SOURCE, as_of)
            .fact("slept_s", slept)
            .fact("limit", limits.sleep_debt_hours)
    }))
}

fn latest(days: &[HealthDay]) -> Option<Timestamp> {
    days.iter().filter_map(|day| day.as_of).max()
}
