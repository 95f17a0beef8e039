//! The charts: points for known days, gaps for unknown ones, a band for the baseline, marks for alerts.

use std::collections::BTreeMap;

use askama::Template;
use jiff::ToSpan;
use jiff::civil::Date;
use operator::core::alert::Priority;
use operator::core::facts::{HealthDay, Night, Stress};
use operator::core::policy::decision::{Decision, Reason};
use operator::core::rules::metric::{Baseline, Metric};
use operator::core::rules::thresholds::HealthThresholds;
use operator::http::dashboard::chart::{AlertMarks, Chart, ChartData};
use operator::store::Store;
use proptest::prelude::*;
use rstest::rstest;

use super::support::{between, calm, commit, now, part, policy_decision, real_week, render_page, values, words};
use crate::support::facts::date;

fn chart<'a>(page: &'a str, name: &str) -> &'a str {
    let end = format!("data-chart=\"{name}\"");
    between(page, &end, "</svg>")
}

/// Readiness 70 and more on each day but the third before today, and 48 today.
fn weeks(days: i64) -> Vec<HealthDay> {
    let day = |ago: i64| {
        let score = if ago == 0 { 48.0 } else { 70.0 + (ago % 10) as f64 };
        HealthDay { readiness: (ago != 3).then_some(score), ..HealthDay::unknown(now().date() - ago.days()) }
    };
    (0..days).rev().map(day).collect()
}

fn page_of_weeks(address: &str) -> String {
    let mut store = Store::in_memory().unwrap();
    let at = now().timestamp();
    let delivered = policy_decision("health:readiness_low", "Readiness is low: 48", Decision::Deliver, Reason::First);
    commit(&mut store, at, &[delivered], &weeks(100), &[]);
    render_page(&calm(), &store, address)
}

#[rstest]
#[case::default("/", 30, "2026-10-22")]
#[case::longer("/?days=90", 90, "2026-08-23")]
#[case::no_such_range("/?days=many", 30, "2026-10-22")]
fn each_known_day_is_a_point(#[case] address: &str, #[case] days: usize, #[case] first: &str) {
    let page = page_of_weeks(address);
    let readiness = chart(&page, "readiness");
    let points = readiness.split("<circle class=\"mark").next().unwrap();
    let dates = values(points, "data-date");
    assert_eq!((dates.len(), dates[0].as_str(), dates.last().unwrap().as_str()), (days - 1, first, "2026-11-20"));
    assert!(!dates.contains(&"2026-11-17".to_owned()), "no point for an unknown day");
    let points = values(points, "data-value");
    assert_eq!(&points[days - 4..], ["72", "71", "48"]);
}

#[test]
fn no_line_crosses_an_unknown_day() {
    let page = page_of_weeks("/");
    let lines = values(chart(&page, "readiness"), "d");
    assert_eq!(lines.iter().map(|line| line.matches('L').count()).collect::<Vec<_>>(), [25, 2]);
}

#[test]
fn band_is_the_usual_range_of_messages() {
    let page = page_of_weeks("/");
    let readiness = chart(&page, "readiness");
    let usual = Metric::Readiness.baseline(&weeks(100), &HealthThresholds::default(), &now()).range.unwrap();
    assert_eq!([values(readiness, "data-low"), values(readiness, "data-high")].concat(), ["72", "77"]);
    assert_eq!(usual, (72.0, 77.0));
    assert!(words(&page).contains("Readiness 48 today your usual is 72–77"), "{page}");
    let description = between(readiness, "<desc", "</desc>");
    assert!(description.ends_with("Newest: 48 today. Your usual is 72–77. 1 day with an alert."), "{description}");
}

#[test]
fn alert_is_marked_on_its_day() {
    let page = page_of_weeks("/");
    let mark = between(chart(&page, "readiness"), "<circle class=\"mark ", "</circle>");
    assert!(mark.starts_with("high\""), "{mark}");
    assert_eq!(values(mark, "data-date"), ["2026-11-20"]);
    assert!(mark.ends_with("<title>Fri 20 Nov: High alert – Readiness is low: 48</title>"), "{mark}");
    let table = between(&page, "<tbody>", "</tbody>");
    let newest = words(table.split("</tr>").next().unwrap());
    assert_eq!(newest, "Fri 20 Nov 48 unknown unknown unknown Readiness is low: 48");
}

#[test]
fn repeated_entry_marks_known_days_only() {
    let mut store = Store::in_memory().unwrap();
    let suppressed = || policy_decision("health:readiness_low", "Low", Decision::Suppress, Reason::Acknowledged);
    let at = |ago: i64| (now() - ago.days()).timestamp();
    commit(&mut store, at(4), &[suppressed()], &weeks(20), &[]);
    commit(&mut store, at(1), &[suppressed()], &[], &[]);
    let resolved = policy_decision("health:readiness_low", "Low", Decision::Resolve, Reason::Resolved);
    commit(&mut store, at(0), &[resolved], &[], &[]);
    let page = render_page(&calm(), &store, "/");
    let marks: Vec<_> = chart(&page, "readiness").split("<circle class=\"mark").skip(1).collect();
    assert_eq!(values(&marks.concat(), "data-date"), ["2026-11-16", "2026-11-18", "2026-11-19"]);
}

#[test]
fn hrv_mean_covers_the_configured_days() {
    let night = |ago: i64| HealthDay {
        night: Some(Night { asleep_s: None, efficiency: None, hrv_ms: Some(if ago > 10 { 90.0 } else { 40.0 }) }),
        ..HealthDay::unknown(now().date() - ago.days())
    };
    let mut store = Store::in_memory().unwrap();
    commit(&mut store, now().timestamp(), &[], &(0..40).rev().map(night).collect::<Vec<_>>(), &[]);
    let mut status = calm();
    let mean = |status: &_| values(chart(&render_page(status, &store, "/"), "hrv"), "data-mean");
    assert_eq!(mean(&status), ["73.33"], "ten of 30 nights at 40, twenty at 90");
    status.config["thresholds"]["health"] = serde_json::json!({"hrv_baseline_days": 10});
    assert_eq!(mean(&status), ["40"]);
}

#[test]
fn stress_of_a_short_day_is_unknown() {
    let day = |ago: i64, high_s, recovery_s| HealthDay {
        stress: Some(Stress { high_s, recovery_s }),
        ..HealthDay::unknown(now().date() - ago.days())
    };
    let mut store = Store::in_memory().unwrap();
    commit(&mut store, now().timestamp(), &[], &[day(1, 3600, 1800), day(0, 5400, 1800)], &[]);
    let page = render_page(&calm(), &store, "/");
    assert_eq!(values(chart(&page, "stress"), "data-value"), ["75"]);
    assert!(words(part(&page, "health")).contains("Readiness unknown your usual range is not known yet No known day"));
}

#[test]
fn real_week_is_charted() {
    let (_home, status, store) = real_week();
    let page = render_page(&status, &store, "/");
    let last = |name: &str| {
        let points = chart(&page, name).split("<circle class=\"mark").next().unwrap();
        values(points, "data-value").last().cloned()
    };
    assert_eq!(
        ["readiness", "hours-slept", "hrv"].map(last),
        [Some("48".into()), Some("5.2".into()), Some("33".into())]
    );
    let message = between(&page, "<bdi>Readiness 48 – ", ". Oura");
    assert!(words(part(&page, "health")).contains(message), "the chart repeats the message: {message}");
    assert!(chart(&page, "readiness").contains("class=\"mark high\""));
}

fn any_number() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        3 => Just(None),
        6 => (0.0..120.0).prop_map(Some),
        1 => prop::num::f64::ANY.prop_map(Some),
    ]
}

prop_compose! {
    fn any_day()(
        ago in -3i64..100, readiness in any_number(), hrv_ms in any_number(), efficiency in any_number(),
        slept_s in prop::option::of(any::<u32>()), stress in prop::option::of((0u32..90_000, 0u32..90_000)),
    ) -> HealthDay {
        HealthDay {
            readiness, slept_s, night: Some(Night { asleep_s: slept_s, efficiency, hrv_ms }),
            stress: stress.map(|(high_s, recovery_s)| Stress { high_s, recovery_s }),
            ..HealthDay::unknown(date("2026-11-20") - ago.days())
        }
    }
}

fn numbers(svg: &str, name: &str) -> Vec<f64> {
    values(svg, name).iter().map(|value| value.parse().unwrap()).collect()
}

fn is_well_formed(markup: &str) -> bool {
    let mut open = Vec::new();
    for tag in markup.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        match tag.strip_prefix('/') {
            Some(name) if open.pop() != Some(name) => return false,
            None if !tag.ends_with('/') => open.push(tag.split([' ', '\n']).next().unwrap()),
            _ => {}
        }
    }
    open.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_days_give_a_valid_chart(
        days in prop::collection::vec(any_day(), 0..60), marked in prop::collection::vec((-3i64..100, ".{0,20}"), 0..5),
        long in any::<bool>(),
    ) {
        let last = date("2026-11-20");
        let first = last - if long { 89.days() } else { 29.days() };
        let days: Vec<HealthDay> = days.into_iter().map(|day| (day.date, day)).collect::<BTreeMap<Date, _>>().into_values().collect();
        let marks: AlertMarks = marked.into_iter().map(|(ago, title)| (last - ago.days(), (Priority::High, title))).collect();
        for measure in Metric::ALL {
            let baseline = measure.baseline(&days, &HealthThresholds::default(), &now());
            let svg = Chart::new(&ChartData { measure, days: &days, baseline, marks: &marks, first, last }).render().unwrap();
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            prop_assert!(is_well_formed(&svg), "{svg}");
            let known = days.iter().filter(|day| (first..=last).contains(&day.date) && measure.value(day).is_some()).count();
            prop_assert_eq!(svg.matches("<circle class=\"point\"").count(), known);
            prop_assert!(numbers(&svg, "cx").iter().all(|x| (32.0..=350.0).contains(x)), "{}", svg);
            prop_assert!(numbers(&svg, "cy").iter().all(|y| (12.0..=126.0).contains(y)), "{}", svg);
        }
    }
}

#[test]
fn chart_without_days_says_so() {
    let (first, last) = (date("2026-10-22"), date("2026-11-20"));
    let (baseline, marks) = (Baseline::default(), AlertMarks::new());
    let data = ChartData { measure: Metric::Hrv, days: &[], baseline, marks: &marks, first, last };
    let svg = Chart::new(&data).render().unwrap();
    assert!(svg.contains("No known day from Thu 22 Oct to Fri 20 Nov.") && !svg.contains("<svg"), "{svg}");
}
