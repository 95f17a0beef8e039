//! Commitments that are due soon, and overdue ones.

use jiff::{SignedDuration, ZonedDateTime};

use super::TaskFacts;
use crate::core::alert::Priority;
use crate::core::facts::{Commitment, Due, TaskReading};
use crate::core::rules::calendar::reminder_slot;
use crate::core::rules::draft::{AlertDraft, Collector};
use crate::core::rules::phrases::{provenance, quoted, since_due};
use crate::core::rules::thresholds::TaskThresholds;
use crate::core::text::{humanize, truncate};

/// A commitment with the reading that contains it.
type Row<'a> = (&'a TaskReading, &'a Commitment);

pub(super) fn evaluate(collector: &mut Collector, facts: &TaskFacts<'_>, limits: &TaskThresholds, now: &ZonedDateTime) {
    let evaluated = facts.complete && facts.readings.iter().any(|reading| reading.commitments.is_some());
    let slot = reminder_slot(&[limits.commitment_hour], now);
    let rows = || facts.readings.iter().flat_map(rows_of);
    let due = rows().filter_map(|row| due_soon(row, slot.as_deref()?, limits, now));
    collector.add("task:commitment_due", evaluated, due);
    collector.add("task:commitment_violation", evaluated, rows().filter_map(|row| overdue(row, limits, now)));
}

fn rows_of(reading: &TaskReading) -> impl Iterator<Item = Row<'_>> {
    reading.commitments.iter().flatten().map(move |commitment| (reading, commitment))
}

fn due_soon(row: Row<'_>, slot: &str, limits: &TaskThresholds, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = row.1.due.filter(|due| !due.is_past(now))?;
    let left = now.duration_until(&due.deadline(now.time_zone())?);
    if left > SignedDuration::from_hours(i64::from(limits.commitment_within_hours)) {
        return None;
    }
    let title = format!("Commitment due: {}", row.1.title);
    let when = format!("by {due}: {} left", humanize(left));
    let draft = draft(Priority::Medium, &title, &when, due, row, now);
    Some(draft.fact("seconds_left", left.as_secs()).occasion(slot))
}

fn overdue(row: Row<'_>, limits: &TaskThresholds, now: &ZonedDateTime) -> Option<AlertDraft> {
    let due = row.1.due.filter(|due| due.is_past(now))?;
    let days_past = due.days_past(now.date());
    let critical = i64::from(days_past) >= i64::from(limits.violation_critical_days);
    let priority = if critical { Priority::Critical } else { Priority::High };
    let title = format!("Commitment overdue: {}", row.1.title);
    let when = format!("by {due}, {}", since_due(due, now));
    Some(draft(priority, &title, &when, due, row, now).fact("days_past", days_past))
}

fn draft(
    priority: Priority,
    title: &str,
    when: &str,
    due: Due,
    (reading, commitment): Row<'_>,
    now: &ZonedDateTime,
) -> AlertDraft {
    let person = truncate(&commitment.person, 60);
    let to = if person.is_empty() { String::new() } else { format!(" to {person}") };
    let provenance = provenance(reading.source, reading.as_of, now);
    let message = format!("You committed{to}: {} {when}. {provenance}", quoted(&commitment.title));
    AlertDraft::new(priority, title, message)
        .entity(&commitment.id)
        .source(reading.source, Some(reading.as_of))
        .fact("promise", commitment.title.as_str())
        .fact("person", commitment.person.as_str())
        .fact("due", due.to_string())
}
