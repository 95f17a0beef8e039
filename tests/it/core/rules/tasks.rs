//! Every task rule at, just under and just over every limit; deadlines over zones and clock changes.

use operator::core::alert::Priority::{self, Critical, High, Low, Medium};
use operator::core::facts::{Commitment, Goal, Task, TaskReading, TaskStatus};
use operator::core::rules::Evaluation;
use operator::core::rules::tasks::{TaskFacts, evaluate};
use operator::core::rules::thresholds::TaskThresholds;
use operator::core::tasks::TaskIdentities;
use rstest::rstest;

use crate::support::facts::{alert, at, commitment, date, due, keys, priority, state_store, task, task_due, workos};

fn judged(readings: &[TaskReading], limits: &TaskThresholds, now: &str) -> Evaluation {
    evaluate(
        &TaskFacts { readings, identities: &TaskIdentities::default(), complete: true, free_time: None },
        limits,
        &at(now),
    )
}

fn with_task(task: Task, limits: &TaskThresholds, now: &str) -> Evaluation {
    judged(&[state_store(at(now).timestamp(), vec![task])], limits, now)
}

fn with_commitment(commitment: Commitment, limits: &TaskThresholds, now: &str) -> Evaluation {
    let reading = TaskReading { commitments: Some(vec![commitment]), ..state_store(at(now).timestamp(), vec![]) };
    judged(&[reading], limits, now)
}

const OVERDUE: &str = "task:deadline_overdue:7";
const TODAY: &str = "task:deadline_today:7";
const TOMORROW: &str = "task:deadline_tomorrow:7";
const SOON: &str = "task:commitment_due:7";
const BROKEN: &str = "task:commitment_violation:7";

#[rstest]
#[case::day_over("2026-11-19", "2026-11-20T00:00[America/Chicago]", &[OVERDUE])]
#[case::last_second("2026-11-19", "2026-11-19T23:59:59[America/Chicago]", &[TODAY])]
#[case::today_before_the_first_slot("2026-11-20", "2026-11-20T08:59[America/Chicago]", &[])]
#[case::today_at_the_first_slot("2026-11-20", "2026-11-20T09:00[America/Chicago]", &[TODAY])]
#[case::tomorrow_before_its_slot("2026-11-21", "2026-11-20T17:59[America/Chicago]", &[])]
#[case::tomorrow_at_its_slot("2026-11-21", "2026-11-20T18:00[America/Chicago]", &[TOMORROW])]
#[case::the_day_after("2026-11-22", "2026-11-20T18:00[America/Chicago]", &[])]
#[case::timed_a_minute_before("2026-11-20T14:30", "2026-11-20T14:29:59[America/Chicago]", &[TODAY])]
#[case::timed_at_its_minute("2026-11-20T14:30", "2026-11-20T14:30[America/Chicago]", &[OVERDUE])]
#[case::timed_at_night("2026-11-20T07:30", "2026-11-20T08:00[America/Chicago]", &[OVERDUE])]
#[case::timed_tomorrow("2026-11-21T00:00", "2026-11-20T18:00[America/Chicago]", &[TOMORROW])]
#[case::same_instant_kiritimati("2026-11-20", "2026-11-21T05:00[Pacific/Kiritimati]", &[OVERDUE])]
#[case::same_instant_chicago("2026-11-20", "2026-11-20T09:00[America/Chicago]", &[TODAY])]
#[case::same_instant_kolkata("2026-11-20", "2026-11-20T20:30[Asia/Kolkata]", &[TODAY])]
#[case::same_instant_timed_kolkata("2026-11-20T20:30", "2026-11-20T20:30[Asia/Kolkata]", &[OVERDUE])]
#[case::same_instant_timed_chicago("2026-11-20T20:30", "2026-11-20T09:00[America/Chicago]", &[TODAY])]
#[case::end_of_a_25_h_day("2026-11-01", "2026-11-01T23:59:59[America/New_York]", &[TODAY])]
#[case::after_a_25_h_day("2026-11-01", "2026-11-02T00:00[America/New_York]", &[OVERDUE])]
#[case::end_of_a_23_h_day("2027-03-14", "2027-03-14T23:59:59[America/New_York]", &[TODAY])]
#[case::after_a_23_h_day("2027-03-14", "2027-03-15T00:00[America/New_York]", &[OVERDUE])]
#[case::end_of_a_berlin_25_h_day("2026-10-25", "2026-10-25T23:59:59[Europe/Berlin]", &[TODAY])]
#[case::after_a_berlin_25_h_day("2026-10-25", "2026-10-26T00:00[Europe/Berlin]", &[OVERDUE])]
#[case::end_of_a_berlin_23_h_day("2027-03-28", "2027-03-28T23:59:59[Europe/Berlin]", &[TODAY])]
#[case::after_a_berlin_23_h_day("2027-03-28", "2027-03-29T00:00[Europe/Berlin]", &[OVERDUE])]
#[case::a_minute_that_comes_twice_before("2026-11-01T01:30", "2026-11-01T01:29-04:00[America/New_York]", &[])]
#[case::a_minute_that_comes_twice_first("2026-11-01T01:30", "2026-11-01T01:30-04:00[America/New_York]", &[OVERDUE])]
#[case::a_minute_that_comes_twice_between("2026-11-01T01:30", "2026-11-01T01:10-05:00[America/New_York]", &[OVERDUE])]
#[case::a_minute_that_never_comes_before("2027-03-14T02:30", "2027-03-14T03:29[America/New_York]", &[])]
#[case::a_minute_that_never_comes("2027-03-14T02:30", "2027-03-14T03:30[America/New_York]", &[OVERDUE])]
fn deadline_follows_the_users_clock(#[case] due: &str, #[case] now: &str, #[case] expected: &[&str]) {
    let evaluation = with_task(task_due("7", due), &TaskThresholds::default(), now);
    assert_eq!(keys(&evaluation), expected);
    for rule in ["task:deadline_overdue", "task:deadline_today", "task:deadline_tomorrow"] {
        assert!(evaluation.evaluated.contains(rule));
    }
}

#[rstest]
#[case(false, None, High)]
#[case(false, Some(Low), High)]
#[case(false, Some(High), High)]
#[case(false, Some(Critical), Critical)]
#[case(true, None, Critical)]
#[case(true, Some(Low), Critical)]
fn being_late_weighs_what_the_task_weighs(
    #[case] milestone: bool,
    #[case] rank: Option<Priority>,
    #[case] expected: Priority,
) {
    let late = Task { milestone, priority: rank, ..task_due("7", "2026-11-18") };
    let evaluation = with_task(late, &TaskThresholds::default(), "2026-11-20T03:00[America/Chicago]");
    assert_eq!(priority(&evaluation, OVERDUE), Some(expected));
    assert_eq!(evaluation.alerts[0].occasion, None);
}

#[rstest]
#[case(TaskStatus::Pending)]
#[case(TaskStatus::Active)]
#[case(TaskStatus::Queued)]
#[case(TaskStatus::Backlog)]
fn every_open_status_can_be_late(#[case] status: TaskStatus) {
    let late = Task { status, ..task_due("7", "2026-11-18") };
    let evaluation = with_task(late, &TaskThresholds::default(), "2026-11-20T03:00[America/Chicago]");
    assert_eq!(keys(&evaluation), [OVERDUE]);
}

#[rstest]
#[case(&[9, 14], 8, None)]
#[case(&[9, 14], 9, Some("2026-11-20T09"))]
#[case(&[9, 14], 13, Some("2026-11-20T09"))]
#[case(&[9, 14], 14, Some("2026-11-20T14"))]
#[case(&[9, 14], 23, Some("2026-11-20T14"))]
#[case(&[14, 9], 10, Some("2026-11-20T09"))]
#[case(&[0], 0, Some("2026-11-20T00"))]
#[case(&[], 23, None)]
fn occasion_is_the_latest_slot(#[case] hours: &[u8], #[case] hour: u8, #[case] expected: Option<&str>) {
    let limits = TaskThresholds { due_today_hours: hours.to_vec(), ..TaskThresholds::default() };
    let now = format!("2026-11-20T{hour:02}:30[America/Chicago]");
    let evaluation = with_task(task_due("7", "2026-11-20"), &limits, &now);
    assert_eq!(alert(&evaluation, TODAY).and_then(|alert| alert.occasion.as_deref()), expected);
    assert_eq!(priority(&evaluation, TODAY), expected.map(|_| Medium));
}

#[test]
fn tomorrow_is_low_and_has_its_own_slot() {
    let limits = TaskThresholds { due_tomorrow_hour: 20, ..TaskThresholds::default() };
    let task = || task_due("7", "2026-11-21");
    assert_eq!(keys(&with_task(task(), &limits, "2026-11-20T19:59[Asia/Kolkata]")), [""; 0]);
    let evaluation = with_task(task(), &limits, "2026-11-20T23:00[Asia/Kolkata]");
    assert_eq!(priority(&evaluation, TOMORROW), Some(Low));
    assert_eq!(evaluation.alerts[0].occasion.as_deref(), Some("2026-11-20T20"));
}

#[rstest]
#[case::date_only_just_out("2026-11-20", 24, "2026-11-19T23:59:59[America/Chicago]", false)]
#[case::date_only_at("2026-11-20", 24, "2026-11-20T00:00[America/Chicago]", true)]
#[case::date_only_last_second("2026-11-20", 24, "2026-11-20T23:59:59[America/Chicago]", true)]
#[case::date_only_past("2026-11-20", 24, "2026-11-21T00:00[America/Chicago]", false)]
#[case::timed_just_out("2026-11-20T15:00", 24, "2026-11-19T14:59:59[America/Chicago]", false)]
#[case::timed_at("2026-11-20T15:00", 24, "2026-11-19T15:00[America/Chicago]", true)]
#[case::timed_past("2026-11-20T15:00", 24, "2026-11-20T15:00[America/Chicago]", false)]
#[case::a_wider_window("2026-11-20T15:00", 48, "2026-11-18T15:00[America/Chicago]", true)]
#[case::a_wider_window_just_out("2026-11-20T15:00", 48, "2026-11-18T14:59:59[America/Chicago]", false)]
#[case::over_a_25_h_day_out("2026-11-01", 24, "2026-11-01T00:59:59[America/New_York]", false)]
#[case::over_a_25_h_day_in("2026-11-01", 24, "2026-11-01T01:00-04:00[America/New_York]", true)]
#[case::over_a_23_h_day_out("2027-03-14", 24, "2027-03-13T22:59:59[America/New_York]", false)]
#[case::over_a_23_h_day_in("2027-03-14", 24, "2027-03-13T23:00[America/New_York]", true)]
#[case::over_a_berlin_25_h_day_out("2026-10-25", 24, "2026-10-25T00:59:59[Europe/Berlin]", false)]
#[case::over_a_berlin_25_h_day_in("2026-10-25", 24, "2026-10-25T01:00[Europe/Berlin]", true)]
#[case::over_a_berlin_23_h_day_out("2027-03-28", 24, "2027-03-27T22:59:59[Europe/Berlin]", false)]
#[case::over_a_berlin_23_h_day_in("2027-03-28", 24, "2027-03-27T23:00[Europe/Berlin]", true)]
#[case::timed_over_a_25_h_day_out("2026-11-01T09:00", 24, "2026-10-31T09:59:59[America/New_York]", false)]
#[case::timed_over_a_25_h_day_in("2026-11-01T09:00", 24, "2026-10-31T10:00[America/New_York]", true)]
fn commitment_is_due_within_hours(#[case] due: &str, #[case] within: u32, #[case] now: &str, #[case] expected: bool) {
    let limits = TaskThresholds { commitment_within_hours: within, commitment_hour: 0, ..TaskThresholds::default() };
    let evaluation = with_commitment(commitment("7", due), &limits, now);
    assert_eq!(priority(&evaluation, SOON), expected.then_some(Medium));
    assert!(evaluation.evaluated.contains("task:commitment_due"));
}

#[rstest]
#[case(9, "2026-11-20T08:59:59[Asia/Kolkata]", None)]
#[case(9, "2026-11-20T09:00[Asia/Kolkata]", Some("2026-11-20T09"))]
#[case(9, "2026-11-20T23:00[Asia/Kolkata]", Some("2026-11-20T09"))]
#[case(12, "2026-11-20T11:00[Asia/Kolkata]", None)]
fn commitment_fires_from_its_hour(#[case] hour: u8, #[case] now: &str, #[case] expected: Option<&str>) {
    let limits = TaskThresholds { commitment_hour: hour, ..TaskThresholds::default() };
    let evaluation = with_commitment(commitment("7", "2026-11-20"), &limits, now);
    assert_eq!(alert(&evaluation, SOON).and_then(|alert| alert.occasion.as_deref()), expected);
    assert!(evaluation.evaluated.contains("task:commitment_due"));
}

#[rstest]
#[case("2026-11-20", 2, "2026-11-20T23:59[America/Chicago]", None)]
#[case("2026-11-20", 2, "2026-11-21T00:00[America/Chicago]", Some(High))]
#[case("2026-11-20", 2, "2026-11-21T23:59[America/Chicago]", Some(High))]
#[case("2026-11-20", 2, "2026-11-22T00:00[America/Chicago]", Some(Critical))]
#[case("2026-11-20", 3, "2026-11-22T00:00[America/Chicago]", Some(High))]
#[case("2026-11-20", 1, "2026-11-21T00:00[America/Chicago]", Some(Critical))]
#[case("2026-11-20T15:00", 2, "2026-11-20T14:59[America/Chicago]", None)]
#[case("2026-11-20T15:00", 2, "2026-11-20T15:00[America/Chicago]", Some(High))]
#[case("2026-11-20T15:00", 2, "2026-11-21T23:59[America/Chicago]", Some(High))]
#[case("2026-11-20T15:00", 2, "2026-11-22T00:00[America/Chicago]", Some(Critical))]
#[case("2026-11-20", 2, "2026-11-22T05:00[Pacific/Kiritimati]", Some(Critical))]
#[case("2026-11-20", 2, "2026-11-21T09:00[America/Chicago]", Some(High))]
#[case("2026-10-31", 2, "2026-11-01T23:59[America/New_York]", Some(High))]
#[case("2026-10-31", 2, "2026-11-02T00:00[America/New_York]", Some(Critical))]
fn overdue_commitment_escalates_by_day(
    #[case] due: &str,
    #[case] critical_days: u32,
    #[case] now: &str,
    #[case] expected: Option<Priority>,
) {
    let limits = TaskThresholds { violation_critical_days: critical_days, ..TaskThresholds::default() };
    let evaluation = with_commitment(commitment("7", due), &limits, now);
    assert_eq!(priority(&evaluation, BROKEN), expected);
    assert!(evaluation.alerts.iter().all(|alert| alert.key.as_str() != BROKEN || alert.occasion.is_none()));
}

#[test]
fn undated_task_is_never_due() {
    let now = "2026-11-20T20:00[America/Chicago]";
    let commitment = Commitment { due: None, ..commitment("7", "2026-11-20") };
    assert!(with_commitment(commitment, &TaskThresholds::default(), now).alerts.is_empty());
    assert!(with_task(task("7", "Some day"), &TaskThresholds::default(), now).alerts.is_empty());
}

fn active(count: usize, now: &str) -> TaskReading {
    let idle = Task { status: TaskStatus::Queued, ..task("idle", "Idle") };
    let tasks = (0..count).map(|n| task(&n.to_string(), "Busy")).chain([idle]);
    workos(at(now).timestamp(), tasks.collect())
}

#[rstest]
#[case(10, 9, 9, 9, None)]
#[case(10, 9, 10, 9, Some("2026-11-20T09"))]
#[case(10, 9, 11, 23, Some("2026-11-20T09"))]
#[case(10, 9, 10, 8, None)]
#[case(3, 12, 3, 11, None)]
#[case(3, 12, 3, 12, Some("2026-11-20T12"))]
#[case(3, 12, 2, 12, None)]
fn pileup_counts_active_tasks(
    #[case] limit: u32,
    #[case] slot: u8,
    #[case] tasks: usize,
    #[case] hour: u8,
    #[case] expected: Option<&str>,
) {
    let limits = TaskThresholds { pileup_tasks: limit, pileup_hour: slot, ..TaskThresholds::default() };
    let now = format!("2026-11-20T{hour:02}:00[America/Chicago]");
    let evaluation = judged(&[active(tasks, &now)], &limits, &now);
    let found = alert(&evaluation, "task:pileup");
    assert_eq!(found.and_then(|alert| alert.occasion.as_deref()), expected);
    assert!(found.is_none_or(|alert| alert.priority == Medium));
    assert!(evaluation.evaluated.contains("task:pileup"));
}

#[test]
fn copy_is_counted_once() {
    let now = "2026-11-20T10:00[America/Chicago]";
    let copy = |n: usize| Task { same_as: Some(("workos".into(), n.to_string())), ..task(&format!("t{n}"), "Busy") };
    let store = state_store(at(now).timestamp(), (0..5).map(copy).collect());
    assert!(judged(&[active(9, now), store.clone()], &TaskThresholds::default(), now).alerts.is_empty());
    let evaluation = judged(&[active(10, now), store], &TaskThresholds::default(), now);
    assert_eq!(evaluation.alerts[0].facts["active"], 10);
}

#[rstest]
#[case::before_noon(11, 0.0, None)]
#[case::noon_nothing(12, 0.0, Some(Medium))]
#[case::noon_something(12, 0.5, None)]
#[case::afternoon_nothing(14, 0.0, Some(Medium))]
#[case::three_half(15, 10.0, None)]
#[case::three_under_half(15, 9.9, Some(Medium))]
#[case::three_nothing(15, 0.0, Some(Medium))]
#[case::five_three_quarters(17, 15.0, None)]
#[case::five_under(17, 14.9, Some(High))]
#[case::five_nothing(17, 0.0, Some(High))]
#[case::night(23, 14.9, Some(High))]
#[case::night_done(23, 20.0, None)]
#[case::over(17, 40.0, None)]
fn points_are_expected_by_the_hour(#[case] hour: u8, #[case] earned: f64, #[case] expected: Option<Priority>) {
    let evaluation = goals(&[(20.0, earned)], &TaskThresholds::default(), hour);
    assert_eq!(priority(&evaluation, "task:goal_behind"), expected);
    assert!(evaluation.evaluated.contains("task:goal_behind"));
}

#[rstest]
#[case(9, 0.0, None)]
#[case(10, 0.0, Some(Medium))]
#[case(11, 6.0, None)]
#[case(11, 5.0, Some(Medium))]
#[case(13, 12.0, None)]
#[case(13, 11.0, Some(High))]
fn points_follow_their_limits(#[case] hour: u8, #[case] earned: f64, #[case] expected: Option<Priority>) {
    let limits = TaskThresholds {
        goal_none_hour: 10,
        goal_half_hour: 11,
        goal_half_percent: 30.0,
        goal_late_hour: 13,
        goal_late_percent: 60.0,
        ..TaskThresholds::default()
    };
    assert_eq!(priority(&goals(&[(20.0, earned)], &limits, hour), "task:goal_behind"), expected);
}

/// Readings with these (target, earned) of 2026-11-20, judged in that hour of it.
fn goals(goals: &[(f64, f64)], limits: &TaskThresholds, hour: u8) -> Evaluation {
    let now = format!("2026-11-20T{hour:02}:00[America/Chicago]");
    let goal = |(target, earned): &(f64, f64)| Goal { date: date("2026-11-20"), target: *target, earned: *earned };
    let readings = goals.iter().map(|pair| TaskReading { goal: Some(goal(pair)), ..active(0, &now) });
    judged(&readings.collect::<Vec<_>>(), limits, &now)
}

#[rstest]
#[case::nan_target(f64::NAN, 0.0)]
#[case::negative_target(-5.0, 0.0)]
#[case::nan_earned(20.0, f64::NAN)]
#[case::negative_earned(20.0, -1.0)]
#[case::infinite_target(f64::INFINITY, 0.0)]
fn impossible_goal_is_unknown(#[case] target: f64, #[case] earned: f64) {
    let evaluation = goals(&[(target, earned)], &TaskThresholds::default(), 18);
    assert!(!evaluation.evaluated.contains("task:goal_behind") && evaluation.alerts.is_empty());
}

#[test]
fn day_off_resolves_the_goal() {
    let limits = TaskThresholds::default();
    let off = goals(&[(0.0, 0.0)], &limits, 18);
    assert!(off.evaluated.contains("task:goal_behind") && off.alerts.is_empty());
    let several = goals(&[(0.0, 0.0), (10.0, 5.0), (20.0, 0.0)], &limits, 18);
    assert_eq!(several.alerts[0].facts["target"], 10.0);
}

#[test]
fn yesterdays_goal_says_nothing_about_today() {
    let now = "2026-11-21T18:00[America/Chicago]";
    let goal = Goal { date: date("2026-11-20"), target: 20.0, earned: 0.0 };
    let evaluation = judged(&[TaskReading { goal: Some(goal), ..active(0, now) }], &TaskThresholds::default(), now);
    assert!(!evaluation.evaluated.contains("task:goal_behind") && evaluation.alerts.is_empty());
}

#[test]
fn missing_source_resolves_no_task() {
    let now = at("2026-11-20T10:00[America/Chicago]");
    let limits = TaskThresholds { pileup_tasks: 2, ..TaskThresholds::default() };
    let store = TaskReading {
        commitments: Some(vec![commitment("9", "2026-11-10")]),
        ..state_store(now.timestamp(), vec![task_due("7", "2026-11-18")])
    };
    let evaluation = evaluate(
        &TaskFacts {
            readings: std::slice::from_ref(&store),
            identities: &TaskIdentities::default(),
            complete: false,
            free_time: None,
        },
        &limits,
        &now,
    );
    assert_eq!(keys(&evaluation), ["task:commitment_violation:9", OVERDUE]);
    assert!(evaluation.evaluated.is_empty());

    let pile = TaskReading { tasks: vec![task("1", "A"), task("2", "B")], ..store };
    let evaluation = evaluate(
        &TaskFacts { readings: &[pile], identities: &TaskIdentities::default(), complete: false, free_time: None },
        &limits,
        &now,
    );
    assert!(evaluation.evaluated.contains("task:pileup") && alert(&evaluation, "task:pileup").is_some());
}

#[test]
fn missing_dates_leave_rules_unevaluated() {
    let now = "2026-11-20T10:00[America/Chicago]";
    let evaluation = judged(&[active(1, now)], &TaskThresholds::default(), now);
    assert_eq!(evaluation.evaluated.iter().collect::<Vec<_>>(), ["task:pileup"]);
    assert!(judged(&[], &TaskThresholds::default(), now).evaluated.is_empty());
}

#[test]
fn unreadable_rows_are_excepted() {
    let now = "2026-11-20T10:00[America/Chicago]";
    let store = TaskReading { unreadable: vec!["13".into()], ..state_store(at(now).timestamp(), vec![]) };
    let evaluation = judged(&[store], &TaskThresholds::default(), now);
    assert!(!evaluation.can_resolve(&"task:deadline_overdue:13".parse().unwrap()));
    assert!(evaluation.can_resolve(&"task:deadline_overdue:14".parse().unwrap()));
}

#[test]
fn two_tasks_with_one_id_both_fire() {
    let now = "2026-11-20T10:00[America/Chicago]";
    let milestone = Task { milestone: true, ..task_due("7", "2026-11-18") };
    let readings = [
        state_store(at(now).timestamp(), vec![task_due("7", "2026-11-01")]),
        TaskReading { has_dates: true, ..workos(at(now).timestamp(), vec![milestone]) },
    ];
    let evaluation = judged(&readings, &TaskThresholds::default(), now);
    assert_eq!(keys(&evaluation), ["task:deadline_overdue:7~2", OVERDUE]);
    assert_eq!((evaluation.alerts[0].priority, evaluation.alerts[1].priority), (Critical, High));
}

#[rstest]
#[case::late(
    task_due("7", "2026-11-18"),
    "Overdue: Task 7",
    "“Task 7” was due 2026-11-18, 2 days ago. State store, just read."
)]
#[case::yesterday(
    task_due("7", "2026-11-19"),
    "Overdue: Task 7",
    "“Task 7” was due 2026-11-19, yesterday. State store, just read."
)]
#[case::this_morning(
    task_due("7", "2026-11-20T08:00"),
    "Overdue: Task 7",
    "“Task 7” was due 2026-11-20 08:00, 12 h ago. State store, just read."
)]
#[case::milestone(
    Task { milestone: true, ..task_due("7", "2026-11-18") },
    "Overdue: Task 7",
    "“Task 7” was due 2026-11-18, 2 days ago. It is a milestone. State store, just read."
)]
#[case::today(
    task_due("7", "2026-11-20T22:05"),
    "Due today: Task 7",
    "“Task 7” is due today at 22:05. State store, just read."
)]
#[case::tomorrow(
    task_due("7", "2026-11-21"),
    "Due tomorrow: Task 7",
    "“Task 7” is due tomorrow. State store, just read."
)]
fn deadline_has_title_and_message(#[case] task: Task, #[case] title: &str, #[case] message: &str) {
    let evaluation = with_task(task, &TaskThresholds::default(), "2026-11-20T20:00[America/Chicago]");
    assert_eq!((evaluation.alerts[0].title.as_str(), evaluation.alerts[0].message.as_str()), (title, message));
}

#[test]
fn commitment_has_title_and_message() {
    let limits = TaskThresholds::default();
    let soon = with_commitment(commitment("7", "2026-11-20T17:00"), &limits, "2026-11-20T10:00[America/Chicago]");
    assert_eq!(soon.alerts[0].title, "Commitment due: Send the contract");
    let words = "You committed to Ana: “Send the contract” by 2026-11-20 17:00: 7 h left. State store, just read.";
    assert_eq!(soon.alerts[0].message, words);
    let broken = with_commitment(commitment("7", "2026-11-17"), &limits, "2026-11-20T10:00[America/Chicago]");
    assert_eq!(broken.alerts[0].title, "Commitment overdue: Send the contract");
    let words = "You committed to Ana: “Send the contract” by 2026-11-17, 3 days ago. State store, just read.";
    assert_eq!(broken.alerts[0].message, words);
}

#[rstest]
#[case(300, "just read")]
#[case(301, "as of 5 min ago")]
#[case(7200, "as of 2 h ago")]
fn stored_copy_shows_its_age(#[case] seconds: i64, #[case] expected: &str) {
    let now = at("2026-11-20T10:00[America/Chicago]");
    let as_of = now.timestamp() - jiff::SignedDuration::from_secs(seconds);
    let readings = [state_store(as_of, vec![task_due("7", "2026-11-18")])];
    let evaluation = evaluate(
        &TaskFacts { readings: &readings, identities: &TaskIdentities::default(), complete: true, free_time: None },
        &TaskThresholds::default(),
        &now,
    );
    let alert = &evaluation.alerts[0];
    assert!(alert.message.ends_with(&format!("State store, {expected}.")), "{}", alert.message);
    assert_eq!(alert.facts["as_of"], as_of.to_string());
    assert_eq!((&alert.facts["source"], &alert.facts["due"]), (&"state_store".into(), &"2026-11-18".into()));
}

#[test]
fn points_and_piles_are_rendered_in_words() {
    let behind = goals(&[(18.0, 6.0)], &TaskThresholds::default(), 15);
    assert_eq!(behind.alerts[0].title, "Behind on today's goal: 33 %");
    let words = "6 of 18 points so far (33 %), expected at least 50 % by 15:00. WorkOS, just read.";
    assert_eq!(behind.alerts[0].message, words);
    let now = "2026-11-20T10:00[America/Chicago]";
    let pile = judged(&[active(12, now)], &TaskThresholds::default(), now);
    assert_eq!(pile.alerts[0].title, "12 tasks active at once");
    assert_eq!(pile.alerts[0].message, "12 tasks for today; 10 or more are a pile. WorkOS, just read.");
}

#[test]
fn long_title_is_truncated() {
    let long = Task { title: "Write the report ".repeat(20), due: Some(due("2026-11-18")), ..task("7", "") };
    let evaluation = with_task(long, &TaskThresholds::default(), "2026-11-20T10:00[America/Chicago]");
    assert_eq!(evaluation.alerts[0].title, "Overdue: Write the report Write the report Write the report…");
}
