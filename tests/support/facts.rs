//! Facts to judge, in as few words as a table row has room for.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ToSpan, ZonedDateTime};
use operator::core::alert::{Alert, Priority};
use operator::core::facts::{Commitment, Due, HealthDay, Night, Task, TaskReading, TaskStatus};
use operator::core::rules::Evaluation;

/// `2026-11-20T09:05[America/Chicago]`.
pub(crate) fn at(text: &str) -> ZonedDateTime {
    text.parse().unwrap()
}

pub(crate) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// `2026-11-20` or `2026-11-20T14:00`.
pub(crate) fn due(text: &str) -> Due {
    if text.contains('T') { Due::At(text.parse::<DateTime>().unwrap()) } else { Due::Day(date(text)) }
}

pub(crate) fn readiness(date: Date, score: impl Into<Option<f64>>) -> HealthDay {
    HealthDay { readiness: score.into(), ..HealthDay::unknown(date) }
}

pub(crate) fn slept(date: Date, seconds: impl Into<Option<u32>>) -> HealthDay {
    HealthDay { slept_s: seconds.into(), ..HealthDay::unknown(date) }
}

pub(crate) fn night(date: Date, efficiency: impl Into<Option<f64>>, hrv_ms: impl Into<Option<f64>>) -> HealthDay {
    let night = Night { asleep_s: None, efficiency: efficiency.into(), hrv_ms: hrv_ms.into() };
    HealthDay { night: Some(night), ..HealthDay::unknown(date) }
}

/// One day for each value, by date ascending; the last is `ago` days before `today`.
pub(crate) fn days<T: Copy>(today: Date, ago: i32, values: &[T], day: impl Fn(Date, T) -> HealthDay) -> Vec<HealthDay> {
    let age = |index: usize| ago + i32::try_from(values.len() - 1 - index).unwrap();
    values.iter().enumerate().map(|(index, value)| day(today - age(index).days(), *value)).collect()
}

pub(crate) fn task(id: &str, title: &str) -> Task {
    Task {
        id: id.into(),
        title: title.into(),
        status: TaskStatus::Active,
        priority: None,
        due: None,
        milestone: false,
        same_as: None,
    }
}

pub(crate) fn task_due(id: &str, when: &str) -> Task {
    Task { due: Some(due(when)), ..task(id, &format!("Task {id}")) }
}

pub(crate) fn commitment(id: &str, when: &str) -> Commitment {
    Commitment { id: id.into(), title: "Send the contract".into(), person: "Ana".into(), due: Some(due(when)) }
}

/// A reading of the state store, which knows dates.
pub(crate) fn state_store(as_of: Timestamp, tasks: Vec<Task>) -> TaskReading {
    TaskReading { has_dates: true, commitments: Some(vec![]), ..reading("state_store", as_of, tasks) }
}

/// A reading of WorkOS, which knows thoughts.
pub(crate) fn workos(as_of: Timestamp, tasks: Vec<Task>) -> TaskReading {
    TaskReading { thoughts: Some(vec![]), ..reading("workos", as_of, tasks) }
}

fn reading(source: &'static str, as_of: Timestamp, tasks: Vec<Task>) -> TaskReading {
    TaskReading {
        source,
        as_of,
        tasks,
        commitments: None,
        has_dates: false,
        goal: None,
        thoughts: None,
        activity: Some(operator::core::facts::Activity::default()),
        unreadable: vec![],
        notes: vec![],
    }
}

pub(crate) fn alert<'a>(evaluation: &'a Evaluation, key: &str) -> Option<&'a Alert> {
    evaluation.alerts.iter().find(|alert| alert.key.as_str() == key)
}

/// The priority with which a key fires, if it does.
pub(crate) fn priority(evaluation: &Evaluation, key: &str) -> Option<Priority> {
    alert(evaluation, key).map(|alert| alert.priority)
}

pub(crate) fn keys(evaluation: &Evaluation) -> Vec<&str> {
    evaluation.alerts.iter().map(|alert| alert.key.as_str()).collect()
}
