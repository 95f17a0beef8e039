//! The health data of the last weeks: a chart for each measure, and a table.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::chart::{AlertMarks, Chart, ChartData, format_value, title};
use super::query::DashboardQuery;
use super::text::{LocalClock, short_date, short_title};
use crate::core::facts::HealthDay;
use crate::core::rules::metric::Metric;
use crate::core::rules::thresholds::HealthThresholds;
use crate::core::status::Status;
use crate::store::journal::query::FiringSpan;
use crate::store::{self, Store};

pub(crate) struct HealthView {
    /// Empty if no day of the range is known.
    pub(crate) charts: Vec<Chart>,
    pub(crate) ranges: [RangeLink; 2],
    pub(crate) titles: [&'static str; 4],
    pub(crate) rows: Vec<DayRow>,
}

/// A link to another range of days.
pub(crate) struct RangeLink {
    pub(crate) days: u32,
    pub(crate) address: String,
    pub(crate) current: bool,
}

pub(crate) struct DayRow {
    pub(crate) date: Date,
    pub(crate) day: String,
    /// One for each measure; empty if it is unknown.
    pub(crate) values: Vec<String>,
    pub(crate) alerts: String,
}

impl HealthView {
    pub(crate) fn load(
        status: &Status,
        store: &Store,
        query: &DashboardQuery,
        clock: &LocalClock<'_>,
    ) -> Result<Self, store::Error> {
        let limits = thresholds(status);
        let last = clock.now.date();
        let first = last.saturating_sub(i64::from(query.days.saturating_sub(1)).days());
        let mut days = store.health_days(first.min(limits.first_day_of_history(last)))?;
        days.retain(|day| day.date <= last);
        let midnight = first.to_zoned_datetime(clock.now.time_zone().clone());
        let since = midnight.map_or(Timestamp::MIN, |midnight| midnight.timestamp());
        let (mut charts, mut marks) = (Vec::new(), Vec::new());
        for measure in Metric::ALL {
            let fired = alert_marks(measure, &store.firing_spans(measure.rules(), since)?, &days, clock);
            let baseline = measure.baseline(&days, &limits, clock.now);
            charts.push(Chart::new(&ChartData { measure, days: &days, baseline, marks: &fired, first, last }));
            marks.push(fired);
        }
        let any_known = days.iter().any(|day| day.date >= first && Metric::ALL.iter().any(|m| m.value(day).is_some()));
        Ok(Self {
            charts: if any_known { charts } else { Vec::new() },
            ranges: [30, 90].map(|days| RangeLink {
                days,
                address: DashboardQuery { days, ..query.clone() }.address(),
                current: days == query.days,
            }),
            titles: Metric::ALL.map(title),
            rows: day_rows(&days, &marks, first, last),
        })
    }
}

/// From the status, which holds the configuration in force.
fn thresholds(status: &Status) -> HealthThresholds {
    let configured = status.config.pointer("/thresholds/health").cloned();
    configured.and_then(|limits| serde_json::from_value(limits).ok()).unwrap_or_default()
}

/// The days on which alerts of a measure fired. A repeated journal entry spans days: it fired on those with a known value.
fn alert_marks(measure: Metric, spans: &[FiringSpan], days: &[HealthDay], clock: &LocalClock<'_>) -> AlertMarks {
    let mut marks = AlertMarks::new();
    for span in spans {
        let (first, last) = (clock.local(span.first_at).date(), clock.local(span.last_at).date());
        let between = days.iter().filter(|day| (first..=last).contains(&day.date) && measure.value(day).is_some());
        for date in between.map(|day| day.date).chain([first, last]).collect::<BTreeSet<_>>() {
            if marks.get(&date).is_none_or(|(priority, _)| *priority < span.priority) {
                marks.insert(date, (span.priority, short_title(&span.title)));
            }
        }
    }
    marks
}

/// Newest first, without days that have neither a value nor an alert.
fn day_rows(days: &[HealthDay], marks: &[AlertMarks], first: Date, last: Date) -> Vec<DayRow> {
    let known: BTreeMap<Date, &HealthDay> = days.iter().map(|day| (day.date, day)).collect();
    let fired = marks.iter().flat_map(BTreeMap::keys);
    let dates: BTreeSet<Date> =
        known.keys().chain(fired).copied().filter(|date| (first..=last).contains(date)).collect();
    let row = |date: Date| {
        let value = |measure: Metric| known.get(&date).and_then(|day| Some(format_value(measure, measure.value(day)?)));
        let alerts: Vec<&str> = marks.iter().filter_map(|marks| Some(marks.get(&date)?.1.as_str())).collect();
        let values = Metric::ALL.map(|measure| value(measure).unwrap_or_default());
        DayRow { date, day: short_date(date), values: values.into(), alerts: alerts.join("; ") }
    };
    let rows = dates.into_iter().rev().map(row);
    rows.filter(|row| !row.alerts.is_empty() || row.values.iter().any(|value| !value.is_empty())).collect()
}
