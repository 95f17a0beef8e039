//! Every health rule at, just under and just over every limit.

use jiff::civil::Date;
use operator::core::alert::Priority::{self, Critical, High, Medium};
use operator::core::facts::{HealthDay, Stress};
use operator::core::rules::Evaluation;
use operator::core::rules::health::{HealthFacts, evaluate};
use operator::core::rules::thresholds::HealthThresholds;
use rstest::rstest;

use crate::support::facts::{alert, at, date, days, keys, night, priority, readiness, slept};

const NOW: &str = "2026-11-20T09:05[America/Chicago]";

fn today() -> Date {
    date("2026-11-20")
}

fn judged_on(day: &HealthDay, history: &[HealthDay], limits: &HealthThresholds) -> Evaluation {
    let facts = HealthFacts { source: "oura_cache", today: Some(day), history, resting: false };
    evaluate(&facts, limits, &at(NOW))
}

/// The priority of the one rule; everything else is unknown, so nothing else may be evaluated.
fn only(rule: &str, day: &HealthDay, history: &[HealthDay], limits: &HealthThresholds) -> Option<Priority> {
    let evaluation = judged_on(day, history, limits);
    assert_eq!(evaluation.evaluated.iter().collect::<Vec<_>>(), [rule]);
    assert!(keys(&evaluation).iter().all(|key| *key == rule));
    priority(&evaluation, rule)
}

#[rstest]
#[case(100.0, None)]
#[case(65.0, None)]
#[case(64.9, Some(Medium))]
#[case(64.0, Some(Medium))]
#[case(50.0, Some(Medium))]
#[case(49.0, Some(High))]
#[case(40.0, Some(High))]
#[case(39.0, Some(Critical))]
#[case(0.0, Some(Critical))]
fn readiness_is_judged_strictly(#[case] score: f64, #[case] expected: Option<Priority>) {
    let limits = HealthThresholds::default();
    assert_eq!(only("health:readiness_low", &readiness(today(), score), &[], &limits), expected);
}

#[rstest]
#[case(80.0, None)]
#[case(79.0, Some(Medium))]
#[case(70.0, Some(Medium))]
#[case(69.0, Some(High))]
#[case(60.0, Some(High))]
#[case(59.0, Some(Critical))]
fn readiness_follows_its_limits(#[case] score: f64, #[case] expected: Option<Priority>) {
    let limits = HealthThresholds {
        readiness_medium: 80.0,
        readiness_high: 70.0,
        readiness_critical: 60.0,
        ..HealthThresholds::default()
    };
    assert_eq!(only("health:readiness_low", &readiness(today(), score), &[], &limits), expected);
}

#[rstest]
#[case(6.0, 5.0, 21_600, None)]
#[case(6.0, 5.0, 21_599, Some(Medium))]
#[case(6.0, 5.0, 18_000, Some(Medium))]
#[case(6.0, 5.0, 17_999, Some(High))]
#[case(7.5, 6.5, 27_000, None)]
#[case(7.5, 6.5, 26_999, Some(Medium))]
#[case(7.5, 6.5, 23_400, Some(Medium))]
#[case(7.5, 6.5, 23_399, Some(High))]
fn short_sleep_is_judged_strictly(
    #[case] medium: f64,
    #[case] high: f64,
    #[case] slept_s: u32,
    #[case] expected: Option<Priority>,
) {
    let limits = HealthThresholds { sleep_hours_medium: medium, sleep_hours_high: high, ..HealthThresholds::default() };
    assert_eq!(only("health:sleep_short", &slept(today(), slept_s), &[], &limits), expected);
}

#[rstest]
#[case(75.0, 75.0, None)]
#[case(75.0, 74.9, Some(Medium))]
#[case(75.0, 0.0, Some(Medium))]
#[case(85.0, 85.0, None)]
#[case(85.0, 84.0, Some(Medium))]
fn efficiency_is_judged_strictly(#[case] limit: f64, #[case] efficiency: f64, #[case] expected: Option<Priority>) {
    let limits = HealthThresholds { sleep_efficiency: limit, ..HealthThresholds::default() };
    assert_eq!(only("health:sleep_quality_low", &night(today(), efficiency, None), &[], &limits), expected);
}

#[rstest]
#[case(15.0, 25.0, 40.0, None)]
#[case(15.0, 25.0, 34.1, None)]
#[case(15.0, 25.0, 34.0, Some(Medium))]
#[case(15.0, 25.0, 30.1, Some(Medium))]
#[case(15.0, 25.0, 30.0, Some(High))]
#[case(15.0, 25.0, 20.0, Some(High))]
#[case(10.0, 20.0, 36.1, None)]
#[case(10.0, 20.0, 36.0, Some(Medium))]
#[case(10.0, 20.0, 32.0, Some(High))]
fn hrv_is_judged_against_the_own_mean(
    #[case] medium: f64,
    #[case] high: f64,
    #[case] hrv_ms: f64,
    #[case] expected: Option<Priority>,
) {
    let limits = HealthThresholds { hrv_drop_medium: medium, hrv_drop_high: high, ..HealthThresholds::default() };
    let history = days(today(), 1, &[38.0, 42.0, 40.0, 39.0, 41.0, 36.0, 44.0], |date, hrv| night(date, None, hrv));
    assert_eq!(only("health:hrv_low", &night(today(), None, hrv_ms), &history, &limits), expected);
}

#[rstest]
#[case::enough(7, 1, 30, true)]
#[case::one_missing(6, 1, 30, false)]
#[case::the_oldest_is_the_last_in_the_window(7, 24, 30, true)]
#[case::the_oldest_is_out(7, 25, 30, false)]
#[case::a_shorter_window(7, 1, 6, false)]
#[case::a_shorter_window_just_enough(7, 1, 7, true)]
fn hrv_mean_needs_enough_nights(
    #[case] nights: usize,
    #[case] latest_days_ago: i32,
    #[case] baseline_days: u32,
    #[case] evaluated: bool,
) {
    let history = days(today(), latest_days_ago, &vec![40.0; nights], |date, hrv| night(date, None, hrv));
    let limits = HealthThresholds { hrv_baseline_days: baseline_days, ..HealthThresholds::default() };
    let evaluation = judged_on(&night(today(), None, 20.0), &history, &limits);
    assert_eq!(evaluation.evaluated.contains("health:hrv_low"), evaluated);
    assert_eq!(!evaluation.alerts.is_empty(), evaluated);
}

#[test]
fn mean_excludes_empty_nights_and_today() {
    let mut history = days(today(), 1, &[40.0; 6], |date, hrv| night(date, None, hrv));
    history.push(night(today(), None, 40.0));
    history.insert(0, night(date("2026-11-10"), 90.0, None));
    let evaluation = judged_on(&night(today(), None, 20.0), &history, &HealthThresholds::default());
    assert!(!evaluation.evaluated.contains("health:hrv_low"));
}

fn stress(high_s: u32, recovery_s: u32) -> HealthDay {
    HealthDay { stress: Some(Stress { high_s, recovery_s }), ..HealthDay::unknown(today()) }
}

#[rstest]
#[case(75.0, 85.0, 7490, 2510, None)]
#[case(75.0, 85.0, 7500, 2500, Some(Medium))]
#[case(75.0, 85.0, 8499, 1501, Some(Medium))]
#[case(75.0, 85.0, 8500, 1500, Some(High))]
#[case(75.0, 85.0, 10_000, 0, Some(High))]
#[case(50.0, 60.0, 4999, 5001, None)]
#[case(50.0, 60.0, 5000, 5000, Some(Medium))]
#[case(50.0, 60.0, 6000, 4000, Some(High))]
fn stress_is_judged_by_its_share(
    #[case] medium: f64,
    #[case] high: f64,
    #[case] high_s: u32,
    #[case] recovery_s: u32,
    #[case] expected: Option<Priority>,
) {
    let limits = HealthThresholds { stress_medium: medium, stress_high: high, ..HealthThresholds::default() };
    assert_eq!(only("health:stress_high", &stress(high_s, recovery_s), &[], &limits), expected);
}

#[test]
fn stress_needs_two_measured_hours() {
    assert!(judged_on(&stress(7199, 0), &[], &HealthThresholds::default()).evaluated.is_empty());
    assert_eq!(keys(&judged_on(&stress(7200, 0), &[], &HealthThresholds::default())), ["health:stress_high"]);
}

#[rstest]
#[case::nothing(HealthDay::unknown(today()))]
#[case::null_night(night(today(), None, None))]
#[case::nan_score(readiness(today(), f64::NAN))]
#[case::infinite_score(readiness(today(), f64::NEG_INFINITY))]
#[case::negative_score(readiness(today(), -1.0))]
#[case::score_over_100(readiness(today(), 101.0))]
#[case::more_than_a_day(slept(today(), 90_001))]
#[case::impossible_efficiency(night(today(), -0.1, None))]
#[case::impossible_hrv(night(today(), None, 0.0))]
#[case::impossible_stress(stress(u32::MAX, 0))]
#[case::yesterday(readiness(date("2026-11-19"), 30.0))]
#[case::tomorrow(readiness(date("2026-11-21"), 30.0))]
fn unknown_is_not_zero(#[case] day: HealthDay) {
    let history = days(today(), 1, &[40.0; 10], |date, hrv| night(date, None, hrv));
    assert_eq!(judged_on(&day, &history, &HealthThresholds::default()), Evaluation::default());
}

#[test]
fn no_document_for_today_is_not_judged() {
    let facts = HealthFacts {
        source: "oura_api",
        today: None,
        history: &[readiness(date("2026-11-19"), 20.0)],
        resting: false,
    };
    assert_eq!(evaluate(&facts, &HealthThresholds::default(), &at(NOW)), Evaluation::default());
}

#[test]
fn rest_mode_is_silent() {
    let day = readiness(today(), 20.0);
    let facts = HealthFacts { source: "oura_api", today: Some(&day), history: &[], resting: true };
    assert_eq!(evaluate(&facts, &HealthThresholds::default(), &at(NOW)), Evaluation::default());
}

#[rstest]
#[case("2026-11-20T09:05[America/Chicago]", "2026-11-20", true)]
#[case("2026-11-20T09:05[America/Chicago]", "2026-11-21", false)]
#[case("2026-11-21T05:05[Pacific/Kiritimati]", "2026-11-21", true)]
#[case("2026-11-21T05:05[Pacific/Kiritimati]", "2026-11-20", false)]
#[case("2026-11-20T20:35[Asia/Kolkata]", "2026-11-20", true)]
fn today_is_the_date_of_the_user(#[case] now: &str, #[case] day: &str, #[case] evaluated: bool) {
    let day = readiness(date(day), 30.0);
    let facts = HealthFacts { source: "oura_cache", today: Some(&day), history: &[], resting: false };
    assert_eq!(!evaluate(&facts, &HealthThresholds::default(), &at(now)).alerts.is_empty(), evaluated);
}

#[test]
fn message_has_number_range_and_age() {
    let scores = [71.0, 71.0, 80.0, 84.0, 84.0, 60.0, 90.0];
    let history = days(today(), 1, &scores, readiness);
    let now = at(NOW);
    let synced = now.timestamp() - jiff::SignedDuration::from_mins(130);
    let day = HealthDay { as_of: Some(synced), ..readiness(today(), 48.0) };
    let evaluation = judged_on(&day, &history, &HealthThresholds::default());
    let alert = alert(&evaluation, "health:readiness_low").unwrap();
    assert_eq!(alert.title, "Readiness is low: 48");
    assert_eq!(alert.message, "Readiness 48 – your usual is 71–84. Oura, synced 2 h ago.");
    assert_eq!(alert.facts["readiness"], 48.0);
    assert_eq!(alert.facts["limit"], 50.0);
    assert_eq!((&alert.facts["usual_low"], &alert.facts["usual_high"]), (&71.0.into(), &84.0.into()));
    assert_eq!(alert.facts["source"], "oura_cache");
    assert_eq!(alert.facts["as_of"], synced.to_string());
    assert_eq!((alert.at, alert.occasion.as_deref()), (now.timestamp(), None));
}

#[test]
fn usual_range_needs_seven_days() {
    let history = days(today(), 1, &[80.0; 6], readiness);
    let evaluation = judged_on(&readiness(today(), 48.0), &history, &HealthThresholds::default());
    assert_eq!(evaluation.alerts[0].message, "Readiness 48. Oura.");
}

#[rstest]
#[case::sleep(slept(today(), 20_400), "Slept 5 h 40", "Slept 5 h 40 – your usual is 7 h 30–7 h 30. Oura.")]
#[case::efficiency(
    night(today(), 71.4, None),
    "Restless night: 71.4 % asleep",
    "Asleep 71.4 % of the time in bed – your usual is 90–90. Oura."
)]
#[case::hrv(
    night(today(), None, 30.0),
    "HRV is 25 % under your mean",
    "HRV 30 ms, 25 % under your 30-day mean of 40 – your usual is 40–40. Oura."
)]
#[case::stress(
    stress(8700, 1300),
    "Stress is high: 87 % against recovery",
    "Stress 87 % against recovery so far today – your usual is 50–50. Oura."
)]
fn every_rule_says_it_in_words(#[case] day: HealthDay, #[case] title: &str, #[case] message: &str) {
    let usual = |date: Date, _: ()| HealthDay {
        slept_s: Some(27_000),
        stress: Some(Stress { high_s: 5000, recovery_s: 5000 }),
        ..night(date, 90.0, 40.0)
    };
    let evaluation = judged_on(&day, &days(today(), 1, &[(); 8], usual), &HealthThresholds::default());
    assert_eq!(evaluation.alerts.len(), 1);
    assert_eq!(evaluation.alerts[0].title, title);
    assert_eq!(evaluation.alerts[0].message, message);
}
