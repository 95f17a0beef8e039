//! What all messages say in the same words: where the facts come from, how old they are, what is usual.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::core::facts::{Due, TaskReading};
use crate::core::stats::quantile;
use crate::core::text::{ago, clip, source_name};

/// Older task facts are a copy, and the message says how old.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// A range is called usual when it rests on so many days.
const USUAL_MIN_DAYS: usize = 7;

/// `Oura, synced 2 h ago.`
pub(super) fn synced(source: &str, as_of: Option<Timestamp>, now: &ZonedDateTime) -> String {
    let name = source_name(source);
    as_of.map_or(format!("{name}."), |at| format!("{name}, synced {}.", ago(now.timestamp(), at)))
}

/// `State store, just read.`, or of a copy `State store, as of 2 h ago.`
pub(super) fn read(source: &str, as_of: Timestamp, now: &ZonedDateTime) -> String {
    let names: Vec<String> = source.split(", ").map(source_name).collect();
    let age = if now.timestamp().duration_since(as_of) > FRESH {
        format!("as of {}", ago(now.timestamp(), as_of))
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

/// How long something is past due, in words: days by the calendar, or the time since the minute itself.
pub(super) fn since_due(due: Due, now: &ZonedDateTime) -> String {
    match (due.days_past(now.date()), due.deadline(now.time_zone())) {
        (..=0, Some(deadline)) => ago(now.timestamp(), deadline.timestamp()),
        (1, _) => "yesterday".into(),
        (days, _) => format!("{days} days ago"),
    }
}

/// The sources of these readings as one word, `state_store, workos`, and the age of the oldest; None without readings.
pub(super) fn origin<'a>(readings: impl IntoIterator<Item = &'a TaskReading>) -> Option<(String, Timestamp)> {
    let (sources, ages): (BTreeSet<&str>, BTreeSet<Timestamp>) =
        readings.into_iter().map(|reading| (reading.source, reading.as_of)).unzip();
    Some((Vec::from_iter(sources).join(", "), *ages.first()?))
}

/// Text from outside, quoted inside a message.
pub(super) fn quoted(text: &str) -> String {
    format!("“{}”", clip(text, 200))
}

/// The person's usual range: the middle half of the days before, if there are enough of them.
pub(super) fn usual_range(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < USUAL_MIN_DAYS {
        return None;
    }
    quantile(values, 0.25).zip(quantile(values, 0.75))
}

/// ` – your usual is 71–84`, or nothing while that is not known.
pub(super) fn usual(range: Option<(f64, f64)>, show: impl Fn(f64) -> String) -> String {
    range.map_or_else(String::new, |(low, high)| format!(" – your usual is {}–{}", show(low), show(high)))
}
