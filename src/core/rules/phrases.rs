//! Phrases that alert messages share: the origin and age of facts, the usual range, quotes.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::core::facts::{Due, TaskReading};
use crate::core::stats::quantile;
use crate::core::text::{relative, source_name, truncate};

/// Older task facts come from a saved copy, and the message names their age.
const FRESH_FOR: SignedDuration = SignedDuration::from_mins(5);
/// A usual range needs this many days.
const USUAL_MIN_DAYS: usize = 7;

/// `Oura, synced 2 h ago.`
pub(super) fn synced(source: &str, as_of: Option<Timestamp>, now: &ZonedDateTime) -> String {
    let name = source_name(source);
    as_of.map_or(format!("{name}."), |at| format!("{name}, synced {}.", relative(now.timestamp(), at)))
}

/// `State store, just read.`, or for a copy `State store, as of 2 h ago.` `source` may list several, separated by `, `.
pub(super) fn provenance(source: &str, as_of: Timestamp, now: &ZonedDateTime) -> String {
    let names: Vec<String> = source.split(", ").map(source_name).collect();
    let age = if now.timestamp().duration_since(as_of) > FRESH_FOR {
        format!("as of {}", relative(now.timestamp(), as_of))
    } else {
        "just read".into()
    };
    format!("{}, {age}.", enumeration(&names))
}

/// `Markdown, Taskwarrior and Todoist`.
fn enumeration(names: &[String]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        names => names.concat(),
    }
}

/// Time since a due date in calendar days, or since the due minute on the same day.
pub(super) fn since_due(due: Due, now: &ZonedDateTime) -> String {
    match (due.days_past(now.date()), due.deadline(now.time_zone())) {
        (..=0, Some(deadline)) => relative(now.timestamp(), deadline.timestamp()),
        (1, _) => "yesterday".into(),
        (days, _) => format!("{days} days ago"),
    }
}

/// The sources of these readings, as `state_store, workos`, and the age of the oldest. None without readings.
pub(super) fn origin<'a>(readings: impl IntoIterator<Item = &'a TaskReading>) -> Option<(String, Timestamp)> {
    let (sources, ages): (BTreeSet<&str>, BTreeSet<Timestamp>) =
        readings.into_iter().map(|reading| (reading.source, reading.as_of)).unzip();
    Some((Vec::from_iter(sources).join(", "), *ages.first()?))
}

/// External text inside a message.
pub(super) fn quoted(text: &str) -> String {
    format!("“{}”", truncate(text, 200))
}

/// The user's usual range: the interquartile range of earlier days.
pub(super) fn usual_range(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < USUAL_MIN_DAYS {
        return None;
    }
    quantile(values, 0.25).zip(quantile(values, 0.75))
}

/// ` – your usual is 71–84`; empty while the range is unknown.
pub(super) fn usual(range: Option<(f64, f64)>, show: impl Fn(f64) -> String) -> String {
    range.map_or_else(String::new, |(low, high)| format!(" – your usual is {}–{}", show(low), show(high)))
}
