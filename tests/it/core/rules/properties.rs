//! What holds for any facts whatever: no panic, one alert a key, an honest account of what was judged, no say of order.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use operator::core::alert::Priority;
use operator::core::facts::{
    Activity, Commitment, Due, FocusFile, Goal, HealthDay, Night, Postponement, Stress, Task, TaskReading, TaskStatus,
    Thought,
};
use operator::core::history::{merge, postponed};
use operator::core::rules::health::HealthFacts;
use operator::core::rules::patterns::PatternFacts;
use operator::core::rules::tasks::TaskFacts;
use operator::core::rules::{Evaluation, health, patterns, tasks};
use operator::core::tasks::{MergedTask, TaskIdentities, merge_tasks};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::facts::date;

/// Moments and dates crowd around one day, so that rules fire; a few are as far away as the calendar goes.
fn moment() -> impl Strategy<Value = Timestamp> {
    let around: Timestamp = "2026-11-01T06:00:00Z".parse().unwrap();
    prop_oneof![
        30 => (-1_200_000i64..1_200_000).prop_map(move |s| around + SignedDuration::from_secs(s)),
        1 => select(vec![Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH]),
    ]
}

fn now() -> impl Strategy<Value = ZonedDateTime> {
    let zones = ["America/New_York", "Europe/Berlin", "Pacific/Kiritimati", "Asia/Kolkata", "Africa/Cairo", "UTC"];
    (moment(), select(zones.to_vec())).prop_map(|(at, zone)| at.to_zoned_datetime(TimeZone::get(zone).unwrap()))
}

fn near_date() -> impl Strategy<Value = Date> {
    prop_oneof![
        30 => (-16i32..16).prop_map(|days| date("2026-11-01") + days.days()),
        1 => select(vec![Date::MIN, Date::MAX]),
    ]
}

fn due() -> impl Strategy<Value = Due> {
    let minute = (near_date(), 0i8..24, 0i8..60);
    prop_oneof![
        near_date().prop_map(Due::Day),
        minute.prop_map(|(date, hour, minute)| Due::At(date.at(hour, minute, 0, 0))),
        Just(Due::At(DateTime::MAX)),
    ]
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![select(vec!["Call mum", "call MUM!", "Write report", "???"]).prop_map(String::from), any::<String>()]
}

fn value(range: std::ops::Range<f64>) -> impl Strategy<Value = Option<f64>> {
    option::of(prop_oneof![10 => range, 1 => any::<f64>()])
}

fn night() -> impl Strategy<Value = Night> {
    (option::of(any::<u32>()), value(50.0..100.0), value(10.0..80.0)).prop_map(|(asleep_s, efficiency, hrv_ms)| Night {
        asleep_s,
        efficiency,
        hrv_ms,
    })
}

fn day(date: impl Strategy<Value = Date>) -> impl Strategy<Value = HealthDay> {
    let stress = (0u32..20_000, 0u32..20_000).prop_map(|(high_s, recovery_s)| Stress { high_s, recovery_s });
    let slept_s = prop_oneof![10 => 15_000u32..35_000, 1 => any::<u32>()];
    let fields =
        (value(20.0..100.0), option::of(slept_s), option::of(night()), option::of(stress), option::of(moment()));
    (date, fields).prop_map(|(date, (readiness, slept_s, night, stress, as_of))| HealthDay {
        date,
        readiness,
        slept_s,
        night,
        stress,
        as_of,
    })
}

fn days() -> impl Strategy<Value = Vec<HealthDay>> {
    vec(day(near_date()), 0..30).prop_map(|days| {
        days.into_iter().map(|day| (day.date, day)).collect::<BTreeMap<_, _>>().into_values().collect()
    })
}

fn open_tasks(copies: bool, dates: bool) -> impl Strategy<Value = Vec<Task>> {
    let status = select(vec![TaskStatus::Pending, TaskStatus::Active, TaskStatus::Queued, TaskStatus::Backlog]);
    let rank = option::of(select(vec![Priority::Low, Priority::Medium, Priority::High, Priority::Critical]));
    let task = (0u32..30, words(), status, rank, option::of(due()), any::<bool>(), option::of(0u32..30));
    vec(task, 0..25).prop_map(move |tasks| {
        let unique: BTreeMap<u32, Task> = tasks
            .into_iter()
            .map(|(id, title, status, priority, due, milestone, same_as)| {
                let same_as = same_as.filter(|_| copies).map(|id| ("workos".to_owned(), id.to_string()));
                let due = due.filter(|_| dates);
                (id, Task { id: id.to_string(), title, status, priority, due, milestone, same_as })
            })
            .collect();
        unique.into_values().collect()
    })
}

fn commitments() -> impl Strategy<Value = Vec<Commitment>> {
    let commitment = (0u32..20, words(), words(), option::of(due()));
    vec(commitment, 0..10).prop_map(|commitments| {
        let commitment =
            |(id, title, person, due): (u32, _, _, _)| Commitment { id: id.to_string(), title, person, due };
        commitments.into_iter().map(commitment).collect()
    })
}

fn thoughts() -> impl Strategy<Value = Vec<Thought>> {
    let thought = (words(), any::<bool>(), any::<bool>(), moment());
    vec(thought.prop_map(|(content, worry, processed, at)| Thought { content, worry, processed, at }), 0..20)
}

fn reading(source: &'static str, dates: bool) -> impl Strategy<Value = TaskReading> {
    let goal = (near_date(), any::<f64>(), 0.0..20.0).prop_map(|(date, target, earned)| Goal { date, target, earned });
    let activity = (0u32..20, 0u32..20, option::of(0u32..9));
    let activity =
        activity.prop_map(|(created, completed, clients_today)| Activity { created, completed, clients_today });
    let rest = (option::of(commitments()), option::of(goal), option::of(thoughts()), option::of(activity));
    (moment(), open_tasks(dates, dates), rest, vec("[0-9]{1,2}", 0..3)).prop_map(
        move |(as_of, tasks, (commitments, goal, thoughts, activity), unreadable)| TaskReading {
            source,
            as_of,
            tasks,
            commitments,
            has_dates: dates,
            goal,
            thoughts,
            activity,
            unreadable,
            notes: vec![],
        },
    )
}

fn readings() -> impl Strategy<Value = Vec<TaskReading>> {
    (option::of(reading("workos", false)), option::of(reading("state_store", true)))
        .prop_map(|(workos, store)| workos.into_iter().chain(store).collect())
}

fn postponements() -> impl Strategy<Value = Vec<Postponement>> {
    let event = (select(vec!["workos", "state_store"]), 0u32..6, words(), moment());
    let event = event.prop_map(|(source, task_id, title, at)| Postponement {
        source: source.into(),
        task_id: task_id.to_string(),
        title,
        at,
        change: "active → backlog".into(),
    });
    vec(event, 0..40)
}

/// The same facts in another order.
fn shuffled(readings: &[TaskReading]) -> Vec<TaskReading> {
    let mut readings = readings.to_vec();
    for reading in &mut readings {
        reading.tasks.reverse();
        reading.commitments.iter_mut().for_each(|commitments| commitments.reverse());
        reading.thoughts.iter_mut().for_each(|thoughts| thoughts.reverse());
        let middle = reading.tasks.len() / 2;
        reading.tasks.rotate_left(middle);
    }
    readings
}

/// What every evaluation keeps to; `complete` facts leave no rule that fires unjudged.
fn is_sound(evaluation: &Evaluation, complete: bool) -> Result<(), TestCaseError> {
    let keys: BTreeSet<&str> = evaluation.alerts.iter().map(|alert| alert.key.as_str()).collect();
    prop_assert_eq!(keys.len(), evaluation.alerts.len(), "one alert a key");
    prop_assert!(evaluation.alerts.is_sorted_by(|a, b| a.priority >= b.priority), "the worst first");
    for alert in &evaluation.alerts {
        prop_assert!(alert.title.chars().count() <= 60, "title too long: {}", alert.title);
        prop_assert!(!alert.title.is_empty() && !alert.message.is_empty());
        prop_assert!(!alert.title.contains('\n') && !alert.message.contains('\n'));
        prop_assert!(alert.facts.contains_key("source") && alert.facts.contains_key("as_of"));
        prop_assert!(!complete || evaluation.evaluated.contains(alert.key.rule()), "{} fired unjudged", alert.key);
        prop_assert_eq!(alert.key.as_str().parse(), Ok(alert.key.clone()));
    }
    Ok(())
}

proptest! {
    #[test]
    fn health_is_sound(today in option::of(day(near_date())), history in days(), resting: bool, now in now()) {
        // A day is hardly ever of today's date by chance.
        for date in [now.date(), today.as_ref().map_or(now.date(), |day| day.date)] {
            let today = today.clone().map(|day| HealthDay { date, ..day });
            let facts = HealthFacts { source: "oura_cache", today: today.as_ref(), history: &history, resting };
            let evaluation = health::evaluate(&facts, &Default::default(), &now);
            is_sound(&evaluation, true)?;
            prop_assert!(evaluation.evaluated.is_empty() || (!resting && date == now.date()));
        }
    }

    #[test]
    fn tasks_are_sound(readings in readings(), complete: bool, now in now()) {
        let evaluation = tasks::evaluate(&TaskFacts { readings: &readings, identities: &TaskIdentities::default(), complete, free_time: None }, &Default::default(), &now);
        let commitments_known = readings.iter().any(|reading| reading.commitments.is_some());
        is_sound(&evaluation, complete)?;
        prop_assert_eq!(evaluation.evaluated.contains("task:commitment_due"), complete && commitments_known);
        let other = tasks::evaluate(&TaskFacts { readings: &shuffled(&readings), identities: &TaskIdentities::default(), complete, free_time: None }, &Default::default(), &now);
        prop_assert_eq!(other, evaluation);
    }

    #[test]
    fn patterns_are_sound(
        days in days(),
        events in postponements(),
        readings in readings(),
        complete: bool,
        focus in option::of((words(), moment())),
        now in now(),
    ) {
        let focus = focus.map(|(name, modified)| FocusFile { name, modified });
        let facts = PatternFacts { days: &days, postponements: &events, readings: &readings, complete, focus };
        let evaluation = patterns::evaluate(&facts, &Default::default(), &now);
        let known = readings.iter().all(|reading| reading.thoughts.is_some() || reading.activity.is_some());
        is_sound(&evaluation, complete && known)?;
        let (other_readings, mut other_events) = (shuffled(&readings), events.clone());
        other_events.reverse();
        let other = PatternFacts { readings: &other_readings, postponements: &other_events, ..facts };
        prop_assert_eq!(patterns::evaluate(&other, &Default::default(), &now), evaluation);
    }

    #[test]
    fn merging_a_day_twice_changes_nothing(known in day(near_date()), read in day(near_date())) {
        let as_text = |day: &HealthDay| format!("{day:?}"); // a value that is not a number equals nothing
        let once = merge(known, read.clone());
        prop_assert_eq!(as_text(&merge(once.clone(), read)), as_text(&once));
        prop_assert_eq!(as_text(&merge(once.clone(), once.clone())), as_text(&once));
    }

    #[test]
    fn merging_tasks_twice_changes_nothing(readings in readings()) {
        let once = merge_tasks(&readings, &TaskIdentities::default());
        let of = |source| once.iter().filter(|task| task.source == source).map(|task| task.task.clone().into_owned()).collect();
        let again: Vec<TaskReading> =
            readings.iter().map(|reading| TaskReading { tasks: of(reading.source), ..reading.clone() }).collect();
        prop_assert_eq!(sources_and_tasks(&merge_tasks(&again, &TaskIdentities::default())), sources_and_tasks(&once));
    }

    #[test]
    fn merging_loses_only_originals_of_copies(readings in readings()) {
        let rows: usize = readings.iter().map(|reading| reading.tasks.len()).sum();
        let ids = |source: &str| -> BTreeSet<String> {
            let of_source = readings.iter().filter(|reading| reading.source == source);
            of_source.flat_map(|reading| &reading.tasks).map(|task| task.id.clone()).collect()
        };
        let copies = readings.iter().flat_map(|reading| &reading.tasks).filter_map(|task| task.same_as.as_ref());
        let originals: BTreeSet<&String> = copies.map(|(_, id)| id).filter(|id| ids("workos").contains(*id)).collect();
        prop_assert_eq!(merge_tasks(&readings, &TaskIdentities::default()).len(), rows - originals.len());
    }

    #[test]
    fn nothing_is_put_off_between_equal_readings(tasks in open_tasks(true, true), other in open_tasks(true, true), at in moment()) {
        prop_assert!(postponed("workos", &tasks, &tasks, at).is_empty());
        let events = postponed("workos", &tasks, &other, at);
        let ids: BTreeSet<&str> = events.iter().map(|event| event.task_id.as_str()).collect();
        prop_assert_eq!(ids.len(), events.len());
    }
}

fn sources_and_tasks(merged: &[MergedTask<'_>]) -> Vec<(&'static str, Task)> {
    merged.iter().map(|merged| (merged.source, merged.task.clone().into_owned())).collect()
}
