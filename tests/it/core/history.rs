//! What two readings tell beside each other.

use jiff::{SignedDuration, Timestamp};
use operator::core::facts::{HealthDay, Night, Stress, Task, TaskStatus};
use operator::core::history::{merge, postponed};
use rstest::rstest;

use crate::support::facts::{date, due, task, task_due};

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
fn later_due_date_is_a_postponement(#[case] old: &str, #[case] new: &str, #[case] expected: Option<&str>) {
    let with_due = |text: &str| Task { due: (!text.is_empty()).then(|| due(text)), ..task("7", "Report") };
    let events = postponed("state_store", &[with_due(old)], &[with_due(new)], moment());
    assert_eq!(events.iter().map(|event| event.change.as_str()).next(), expected);
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
fn earlier_status_is_a_postponement(#[case] old: TaskStatus, #[case] new: TaskStatus, #[case] expected: Option<&str>) {
    let with_status = |status| Task { status, ..task("7", "Report") };
    let events = postponed("workos", &[with_status(old)], &[with_status(new)], moment());
    assert_eq!(events.first().map(|event| event.change.as_str()), expected);
}

#[test]
fn postponement_counts_once_per_task() {
    let before = [task_due("7", "2026-11-18"), task_due("8", "2026-11-18"), task("9", "Gone later")];
    let moved = Task { status: TaskStatus::Queued, title: "New title".into(), ..task_due("7", "2026-11-19") };
    let events = postponed("state_store", &before, &[task("1", "New"), moved, task_due("8", "2026-11-18")], moment());
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.source.as_str(), event.task_id.as_str()), ("state_store", "7"));
    assert_eq!(event.change, "due 2026-11-18 → 2026-11-19, active → queued");
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
    assert_eq!(merge(known.clone(), HealthDay::unknown(known.date)), known);
    assert_eq!(merge(HealthDay::unknown(known.date), known.clone()), known);
}

#[test]
fn new_reading_wins_field_by_field() {
    let earlier = moment() - SignedDuration::from_hours(1);
    let read = HealthDay {
        readiness: Some(71.0),
        night: Some(Night { asleep_s: None, efficiency: Some(90.0), hrv_ms: None }),
        as_of: Some(earlier),
        ..HealthDay::unknown(date("2026-11-20"))
    };
    let merged = merge(full_day(), read);
    let night = Night { asleep_s: Some(24_000), efficiency: Some(90.0), hrv_ms: Some(40.0) };
    assert_eq!(merged, HealthDay { readiness: Some(71.0), night: Some(night), ..full_day() });
}
