//! Comparing two readings of a source: postponed tasks, and merged health data.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::facts::{Due, HealthDay, Night, Postponement, Task};

/// The tasks that were postponed between two readings of one source, by id: a due date that moved later, or a status of lower
/// rank. At most one event per task; a task that only one reading has was not postponed.
pub fn postponed(source: &str, before: &[Task], after: &[Task], at: Timestamp) -> Vec<Postponement> {
    let before: BTreeMap<&str, &Task> = before.iter().map(|task| (task.id.as_str(), task)).collect();
    let after: BTreeMap<&str, &Task> = after.iter().map(|task| (task.id.as_str(), task)).collect();
    let events = after.into_iter().filter_map(|(id, task)| {
        let change = postponement(before.get(id)?, task)?;
        Some(Postponement { source: source.into(), task_id: id.into(), title: task.title.clone(), at, change })
    });
    events.collect()
}

fn postponement(before: &Task, after: &Task) -> Option<String> {
    let due = match (before.due, after.due) {
        (Some(old), Some(new)) if is_later(new, old) => Some(format!("due {old} → {new}")),
        _ => None,
    };
    let fell = after.status.rank().zip(before.status.rank()).is_some_and(|(new, old)| new < old);
    let status = fell.then(|| format!("{} → {}", before.status, after.status));
    let parts: Vec<String> = due.into_iter().chain(status).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// By date, or by time on the same date. Adding or removing a time is not a move.
fn is_later(new: Due, old: Due) -> bool {
    match (new, old) {
        (Due::At(new), Due::At(old)) => new > old,
        _ => new.date() > old.date(),
    }
}

/// A known day, updated field by field: new values win, unknown values never replace known ones.
pub fn merge(known: HealthDay, read: HealthDay) -> HealthDay {
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
