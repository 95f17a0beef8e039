//! What a scrape gets: counts of what a real engine does, gauges of a snapshot, and a text that Prometheus takes.

mod counts;
mod gauges;
mod text;

/// The value of a series, named as it stands in the text.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().expect("a number"))
}

/// Every series of a metric with its value, as it stands in the text, in order.
fn series<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let of = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let mut found: Vec<&str> = text.lines().filter(of).collect();
    found.sort_unstable();
    found
}
