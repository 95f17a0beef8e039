//! Promises that are due soon, and broken ones.

use jiff::{SignedDuration, ZonedDateTime};

use super::TaskFacts;
use crate::core::alert::Priority;
use crate::core::facts::{Commitment, Due, TaskReading};
use crate::core::rules::calendar::occasion;
use crate::core::rules::draft::{AlertDraft, Collector};
use crate::core::rules::phrases::{quoted, read, since_due};
use crate::core::rules::thresholds::TaskThresholds;
use crate::core::text::{clip, span};

pub(super) fn judge(found: &mut Collector, facts: &TaskFacts<'_>, limits: &TaskThresholds, now: &ZonedDateTime) {
    let judged = facts.complete && facts.readings.iter().any(|reading| reading.commitments.is_some());
    let slot = occasion(&[limits.commitment_hour], now);
    let promises = || facts.readings.iter().flat_map(promises_of);
    found.rule(
        "task:commitment_due",
        judged,
        promises().filter_map(|promise| due_soon(promise, slot.as_deref()?, limits, now)),
    );
    found.rule("task:commitment_violation", judged, promises().filter_map(|promise| broken(promise, limits, now)));
}

type Promise<'a> = (&'a TaskReading, &'a Commitment);

fn promises_of(reading: &TaskReading) -> impl Iterator<Item = Promise<'_>> {
    reading.commitments.iter().flatten().map(move |promise| (reading, promise))
}

fn due_soon(promise: Promise<'_>, slot: &str, limits: &TaskThresholds, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = promise.1.due.filter(|due| !due.is_past(now))?;
    let left = now.duration_until(&due.deadline(now.time_zone())?);
    if left > SignedDuration::from_hours(i64::from(limits.commitment_within_hours)) {
        return None;
    }
    let title = format!("Promise due: {}", promise.1.title);
    let when = format!("by {due}: {} left", span(left));
    Some(finding(Priority::Medium, &title, &when, due, promise, now).fact("seconds_left", left.as_secs()).on(slot))
}

fn broken(promise: Promise<'_>, limits: &TaskThresholds, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = promise.1.due.filter(|due| due.is_past(now))?;
    let days_past = due.days_past(now.date());
    let critical = i64::from(days_past) >= i64::from(limits.violation_critical_days);
    let priority = if critical { Priority::Critical } else { Priority::High };
    let title = format!("Promise overdue: {}", promise.1.title);
    let when = format!("by {due}, {}", since_due(due, now));
    Some(finding(priority, &title, &when, due, promise, now).fact("days_past", days_past))
}

fn finding(
    priority: Priority,
    title: &str,
    when: &str,
    due: Due,
    (reading, promise): Promise<'_>,
    now: &ZonedDateTime,
) -> AlertDraft {
    let person = clip(&promise.person, 60);
    let to = if person.is_empty() { String::new() } else { format!(" {person}") };
    let origin = read(reading.source, reading.as_of, now);
    let message = format!("You promised{to} {} {when}. {origin}", quoted(&promise.title));
    AlertDraft::new(priority, title, message)
        .about(&promise.id)
        .read_from(reading.source, Some(reading.as_of))
        .fact("promise", promise.title.as_str())
        .fact("person", promise.person.as_str())
        .fact("due", due.to_string())
}
