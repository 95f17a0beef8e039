//! Load: more tasks created than completed, too many clients in a day, a focus file left untouched.

use jiff::{SignedDuration, ZonedDateTime};

use super::PatternFacts;
use crate::core::alert::Priority;
use crate::core::facts::{Activity, TaskReading};
use crate::core::rules::draft::{AlertDraft, Collector, RuleResult};
use crate::core::rules::phrases::{origin, provenance};
use crate::core::rules::thresholds::PatternThresholds;
use crate::core::text::{humanize, number, relative, truncate};

pub(super) fn evaluate(
    collector: &mut Collector,
    facts: &PatternFacts<'_>,
    limits: &PatternThresholds,
    now: &ZonedDateTime,
) {
    collector.add_result("pattern:overcommitment", overcommitment(facts, limits, now));
    let clients_known = facts.complete && most_clients(facts).is_some();
    collector.add("pattern:context_switching", clients_known, context_switching(facts, limits, now));
    collector.add_result("pattern:stale_focus", stale_focus(facts, limits, now));
}

fn overcommitment(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> RuleResult {
    let activities: Vec<Activity> = facts.readings.iter().map(|reading| reading.activity).collect::<Option<_>>()?;
    let (source, as_of) = origin(facts.readings).filter(|_| facts.complete)?;
    let created: u64 = activities.iter().map(|activity| u64::from(activity.created)).sum();
    let completed: u64 = activities.iter().map(|activity| u64::from(activity.completed)).sum();
    let ratio = created as f64 / completed as f64; // infinite if nothing was completed
    let over = created >= u64::from(limits.overcommitment_min_created) && ratio > limits.overcommitment_ratio;
    Some(over.then(|| {
        let each =
            if completed == 0 { String::new() } else { format!(", {} new ones for each one done", number(ratio)) };
        let provenance = provenance(&source, as_of, now);
        let message = format!("{created} tasks created and {completed} completed in 7 days{each}. {provenance}");
        AlertDraft::new(Priority::Medium, "Taking on more than gets done", message)
            .source(&source, Some(as_of))
            .fact("created", created)
            .fact("completed", completed)
            .fact("limit", limits.overcommitment_ratio)
    }))
}

/// The reading with the most clients today. Counts are not added up, because two sources may know the same clients.
fn most_clients<'a>(facts: &PatternFacts<'a>) -> Option<(&'a TaskReading, u32)> {
    let clients = facts.readings.iter().filter_map(|reading| Some((reading, reading.activity?.clients_today?)));
    clients.max_by_key(|(_, clients)| *clients)
}

fn context_switching(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> Option<AlertDraft> {
    let (reading, clients) = most_clients(facts).filter(|(_, clients)| *clients >= limits.clients_in_a_day)?;
    let message = format!(
        "{clients} clients have a task touched today; {} or more scatter a day. {}",
        limits.clients_in_a_day,
        provenance(reading.source, reading.as_of, now),
    );
    let draft = AlertDraft::new(Priority::Low, &format!("{clients} clients in one day"), message);
    let draft = draft.source(reading.source, Some(reading.as_of));
    Some(draft.fact("clients", clients).fact("limit", limits.clients_in_a_day))
}

fn stale_focus(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> RuleResult {
    let focus = facts.focus.as_ref()?;
    let untouched = now.timestamp().duration_since(focus.modified);
    let stale = untouched >= SignedDuration::from_hours(24 * i64::from(limits.stale_focus_days));
    Some(stale.then(|| {
        let title = format!("Focus untouched for {}", humanize(untouched));
        let changed = relative(now.timestamp(), focus.modified);
        let message = format!("{} was last changed {changed}.", truncate(&focus.name, 100));
        AlertDraft::new(Priority::Low, &title, message)
            .source("focus_file", Some(now.timestamp()))
            .fact("modified", focus.modified.to_string())
            .fact("limit_days", limits.stale_focus_days)
    }))
}
