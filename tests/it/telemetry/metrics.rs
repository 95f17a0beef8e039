//! The metrics text: counters of a real engine, gauges of a snapshot, and the format.

mod counts;
mod gauges;
mod text;

/// The value of a series, named as in the text.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().expect("a number"))
}

/// Every series of a metric with its value, sorted.
fn series<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let is_series = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let mut found: Vec<&str> = text.lines().filter(is_series).collect();
    found.sort_unstable();
    found
}
