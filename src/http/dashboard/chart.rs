//! One chart: a measure over days as points and lines, with the usual range as a band and alerts as marks. Pure.

use std::collections::BTreeMap;

use askama::Template;
use jiff::ToSpan;
use jiff::civil::Date;

use super::words::{day, sentence};
use crate::core::alert::Priority;
use crate::core::facts::HealthDay;
use crate::core::rules::metric::{Baseline, Metric};
use crate::core::text::{count, hours_minutes, number};

/// The drawing's size, and where in it the days lie (units of the drawing).
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 32.0;
const RIGHT: f64 = 350.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 126.0;

/// The alerts of a measure by day: how urgent the worst one was, and what it said.
pub type Marks = BTreeMap<Date, (Priority, String)>;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Drawing<'a> {
    /// Which number of a day.
    pub measure: Metric,
    /// Days by date ascending, with gaps; those outside of the dates are passed over.
    pub days: &'a [HealthDay],
    /// What is usual.
    pub usual: Baseline,
    /// On which days alerts fired.
    pub marks: &'a Marks,
    /// The first day.
    pub first: Date,
    /// The last day: today.
    pub last: Date,
}

/// A chart, ready to be put into words and lines; it is shown as an SVG.
#[derive(Debug, Clone, PartialEq, Template)]
#[template(path = "dashboard/chart.html", whitespace = "minimize")]
pub struct Chart {
    name: &'static str,
    title: &'static str,
    span: String,
    description: String,
    newest: String,
    newest_day: String,
    usual: String,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    bottom: f64,
    band: Option<Band>,
    mean: Option<Line>,
    levels: Vec<Level>,
    dates: Vec<Label>,
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
struct Line {
    y: String,
    value: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Level {
    y: String,
    text: String,
    text_y: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Label {
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
    /// Draw it.
    #[must_use]
    pub fn draw(of: &Drawing<'_>) -> Self {
        let measure = of.measure;
        let within = |day: &&HealthDay| (of.first..=of.last).contains(&day.date);
        let known = of.days.iter().filter(within).filter_map(|day| Some((day.date, measure.value(day)?)));
        let known: BTreeMap<Date, f64> = known.collect();
        let scale = Scale::over(measure, known.values().copied(), of.usual);
        let place = Place { first: of.first, days: days_between(of.first, of.last), scale };
        let marks = of.marks.iter().filter(|(date, _)| (of.first..=of.last).contains(date));
        let marks: Vec<Mark> = marks.map(|(date, mark)| place.mark(*date, known.get(date), mark)).collect();
        Self {
            name: name(measure),
            title: title(measure),
            span: span(of),
            description: description(of, &known, marks.len()),
            newest: known.last_key_value().map(|(_, value)| show(measure, *value)).unwrap_or_default(),
            newest_day: newest_day(&known, of.last),
            usual: usual(measure, of.usual),
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            right: RIGHT,
            bottom: BOTTOM,
            band: of.usual.range.map(|range| place.band(range)),
            mean: of.usual.mean.map(|mean| Line { y: coordinate(scale.y(mean)), value: plain(mean) }),
            levels: scale.levels(),
            dates: place.dates(of.last),
            lines: place.lines(&known),
            points: known.iter().map(|(date, value)| place.point(measure, *date, *value)).collect(),
            marks,
            dense: place.days > 45,
        }
    }
}

/// What the numbers of a measure look like.
pub(crate) fn show(measure: Metric, value: f64) -> String {
    match measure {
        Metric::Readiness => number(value),
        Metric::HoursSlept => in_hours(value),
        Metric::Hrv => format!("{} ms", number(value)),
        Metric::StressShare => format!("{value:.0} %"),
    }
}

/// Its heading.
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
fn in_hours(value: f64) -> String {
    hours_minutes((value * 3600.0).round() as u32)
}

/// `your usual is 71–84`, as messages say it.
fn usual(measure: Metric, usual: Baseline) -> String {
    let whole = |value: f64| match measure {
        Metric::HoursSlept => in_hours(value),
        _ => format!("{value:.0}"),
    };
    let range = usual.range.map(|(low, high)| format!("your usual is {}–{}", whole(low), whole(high)));
    let mean = usual.mean.map(|mean| format!("your mean is {}", number(mean)));
    range.into_iter().chain(mean).collect::<Vec<_>>().join(", ")
}

fn newest_day(known: &BTreeMap<Date, f64>, today: Date) -> String {
    match known.last_key_value() {
        Some((date, _)) if *date == today => "today".into(),
        Some((date, _)) => day(*date),
        None => String::new(),
    }
}

/// `Thu 22 Oct to Fri 20 Nov`.
fn span(of: &Drawing<'_>) -> String {
    format!("{} to {}", day(of.first), day(of.last))
}

/// The whole chart for those who do not see it.
fn description(of: &Drawing<'_>, known: &BTreeMap<Date, f64>, alerts: usize) -> String {
    let span = span(of);
    let Some((_, value)) = known.last_key_value() else { return format!("{span}: no day is known.") };
    let newest = format!("{} {}", show(of.measure, *value), newest_day(known, of.last));
    let usual = match usual(of.measure, of.usual) {
        words if words.is_empty() => "What is usual for you is not known yet.".into(),
        words => format!("{}.", sentence(&words)),
    };
    let days = count(known.len(), "known day");
    format!("{span}, {days}. Newest: {newest}. {usual} {} with an alert.", count(alerts, "day"))
}

/// A value that a machine reads back: at most two decimals.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

fn coordinate(value: f64) -> String {
    format!("{value:.1}")
}

fn days_between(first: Date, last: Date) -> i32 {
    last.since(first).map_or(0, |span| span.get_days()).max(0)
}

/// Where days and values lie.
#[derive(Clone, Copy)]
struct Place {
    first: Date,
    days: i32,
    scale: Scale,
}

impl Place {
    fn x(&self, date: Date) -> f64 {
        let day = f64::from(days_between(self.first, date));
        LEFT + 6.0 + (RIGHT - LEFT - 12.0) * day / f64::from(self.days.max(1))
    }

    fn point(&self, measure: Metric, date: Date, value: f64) -> Point {
        let tip = format!("{}: {}", day(date), show(measure, value));
        Point { x: coordinate(self.x(date)), y: coordinate(self.scale.y(value)), date, value: plain(value), tip }
    }

    /// On its point; at the bottom where the value is not known any more.
    fn mark(&self, date: Date, value: Option<&f64>, (priority, title): &(Priority, String)) -> Mark {
        let y = value.map_or(BOTTOM, |value| self.scale.y(*value));
        let tip = format!("{}: {} alert – {title}", day(date), super::words::Urgency::of(*priority).word);
        Mark { x: coordinate(self.x(date)), y: coordinate(y), date, class: priority.as_str(), tip }
    }

    fn band(&self, (low, high): (f64, f64)) -> Band {
        let (top, bottom) = (self.scale.y(high), self.scale.y(low));
        // A range of one value is still to be seen.
        let height = (bottom - top).max(1.0);
        Band { y: coordinate(top), height: coordinate(height), low: plain(low), high: plain(high) }
    }

    /// A line for each run of days without a gap. Unknown is not zero, and nothing is drawn across it.
    fn lines(&self, known: &BTreeMap<Date, f64>) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut before: Option<Date> = None;
        for (date, value) in known {
            let place = format!("{} {}", coordinate(self.x(*date)), coordinate(self.scale.y(*value)));
            match lines.last_mut() {
                Some(line) if before.and_then(|day| day.tomorrow().ok()) == Some(*date) => {
                    line.push_str(" L");
                    line.push_str(&place);
                }
                _ => lines.push(format!("M{place}")),
            }
            before = Some(*date);
        }
        lines.retain(|line| line.contains('L'));
        lines
    }

    fn dates(&self, last: Date) -> Vec<Label> {
        let middle = self.first.saturating_add(i64::from(self.days / 2).days());
        let ends = [(self.first, "start"), (middle, "middle"), (last, "end")];
        let label = |(date, anchor): (Date, _)| Label {
            x: coordinate(self.x(date)),
            text: date.strftime("%-d %b").to_string(),
            anchor,
        };
        ends.map(label).into()
    }
}

/// From values to heights.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    /// All that is drawn fits in, with levels at round numbers. Every measure is at least zero.
    fn over(measure: Metric, values: impl Iterator<Item = f64>, usual: Baseline) -> Self {
        let range = usual.range.map(|(low, high)| [low, high]).into_iter().flatten();
        let (mut low, mut high) = values
            .chain(range)
            .chain(usual.mean)
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let least = if measure == Metric::HoursSlept { 2.0 } else { 20.0 };
        if low > high {
            (low, high) = (0.0, least);
        }
        let missing = (least - (high - low)).max(0.0);
        (low, high) = ((low - missing / 2.0).max(0.0), high + missing / 2.0);
        let steps = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 200.0];
        let step = steps.into_iter().find(|step| (high - low) / step <= 4.0).unwrap_or(500.0);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step }
    }

    fn y(self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        BOTTOM - (BOTTOM - TOP) * if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    fn levels(self) -> Vec<Level> {
        let level = |nth: u8| {
            let value = self.low + self.step * f64::from(nth);
            let y = self.y(value);
            (value <= self.high + self.step * 0.01).then(|| Level {
                y: coordinate(y),
                text: plain(value),
                text_y: coordinate(y + 3.5),
            })
        };
        (0..8).map_while(level).collect()
    }
}
