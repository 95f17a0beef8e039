//! Policy alone: what a decision costs when there are many, with as many incidents remembered.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::Priority;
use operator::core::channel::{Channel, Routing};
use operator::core::policy::incident_state::IncidentState;
use operator::core::policy::{PolicyContext, decide};
use operator::core::rules::Evaluation;

use crate::homes::overdue;
use crate::measure::median;
use crate::table::Row;

pub(crate) fn rows(_: &Path) -> Vec<Row> {
    let counts = [10, 100, 1_000, 10_000];
    let each = counts.map(microseconds_each);
    let cost = counts.iter().zip(&each);
    let of = |(count, each): (&u32, &f64)| Row::new(&format!("decide() over {count} alerts, each"), *each, "µs", None);
    let growth = each[3] / each[0];
    // Sorting and looking up cost the logarithm of how many there are: 4 times as much for 10,000 as for 10.
    cost.map(of).chain([Row::new("decide(), each of 10,000 : each of 10", growth, "×", Some(4.0))]).collect()
}

fn microseconds_each(count: u32) -> f64 {
    let routing = Routing(vec![(Channel::Notification, Priority::Medium), (Channel::Telegram, Priority::High)]);
    let first = Timestamp::now();
    let evaluations = |at| {
        let alerts = (0..count).map(|number| overdue(at, number)).collect();
        vec![Evaluation {
            alerts,
            evaluated: BTreeSet::from(["task:deadline_overdue".into()]),
            ..Evaluation::default()
        }]
    };
    let at = |now| PolicyContext {
        now,
        quiet: false,
        in_event: false,
        min_window: SignedDuration::from_hours(1),
        max_alerts: 20,
        disabled_monitors: &[],
        routing: &routing,
    };
    let mut memory = IncidentState::default();
    for outcome in decide(evaluations(first), &memory, &at(first)) {
        let incident = memory.incident_after(&outcome, first);
        memory.incidents.insert(outcome.alert.key.clone(), incident);
    }
    let second = first + SignedDuration::from_mins(15);
    let timed = || {
        let evaluations = evaluations(second);
        let began = Instant::now();
        let outcomes = black_box(decide(black_box(evaluations), &memory, &at(second)));
        let took = began.elapsed();
        drop(outcomes);
        took.as_secs_f64() * 1e6 / f64::from(count)
    };
    median((0..200_000 / count).map(|_| timed()))
}
