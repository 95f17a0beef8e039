//! More at once than a person can take: the most urgent are told one by one, the rest together.

use std::collections::BTreeSet;

use crate::core::alert::{Alert, AlertKey, Priority};

/// The keys beyond the first `at_most` by priority, then key. Critical alerts are exempt and do not count.
#[must_use]
pub fn beyond<'a>(alerts: impl Iterator<Item = &'a Alert>, at_most: usize) -> BTreeSet<AlertKey> {
    let mut ranked: Vec<&Alert> = alerts.filter(|alert| alert.priority < Priority::Critical).collect();
    ranked.sort_by(|a, b| by_urgency(a, b));
    ranked.into_iter().skip(at_most).map(|alert| alert.key.clone()).collect()
}

/// The most urgent first; among equals by key, so that the order never depends on how they came in.
#[must_use]
pub fn by_urgency(a: &Alert, b: &Alert) -> std::cmp::Ordering {
    b.priority.cmp(&a.priority).then_with(|| a.key.cmp(&b.key))
}
