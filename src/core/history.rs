//! One reading beside another: what was put off between two, and two records of one day made one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::facts::{Due, HealthDay, Night, Postponement, Task};

/// The tasks that were put off between two readings of one source, by id: a due date that moved later, or a status that
/// went back. One event a task, whatever happened to it; a task that is only in one of the readings was not put off.
#[must_use]
pub fn postponed(source: &str, before: &[Task], after: &[Task], at: Timestamp) -> Vec<Postponement> {
    let before: BTreeMap<&str, &Task> = before.iter().map(|task| (task.id.as_str(), task)).collect();
    let after: BTreeMap<&str, &Task> = after.iter().map(|task| (task.id.as_str(), task)).collect();
    let events = after.into_iter().filter_map(|(id, task)| {
        let what = what_moved(before.get(id)?, task)?;
        Some(Postponement { source: source.into(), task_id: id.into(), title: task.title.clone(), at, change: what })
    });
    events.collect()
}

fn what_moved(before: &Task, after: &Task) -> Option<String> {
    let due = match (before.due, after.due) {
        (Some(old), Some(new)) if is_later(new, old) => Some(format!("due {old} → {new}")),
        _ => None,
    };
    let fell = after.status.rank().zip(before.status.rank()).is_some_and(|(new, old)| new < old);
    let status = fell.then(|| format!("{} → {}", before.status.as_str(), after.status.as_str()));
    let parts: Vec<String> = due.into_iter().chain(status).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// By date, or by time on the same date. A time that was only added or dropped has not moved.
fn is_later(new: Due, old: Due) -> bool {
    match (new, old) {
        (Due::At(new), Due::At(old)) => new > old,
        _ => new.date() > old.date(),
    }
}

/// What is known of a day after it was read again, field by field: what was read wins, unknown never overwrites known.
#[must_use]
pub fn merge_day(known: HealthDay, read: HealthDay) -> HealthDay {
    HealthDay {
        date: read.date,
        readiness: read.readiness.or(known.readiness),
        slept_s: read.slept_s.or(known.slept_s),
        night: match (known.night, read.night) {
            (Some(known), Some(read)) => Some(merge_night(known, read)),
            (known, read) => read.or(known),
        },
        stress: read.stress.or(known.stress),
        as_of: read.as_of.max(known.as_of),
    }
}

fn merge_night(known: Night, read: Night) -> Night {
    Night {
        asleep_s: read.asleep_s.or(known.asleep_s),
        efficiency: read.efficiency.or(known.efficiency),
        hrv_ms: read.hrv_ms.or(known.hrv_ms),
    }
}
