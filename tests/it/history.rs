//! What two readings tell beside each other.

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::Priority;
use operator::core::facts::{HealthDay, Night, Stress, Task, TaskStatus};
use operator::core::history::{merge_day, merged_tasks, postponed};
use rstest::rstest;

use crate::rules_kit::{date, due, state_store, task, task_due, workos};

fn moment() -> Timestamp {
    "2026-11-20T15:00:00Z".parse().unwrap()
}

#[rstest]
#[case::later_date("2026-11-18", "2026-11-21", Some("due 2026-11-18 → 2026-11-21"))]
#[case::same_date("2026-11-18", "2026-11-18", None)]
#[case::earlier_date("2026-11-18", "2026-11-17", None)]
#[case::removed("2026-11-18", "", None)]
#[case::given("", "2026-11-18", None)]
#[case::later_time("2026-11-18T14:00", "2026-11-18T16:30", Some("due 2026-11-18 14:00 → 2026-11-18 16:30"))]
#[case::earlier_time("2026-11-18T14:00", "2026-11-18T13:59", None)]
#[case::earlier_time_on_a_later_date(
    "2026-11-18T14:00",
    "2026-11-19T09:00",
    Some("due 2026-11-18 14:00 → 2026-11-19 09:00")
)]
#[case::given_a_time("2026-11-18", "2026-11-18T16:30", None)]
#[case::time_dropped("2026-11-18T14:00", "2026-11-18", None)]
#[case::time_dropped_later_date("2026-11-18T14:00", "2026-11-19", Some("due 2026-11-18 14:00 → 2026-11-19"))]
fn a_due_date_that_moved_later_is_a_postponement(#[case] old: &str, #[case] new: &str, #[case] expected: Option<&str>) {
    let with_due = |text: &str| Task { due: (!text.is_empty()).then(|| due(text)), ..task("7", "Report") };
    let events = postponed("state_store", &[with_due(old)], &[with_due(new)], moment());
    assert_eq!(events.iter().map(|event| event.what.as_str()).next(), expected);
    assert!(events.len() <= 1);
}

#[rstest]
#[case(TaskStatus::Active, TaskStatus::Queued, Some("active → queued"))]
#[case(TaskStatus::Active, TaskStatus::Backlog, Some("active → backlog"))]
#[case(TaskStatus::Queued, TaskStatus::Backlog, Some("queued → backlog"))]
#[case(TaskStatus::Queued, TaskStatus::Active, None)]
#[case(TaskStatus::Active, TaskStatus::Active, None)]
#[case(TaskStatus::Pending, TaskStatus::Backlog, None)]
#[case(TaskStatus::Active, TaskStatus::Pending, None)]
fn a_status_that_went_back_is_a_postponement(
    #[case] old: TaskStatus,
    #[case] new: TaskStatus,
    #[case] expected: Option<&str>,
) {
    let with_status = |status| Task { status, ..task("7", "Report") };
    let events = postponed("workos", &[with_status(old)], &[with_status(new)], moment());
    assert_eq!(events.first().map(|event| event.what.as_str()), expected);
}

#[test]
fn one_event_a_task_even_if_both_happened() {
    let before = [task_due("7", "2026-11-18"), task_due("8", "2026-11-18"), task("9", "Gone later")];
    let moved = Task { status: TaskStatus::Queued, title: "New title".into(), ..task_due("7", "2026-11-19") };
    let events = postponed("state_store", &before, &[task("1", "New"), moved, task_due("8", "2026-11-18")], moment());
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.source.as_str(), event.task_id.as_str()), ("state_store", "7"));
    assert_eq!(event.what, "due 2026-11-18 → 2026-11-19, active → queued");
    assert_eq!((event.title.as_str(), event.at), ("New title", moment()));
}

fn full_day() -> HealthDay {
    HealthDay {
        date: date("2026-11-20"),
        readiness: Some(70.0),
        slept_s: Some(25_000),
        night: Some(Night { asleep_s: Some(24_000), efficiency: Some(88.0), hrv_ms: Some(40.0) }),
        stress: Some(Stress { high_s: 4000, recovery_s: 4000 }),
        as_of: Some(moment()),
    }
}

#[test]
fn unknown_never_overwrites_known() {
    let known = full_day();
    assert_eq!(merge_day(known.clone(), HealthDay::unknown(known.date)), known);
    assert_eq!(merge_day(HealthDay::unknown(known.date), known.clone()), known);
}

#[test]
fn what_was_read_wins_field_by_field() {
    let earlier = moment() - SignedDuration::from_hours(1);
    let read = HealthDay {
        readiness: Some(71.0),
        night: Some(Night { asleep_s: None, efficiency: Some(90.0), hrv_ms: None }),
        as_of: Some(earlier),
        ..HealthDay::unknown(date("2026-11-20"))
    };
    let merged = merge_day(full_day(), read);
    let night = Night { asleep_s: Some(24_000), efficiency: Some(90.0), hrv_ms: Some(40.0) };
    assert_eq!(merged, HealthDay { readiness: Some(71.0), night: Some(night), ..full_day() });
}

#[test]
fn a_task_and_its_copy_are_one() {
    let later = moment() + SignedDuration::from_mins(5);
    let original = Task {
        status: TaskStatus::Backlog,
        milestone: true,
        priority: Some(Priority::Low),
        ..task("11", "As WorkOS calls it")
    };
    let copy = Task {
        title: "As the store calls it".into(),
        priority: Some(Priority::Critical),
        same_as: Some(("workos".into(), "11".into())),
        ..task_due("t-11", "2026-11-20")
    };
    let readings = [workos(moment(), vec![original, task("12", "Alone")]), state_store(later, vec![copy.clone()])];
    let merged = merged_tasks(&readings);
    assert_eq!(merged.len(), 2);
    assert_eq!((merged[0].source, merged[0].as_of), ("state_store", moment()));
    assert_eq!(*merged[0].task, Task { status: TaskStatus::Backlog, milestone: true, ..copy });
    assert_eq!((merged[1].source, merged[1].task.id.as_str()), ("workos", "12"));
}

#[test]
fn a_copy_stands_alone_where_the_original_is_not_read() {
    let copy = |id: &str| Task { same_as: Some(("workos".into(), id.into())), ..task_due("t-1", "2026-11-20") };
    let alone = [state_store(moment(), vec![copy("1")])];
    assert_eq!(*merged_tasks(&alone)[0].task, copy("1"));
    let other = [workos(moment(), vec![task("2", "Other")]), state_store(moment(), vec![copy("1")])];
    assert_eq!(merged_tasks(&other).len(), 2);
}

#[test]
fn the_same_id_in_two_sources_is_two_tasks() {
    let readings = [workos(moment(), vec![task("1", "A")]), state_store(moment(), vec![task("1", "B")])];
    assert_eq!(merged_tasks(&readings).len(), 2);
}

#[test]
fn a_task_that_names_itself_is_kept() {
    let odd = Task { same_as: Some(("workos".into(), "1".into())), ..task("1", "A") };
    assert_eq!(*merged_tasks(&[workos(moment(), vec![odd.clone()])])[0].task, odd);
}
