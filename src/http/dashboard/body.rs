//! The body over weeks: a chart for each measure, and the same as a table.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::chart::{Chart, Drawing, Marks, show, title};
use super::query::Query;
use super::words::{Clock, day, title as one_line};
use crate::core::facts::HealthDay;
use crate::core::rules::metric::Metric;
use crate::core::rules::thresholds::HealthThresholds;
use crate::core::status::Status;
use crate::store::journal::query::FiringSpan;
use crate::store::{self, Store};

/// The charts and their table.
pub(crate) struct Body {
    pub(crate) charts: Vec<Chart>,
    pub(crate) ranges: [RangeLink; 2],
    pub(crate) titles: [&'static str; 4],
    pub(crate) rows: Vec<Row>,
}

/// A way to another length of time.
pub(crate) struct RangeLink {
    pub(crate) days: u32,
    pub(crate) address: String,
    pub(crate) current: bool,
}

/// A day of the table.
pub(crate) struct Row {
    pub(crate) date: Date,
    pub(crate) day: String,
    /// Empty where it is unknown.
    pub(crate) values: Vec<String>,
    pub(crate) alerts: String,
}

impl Body {
    pub(crate) fn read(status: &Status, store: &Store, query: &Query, clock: &Clock<'_>) -> Result<Self, store::Error> {
        let limits = thresholds(status);
        let last = clock.now.date();
        let first = last.saturating_sub(i64::from(query.days.saturating_sub(1)).days());
        let mut days = store.health_days(first.min(limits.first_day_of_history(last)))?;
        days.retain(|day| day.date <= last);
        let midnight = first.to_zoned_datetime(clock.now.time_zone().clone());
        let since = midnight.map_or(Timestamp::MIN, |midnight| midnight.timestamp());
        let (mut charts, mut marks) = (Vec::new(), Vec::new());
        for measure in Metric::ALL {
            let fired = marks_of(measure, &store.firing_spans(measure.rules(), since)?, &days, clock);
            let usual = measure.baseline(&days, &limits, clock.now);
            charts.push(Chart::draw(&Drawing { measure, days: &days, usual, marks: &fired, first, last }));
            marks.push(fired);
        }
        let known = days.iter().any(|day| day.date >= first && Metric::ALL.iter().any(|m| m.value(day).is_some()));
        Ok(Self {
            charts: if known { charts } else { Vec::new() },
            ranges: [30, 90].map(|days| RangeLink {
                days,
                address: Query { days, ..query.clone() }.address(),
                current: days == query.days,
            }),
            titles: Metric::ALL.map(title),
            rows: rows(&days, &marks, first, last),
        })
    }
}

/// The limits in force, as the status shows them.
fn thresholds(status: &Status) -> HealthThresholds {
    let shown = status.config.pointer("/thresholds/health").cloned();
    shown.and_then(|limits| serde_json::from_value(limits).ok()).unwrap_or_default()
}

/// The days on which alerts of a measure fired. An entry that counts spans days: it fired on those that were known.
fn marks_of(measure: Metric, firings: &[FiringSpan], days: &[HealthDay], clock: &Clock<'_>) -> Marks {
    let mut marks = Marks::new();
    for firing in firings {
        let (first, last) = (clock.local(firing.first_at).date(), clock.local(firing.last_at).date());
        let between = days.iter().filter(|day| (first..=last).contains(&day.date) && measure.value(day).is_some());
        for date in between.map(|day| day.date).chain([first, last]).collect::<BTreeSet<_>>() {
            if marks.get(&date).is_none_or(|(known, _)| *known < firing.priority) {
                marks.insert(date, (firing.priority, one_line(&firing.title)));
            }
        }
    }
    marks
}

/// The newest day first; a day of which nothing is known, and on which nothing fired, is left out.
fn rows(days: &[HealthDay], marks: &[Marks], first: Date, last: Date) -> Vec<Row> {
    let within = |date: &Date| (first..=last).contains(date);
    let known: BTreeMap<Date, &HealthDay> = days.iter().map(|day| (day.date, day)).collect();
    let fired = marks.iter().flat_map(BTreeMap::keys).copied();
    let dates: BTreeSet<Date> = known.keys().copied().chain(fired).filter(within).collect();
    let row = |date: Date| {
        let value = |measure: Metric| known.get(&date).and_then(|day| Some(show(measure, measure.value(day)?)));
        let alerts: Vec<&str> = marks.iter().filter_map(|marks| Some(marks.get(&date)?.1.as_str())).collect();
        let values = Metric::ALL.map(|measure| value(measure).unwrap_or_default());
        Row { date, day: day(date), values: values.into(), alerts: alerts.join("; ") }
    };
    let rows = dates.into_iter().rev().map(row);
    rows.filter(|row| !row.alerts.is_empty() || row.values.iter().any(|value| !value.is_empty())).collect()
}
