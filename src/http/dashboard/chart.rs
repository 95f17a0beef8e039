//! A chart of one measure as SVG: days as points and lines, the baseline as a band, alerts as marks.

use std::collections::BTreeMap;

use askama::Template;
use jiff::ToSpan;
use jiff::civil::Date;

use super::text::{PriorityLabel, short_date};
use crate::core::alert::Priority;
use crate::core::facts::HealthDay;
use crate::core::rules::metric::{Baseline, Metric};
use crate::core::text::{capitalize, count, hours_minutes, number};

/// Size and plot area, in SVG units.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 32.0;
const RIGHT: f64 = 350.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 126.0;

/// The priority and title of the most urgent alert, by day.
pub type AlertMarks = BTreeMap<Date, (Priority, String)>;

#[derive(Debug, Clone, Copy)]
pub struct ChartData<'a> {
    pub measure: Metric,
    /// Ascending, with gaps. Days outside `first..=last` are ignored.
    pub days: &'a [HealthDay],
    pub baseline: Baseline,
    pub marks: &'a AlertMarks,
    pub first: Date,
    /// Today.
    pub last: Date,
}

#[derive(Debug, Clone, PartialEq, Template)]
#[template(path = "dashboard/chart.html", whitespace = "minimize")]
pub struct Chart {
    name: &'static str,
    title: &'static str,
    span: String,
    description: String,
    newest: String,
    newest_day: String,
    baseline: String,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    bottom: f64,
    band: Option<Band>,
    mean: Option<MeanLine>,
    grid: Vec<GridLine>,
    dates: Vec<AxisLabel>,
    lines: Vec<String>,
    points: Vec<Point>,
    marks: Vec<Mark>,
    dense: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Band {
    y: String,
    height: String,
    low: String,
    high: String,
}

#[derive(Debug, Clone, PartialEq)]
struct MeanLine {
    y: String,
    value: String,
}

#[derive(Debug, Clone, PartialEq)]
struct GridLine {
    y: String,
    text: String,
    text_y: String,
}

#[derive(Debug, Clone, PartialEq)]
struct AxisLabel {
    x: String,
    text: String,
    anchor: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
struct Point {
    x: String,
    y: String,
    date: Date,
    value: String,
    tip: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Mark {
    x: String,
    y: String,
    date: Date,
    class: &'static str,
    tip: String,
}

impl Chart {
    #[must_use]
    pub fn new(data: &ChartData<'_>) -> Self {
        let (measure, baseline) = (data.measure, data.baseline);
        let in_range = |date: &Date| (data.first..=data.last).contains(date);
        let days = data.days.iter().filter(|day| in_range(&day.date));
        let known: BTreeMap<Date, f64> = days.filter_map(|day| Some((day.date, measure.value(day)?))).collect();
        let scale = Scale::new(measure, known.values().copied(), baseline);
        let plot = Plot { first: data.first, days: days_between(data.first, data.last), scale };
        let marks = data.marks.iter().filter(|(date, _)| in_range(date));
        let marks: Vec<Mark> = marks.map(|(date, mark)| plot.mark(*date, known.get(date), mark)).collect();
        Self {
            name: name(measure),
            title: title(measure),
            span: span_text(data),
            description: description(data, &known, marks.len()),
            newest: known.last_key_value().map(|(_, value)| format_value(measure, *value)).unwrap_or_default(),
            newest_day: newest_day(&known, data.last),
            baseline: baseline_text(measure, baseline),
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            right: RIGHT,
            bottom: BOTTOM,
            band: baseline.range.map(|range| plot.band(range)),
            mean: baseline.mean.map(|mean| MeanLine { y: coordinate(scale.y(mean)), value: plain_number(mean) }),
            grid: scale.grid_lines(),
            dates: plot.date_labels(data.last),
            lines: plot.lines(&known),
            points: known.iter().map(|(date, value)| plot.point(measure, *date, *value)).collect(),
            marks,
            dense: plot.days > 45,
        }
    }
}

/// A value with its unit.
pub(crate) fn format_value(measure: Metric, value: f64) -> String {
    match measure {
        Metric::Readiness => number(value),
        Metric::HoursSlept => hours_text(value),
        Metric::Hrv => format!("{} ms", number(value)),
        Metric::StressShare => format!("{value:.0} %"),
    }
}

pub(crate) const fn title(measure: Metric) -> &'static str {
    match measure {
        Metric::Readiness => "Readiness",
        Metric::HoursSlept => "Hours slept",
        Metric::Hrv => "Heart-rate variability",
        Metric::StressShare => "Stress share",
    }
}

const fn name(measure: Metric) -> &'static str {
    match measure {
        Metric::Readiness => "readiness",
        Metric::HoursSlept => "hours-slept",
        Metric::Hrv => "hrv",
        Metric::StressShare => "stress",
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // hours of a day
fn hours_text(value: f64) -> String {
    hours_minutes((value * 3600.0).round() as u32)
}

/// `your usual is 71–84`, as in alert messages.
fn baseline_text(measure: Metric, baseline: Baseline) -> String {
    let whole = |value: f64| match measure {
        Metric::HoursSlept => hours_text(value),
        _ => format!("{value:.0}"),
    };
    let range = baseline.range.map(|(low, high)| format!("your usual is {}–{}", whole(low), whole(high)));
    let mean = baseline.mean.map(|mean| format!("your mean is {}", number(mean)));
    range.into_iter().chain(mean).collect::<Vec<_>>().join(", ")
}

fn newest_day(known: &BTreeMap<Date, f64>, today: Date) -> String {
    match known.last_key_value() {
        Some((date, _)) if *date == today => "today".into(),
        Some((date, _)) => short_date(*date),
        None => String::new(),
    }
}

/// `Thu 22 Oct to Fri 20 Nov`.
fn span_text(data: &ChartData<'_>) -> String {
    format!("{} to {}", short_date(data.first), short_date(data.last))
}

/// The chart in words, for a screen reader.
fn description(data: &ChartData<'_>, known: &BTreeMap<Date, f64>, alert_days: usize) -> String {
    let span = span_text(data);
    let Some((_, value)) = known.last_key_value() else { return format!("{span}: no known day.") };
    let newest = format!("{} {}", format_value(data.measure, *value), newest_day(known, data.last));
    let baseline = match baseline_text(data.measure, data.baseline) {
        text if text.is_empty() => "Your usual range is not known yet.".into(),
        text => format!("{}.", capitalize(&text)),
    };
    let days = count(known.len(), "known day");
    format!("{span}, {days}. Newest: {newest}. {baseline} {} with an alert.", count(alert_days, "day"))
}

/// At most two decimals, without trailing zeros.
fn plain_number(value: f64) -> String {
    format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn coordinate(value: f64) -> String {
    format!("{value:.1}")
}

fn days_between(first: Date, last: Date) -> i32 {
    last.since(first).map_or(0, |span| span.get_days()).max(0)
}

/// Maps days and values to coordinates.
#[derive(Clone, Copy)]
struct Plot {
    first: Date,
    days: i32,
    scale: Scale,
}

impl Plot {
    fn x(&self, date: Date) -> f64 {
        let day = f64::from(days_between(self.first, date));
        LEFT + 6.0 + (RIGHT - LEFT - 12.0) * day / f64::from(self.days.max(1))
    }

    fn point(&self, measure: Metric, date: Date, value: f64) -> Point {
        let tip = format!("{}: {}", short_date(date), format_value(measure, value));
        Point { x: coordinate(self.x(date)), y: coordinate(self.scale.y(value)), date, value: plain_number(value), tip }
    }

    /// On its point; at the bottom if the value is unknown.
    fn mark(&self, date: Date, value: Option<&f64>, (priority, title): &(Priority, String)) -> Mark {
        let y = value.map_or(BOTTOM, |value| self.scale.y(*value));
        let tip = format!("{}: {} alert – {title}", short_date(date), PriorityLabel::from(*priority).text);
        Mark { x: coordinate(self.x(date)), y: coordinate(y), date, class: priority.as_str(), tip }
    }

    fn band(&self, (low, high): (f64, f64)) -> Band {
        let (top, bottom) = (self.scale.y(high), self.scale.y(low));
        // A range of one value stays visible.
        let height = (bottom - top).max(1.0);
        Band { y: coordinate(top), height: coordinate(height), low: plain_number(low), high: plain_number(high) }
    }

    /// A path for each run of days without a gap. No line crosses an unknown day.
    fn lines(&self, known: &BTreeMap<Date, f64>) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut previous: Option<Date> = None;
        for (date, value) in known {
            let point = format!("{} {}", coordinate(self.x(*date)), coordinate(self.scale.y(*value)));
            match lines.last_mut() {
                Some(line) if previous.and_then(|day| day.tomorrow().ok()) == Some(*date) => {
                    line.push_str(" L");
                    line.push_str(&point);
                }
                _ => lines.push(format!("M{point}")),
            }
            previous = Some(*date);
        }
        lines.retain(|line| line.contains('L'));
        lines
    }

    fn date_labels(&self, last: Date) -> Vec<AxisLabel> {
        let middle = self.first.saturating_add(i64::from(self.days / 2).days());
        let dates = [(self.first, "start"), (middle, "middle"), (last, "end")];
        let label = |(date, anchor): (Date, _)| AxisLabel {
            x: coordinate(self.x(date)),
            text: date.strftime("%-d %b").to_string(),
            anchor,
        };
        dates.map(label).into()
    }
}

/// Maps values to heights.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    /// Covers the values and the baseline, with grid lines at round numbers. No measure is negative.
    fn new(measure: Metric, values: impl Iterator<Item = f64>, baseline: Baseline) -> Self {
        let range = baseline.range.map(|(low, high)| [low, high]).into_iter().flatten();
        let (mut low, mut high) = values
            .chain(range)
            .chain(baseline.mean)
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let min_span = if measure == Metric::HoursSlept { 2.0 } else { 20.0 };
        if low > high {
            (low, high) = (0.0, min_span);
        }
        let missing = (min_span - (high - low)).max(0.0);
        (low, high) = ((low - missing / 2.0).max(0.0), high + missing / 2.0);
        let steps = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 200.0];
        let step = steps.into_iter().find(|step| (high - low) / step <= 4.0).unwrap_or(500.0);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step }
    }

    fn y(self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        BOTTOM - (BOTTOM - TOP) * if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    fn grid_lines(self) -> Vec<GridLine> {
        let line = |nth: u8| {
            let value = self.low + self.step * f64::from(nth);
            let y = self.y(value);
            (value <= self.high + self.step * 0.01).then(|| GridLine {
                y: coordinate(y),
                text: plain_number(value),
                text_y: coordinate(y + 3.5),
            })
        };
        (0..8).map_while(line).collect()
    }
}
