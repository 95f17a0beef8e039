//! Parses Oura's JSON documents, of the API or the cache, into days.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use serde_json::Value;

use crate::core::facts::{HealthDay, Night, RestMode, Stress};
use crate::sources::task_builder::add_note;

/// A longer document is skipped. A day's sleep with all its samples is a hundredth of this.
pub(crate) const MAX_DOCUMENT_BYTES: u32 = 1024 * 1024;

/// Two days. A longer duration is unknown.
const MAX_PERIOD_S: f64 = 2.0 * 86_400.0;

/// Collects the days `from..=to` from documents of several collections, in any order.
#[derive(Debug)]
pub(crate) struct DayAccumulator {
    from: Date,
    to: Date,
    days: BTreeMap<Date, DayBuilder>,
    /// Sentences about skipped documents.
    notes: Vec<String>,
}

#[derive(Debug, Default)]
struct DayBuilder {
    readiness: Option<f64>,
    /// By id: a period may be in several documents.
    periods: BTreeMap<String, Period>,
    stress: Option<Stress>,
    as_of: Option<Timestamp>,
}

impl DayAccumulator {
    pub(crate) fn new(from: Date, to: Date) -> Self {
        Self { from, to, days: BTreeMap::new(), notes: Vec::new() }
    }

    pub(crate) fn range(&self) -> (Date, Date) {
        (self.from, self.to)
    }

    pub(crate) fn add_note(&mut self, note: String) {
        add_note(&mut self.notes, note);
    }

    /// Adds a document of `daily_readiness`.
    pub(crate) fn add_readiness(&mut self, document: &Value, as_of: Option<Timestamp>) {
        if let Some((day, _)) = self.day_of("readiness", document, as_of) {
            day.readiness = parse_number(document, "score", 0.0, 100.0).or(day.readiness);
        }
    }

    /// Adds a document of `sleep`, which is one period. False detections (`rest`) and deleted periods do not count.
    pub(crate) fn add_sleep(&mut self, document: &Value, as_of: Option<Timestamp>) {
        let Some((day, index)) = self.day_of("sleep", document, as_of) else { return };
        let id = document.get("id").and_then(Value::as_str).map_or_else(|| format!("#{index}"), str::to_owned);
        match Period::parse(document) {
            Some(period) => day.periods.insert(id, period),
            None => day.periods.remove(&id),
        };
    }

    /// Adds a document of `daily_stress`.
    pub(crate) fn add_stress(&mut self, document: &Value, as_of: Option<Timestamp>) {
        let Some((day, _)) = self.day_of("stress", document, as_of) else { return };
        if let (Some(high_s), Some(recovery_s)) =
            (parse_seconds(document, "stress_high"), parse_seconds(document, "recovery_high"))
        {
            day.stress = Some(Stress { high_s, recovery_s });
        }
    }

    /// The day of a document and the number of its periods. `None` outside the range or without a day.
    fn day_of(&mut self, kind: &str, document: &Value, as_of: Option<Timestamp>) -> Option<(&mut DayBuilder, usize)> {
        if !document.is_object() {
            self.add_note(format!("A {kind} document is not an object and was skipped."));
            return None;
        }
        let Some(date) = parse_date(document, "day") else {
            self.add_note(format!("A {kind} document has no day and was skipped."));
            return None;
        };
        if date < self.from || date > self.to {
            return None;
        }
        let day = self.days.entry(date).or_default();
        day.as_of = day.as_of.max(as_of);
        let periods = day.periods.len();
        Some((day, periods))
    }

    pub(crate) fn finish(self) -> (Vec<HealthDay>, Vec<String>) {
        (self.days.into_iter().map(|(date, day)| day.finish(date)).collect(), self.notes)
    }
}

impl DayBuilder {
    fn finish(self, date: Date) -> HealthDay {
        let periods: Vec<Period> = self.periods.into_values().collect();
        HealthDay {
            date,
            readiness: self.readiness,
            slept_s: total_sleep(&periods),
            night: main_night(&periods),
            stress: self.stress,
            as_of: self.as_of,
        }
    }
}

#[derive(Debug)]
struct Period {
    kind: PeriodKind,
    asleep_s: Option<u32>,
    /// By the user's wall clock.
    began: Option<Time>,
    efficiency: Option<f64>,
    hrv_ms: Option<f64>,
}

#[derive(Debug, PartialEq, Eq)]
enum PeriodKind {
    /// `long_sleep`: more than three hours.
    LongSleep,
    LateNap,
    /// `sleep`, and types unknown to Operator.
    Other,
}

impl Period {
    fn parse(document: &Value) -> Option<Self> {
        let kind = match document.get("type").and_then(Value::as_str) {
            Some("rest" | "deleted") => return None,
            Some("long_sleep") => PeriodKind::LongSleep,
            Some("late_nap") => PeriodKind::LateNap,
            _ => PeriodKind::Other,
        };
        Some(Self {
            kind,
            asleep_s: parse_seconds(document, "total_sleep_duration"),
            began: document.get("bedtime_start").and_then(Value::as_str).and_then(parse_wall_time),
            efficiency: parse_number(document, "efficiency", 0.0, 100.0),
            hrv_ms: parse_number(document, "average_hrv", 0.0, 1000.0).filter(|hrv| *hrv > 0.0),
        })
    }

    /// Whether the period belongs to the night.
    fn is_nightly(&self) -> bool {
        match self.kind {
            PeriodKind::LongSleep => true,
            PeriodKind::LateNap => false,
            PeriodKind::Other => self.began.is_some_and(|time| time.hour() >= 20 || time.hour() < 6),
        }
    }
}

/// Seconds slept in the day, naps included. Unknown without a nightly period, or if the length of one is unknown.
fn total_sleep(periods: &[Period]) -> Option<u32> {
    let mut nightly = periods.iter().filter(|period| period.is_nightly()).peekable();
    nightly.peek()?;
    if nightly.any(|period| period.asleep_s.is_none()) {
        return None;
    }
    Some(periods.iter().filter_map(|period| period.asleep_s).fold(0, u32::saturating_add))
}

/// The longest `long_sleep`.
fn main_night(periods: &[Period]) -> Option<Night> {
    let longest =
        periods.iter().filter(|period| period.kind == PeriodKind::LongSleep).max_by_key(|period| period.asleep_s)?;
    Some(Night { asleep_s: longest.asleep_s, efficiency: longest.efficiency, hrv_ms: longest.hrv_ms })
}

/// Parses a document of `rest_mode_period`. `None` without a start, or with an end that is invalid or before the start.
pub(crate) fn parse_rest_mode(document: &Value) -> Option<RestMode> {
    let start = parse_date(document, "start_day")?;
    let end = match document.get("end_day") {
        None | Some(Value::Null) => None,
        Some(_) => Some(parse_date(document, "end_day").filter(|end| *end >= start)?),
    };
    Some(RestMode { start, end })
}

fn parse_date(document: &Value, key: &str) -> Option<Date> {
    document.get(key)?.as_str()?.trim().parse().ok()
}

/// The time of an ISO 8601 text, without its offset: `2026-11-19T23:12:04-06:00` is 23:12.
fn parse_wall_time(text: &str) -> Option<Time> {
    let civil: DateTime = text.trim().get(.."2026-11-19T23:12".len())?.parse().ok()?;
    Some(civil.time())
}

/// A number, or text with a number. Outside `min..=max` it is unknown.
fn parse_number(document: &Value, key: &str, min: f64, max: f64) -> Option<f64> {
    let number = match document.get(key)? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (min..=max).contains(&number).then_some(number)
}

fn parse_seconds(document: &Value, key: &str) -> Option<u32> {
    // The range makes the cast lossless.
    parse_number(document, key, 0.0, MAX_PERIOD_S).map(|seconds| seconds.round() as u32)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (0..300_000).prop_map(Value::from),
            any::<f64>().prop_map(|number| Value::from(number.to_string())),
            ".{0,20}".prop_map(Value::from),
            Just(json!(["long_sleep"])),
        ]
    }

    proptest! {
        #[test]
        fn any_fields_give_values_in_range(
            kind in prop_oneof![Just(json!("long_sleep")), any_value()],
            fields in proptest::collection::vec(any_value(), 8),
        ) {
            let mut days = DayAccumulator::new(date(2026, 11, 20), date(2026, 11, 20));
            days.add_readiness(&json!({"day": "2026-11-20", "score": fields[0]}), None);
            days.add_sleep(&json!({
                "day": "2026-11-20", "id": fields[1], "type": kind, "total_sleep_duration": fields[2],
                "bedtime_start": fields[3], "efficiency": fields[4], "average_hrv": fields[5],
            }), None);
            days.add_stress(&json!({"day": "2026-11-20", "stress_high": fields[6], "recovery_high": fields[7]}), None);
            let (days, notes) = days.finish();
            prop_assert!(notes.is_empty());
            let day = &days[0];
            prop_assert!(day.readiness.is_none_or(|score| (0.0..=100.0).contains(&score)));
            prop_assert!(day.slept_s.is_none_or(|seconds| seconds <= 172_800));
            if let Some(night) = day.night {
                prop_assert!(night.efficiency.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
                prop_assert!(night.hrv_ms.is_none_or(|hrv| hrv > 0.0 && hrv <= 1000.0));
            }
        }

        #[test]
        fn rest_mode_never_ends_before_it_starts(start in any_value(), end in any_value()) {
            let period = parse_rest_mode(&json!({"start_day": start, "end_day": end}));
            prop_assert!(period.is_none_or(|rest| rest.end.is_none_or(|end| end >= rest.start)));
        }
    }

    #[test]
    fn duplicate_counts_once_and_deleted_not_at_all() {
        let period = |kind: &str| json!({"id": "s", "day": "2026-11-20", "type": kind, "total_sleep_duration": 100});
        let slept = |kinds: &[&str]| {
            let mut days = DayAccumulator::new(date(2026, 11, 20), date(2026, 11, 20));
            kinds.iter().for_each(|kind| days.add_sleep(&period(kind), None));
            days.finish().0.first().and_then(|day| day.slept_s)
        };
        assert_eq!(slept(&["long_sleep", "long_sleep"]), Some(100));
        assert_eq!(slept(&["long_sleep", "deleted"]), None);
    }
}
