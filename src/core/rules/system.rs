//! Operator's own sources: one that has not answered for long is worth a word.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::Evaluation;
use crate::core::alert::{Monitor, Priority};
use crate::core::circuit::{Cause, Circuit};
use crate::core::rules::draft::{AlertDraft, Collector};
use crate::core::text::{ago, source_name, span};

/// An alert for every circuit that has not been closed for at least `open_for`. All that are given are judged.
#[must_use]
pub fn judge(circuits: &BTreeMap<String, Circuit>, open_for: SignedDuration, now: &ZonedDateTime) -> Evaluation {
    let mut found = Collector::new(Monitor::System, now);
    let unavailable = circuits.iter().filter_map(|(source, circuit)| unavailable(source, circuit, open_for, now));
    found.rule("system:source_unavailable", true, unavailable);
    found.finish()
}

fn unavailable(source: &str, circuit: &Circuit, open_for: SignedDuration, now: &ZonedDateTime) -> Option<AlertDraft> {
    let since = circuit.troubled_since()?;
    if now.timestamp().duration_since(since) < open_for {
        return None;
    }
    let name = source_name(source);
    let (title, outlook) = match circuit.cause() {
        Some(Cause::NeedsUser) => {
            (format!("{name} needs you"), "It will not work until you change something: the log says what")
        }
        _ => (format!("{name} is unavailable"), "It may mend itself; you need not do anything"),
    };
    let message = format!(
        "{name} has not worked since {} ({}). {outlook}. {}.",
        moment(since, now),
        ago(now.timestamp(), since),
        next_try(circuit.retry_at(), now),
    );
    Some(
        AlertDraft::new(Priority::Medium, &title, message)
            .about(source)
            .read_from(source, Some(now.timestamp()))
            .fact("since", since.to_string())
            .fact("needs_user", circuit.cause() == Some(Cause::NeedsUser))
            .fact("retry_at", circuit.retry_at().map(|at| at.to_string())),
    )
}

/// The local time, with the date unless it is today.
fn moment(at: Timestamp, now: &ZonedDateTime) -> String {
    let local = at.to_zoned_datetime(now.time_zone().clone());
    let clock = format!("{:02}:{:02}", local.hour(), local.minute());
    if local.date() == now.date() { clock } else { format!("{} {clock}", local.date()) }
}

fn next_try(retry_at: Option<Timestamp>, now: &ZonedDateTime) -> String {
    match retry_at.map(|at| at.duration_since(now.timestamp())) {
        Some(left) if left > SignedDuration::ZERO => format!("Next try in {}", span(left)),
        _ => "Next try at the next check".into(),
    }
}
