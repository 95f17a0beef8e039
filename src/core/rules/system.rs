//! The system rules: sources that have been unavailable for long.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::Evaluation;
use super::draft::{AlertDraft, Collector};
use crate::core::alert::{Monitor, Priority};
use crate::core::circuit::{Cause, Circuit};
use crate::core::text::{humanize, relative, source_name};

/// An alert for each circuit that has not been closed for at least `open_for`. `circuits` must hold all of them.
pub fn evaluate(circuits: &BTreeMap<String, Circuit>, open_for: SignedDuration, now: &ZonedDateTime) -> Evaluation {
    let mut collector = Collector::new(Monitor::System, now);
    let unavailable = circuits.iter().filter_map(|(source, circuit)| unavailable(source, circuit, open_for, now));
    collector.add("system:source_unavailable", true, unavailable);
    collector.finish()
}

fn unavailable(source: &str, circuit: &Circuit, open_for: SignedDuration, now: &ZonedDateTime) -> Option<AlertDraft> {
    let since = circuit.failing_since()?;
    if now.timestamp().duration_since(since) < open_for {
        return None;
    }
    let name = source_name(source);
    let needs_user = circuit.cause() == Some(Cause::ActionRequired);
    let (title, outlook) = match needs_user {
        true => (format!("{name} needs you"), "It will not work until you change something: see the log"),
        false => (format!("{name} is unavailable"), "It may recover without you"),
    };
    let message = format!(
        "{name} has not worked since {} ({}). {outlook}. {}.",
        local_time(since, now),
        relative(now.timestamp(), since),
        next_try(circuit.retry_at(), now),
    );
    Some(
        AlertDraft::new(Priority::Medium, &title, message)
            .entity(source)
            .source(source, Some(now.timestamp()))
            .fact("since", since.to_string())
            .fact("needs_user", needs_user)
            .fact("retry_at", circuit.retry_at().map(|at| at.to_string())),
    )
}

/// With the date unless it is today.
fn local_time(at: Timestamp, now: &ZonedDateTime) -> String {
    let local = at.to_zoned_datetime(now.time_zone().clone());
    let clock = format!("{:02}:{:02}", local.hour(), local.minute());
    if local.date() == now.date() { clock } else { format!("{} {clock}", local.date()) }
}

fn next_try(retry_at: Option<Timestamp>, now: &ZonedDateTime) -> String {
    match retry_at.map(|at| at.duration_since(now.timestamp())) {
        Some(left) if left > SignedDuration::ZERO => format!("Next try in {}", humanize(left)),
        _ => "Next try at the next check".into(),
    }
}
