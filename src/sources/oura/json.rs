//! Oura's JSON documents, as the API gives them and the cache keeps them, turned into days.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use serde_json::Value;

use crate::core::facts::{HealthDay, Night, RestMode, Stress};

/// A longer document (bytes) is passed over: a day's sleep with all its samples is a hundredth of this.
pub(crate) const LONGEST_DOCUMENT: u32 = 1024 * 1024;

/// More notes than this say nothing new.
const MOST_NOTES: usize = 20;

/// No period lasts longer (seconds): two days.
const LONGEST_PERIOD_S: f64 = 2.0 * 86_400.0;

/// Days put together from documents of several collections, in any order.
#[derive(Debug)]
pub(crate) struct Days {
    from: Date,
    to: Date,
    days: BTreeMap<Date, Building>,
    /// What was passed over, in sentences.
    pub(crate) notes: Vec<String>,
}

/// One day so far.
#[derive(Debug, Default)]
struct Building {
    readiness: Option<f64>,
    /// Kept periods by id, so that one told twice counts once.
    periods: BTreeMap<String, Period>,
    stress: Option<Stress>,
    as_of: Option<Timestamp>,
}

impl Days {
    /// Keeps the days `from..=to`.
    pub(crate) fn new(from: Date, to: Date) -> Self {
        Self { from, to, days: BTreeMap::new(), notes: Vec::new() }
    }

    /// The first and the last day that are kept.
    pub(crate) fn range(&self) -> (Date, Date) {
        (self.from, self.to)
    }

    /// Says that something was passed over.
    pub(crate) fn note(&mut self, note: String) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(note);
        }
    }

    /// A document of `daily_readiness`.
    pub(crate) fn readiness(&mut self, document: &Value, as_of: Option<Timestamp>) {
        if let Some((day, _)) = self.day("readiness", document, as_of) {
            day.readiness = number(document, "score", 0.0, 100.0).or(day.readiness);
        }
    }

    /// A document of `sleep`: one period. False detections (`rest`) and deleted periods count for nothing.
    pub(crate) fn sleep(&mut self, document: &Value, as_of: Option<Timestamp>) {
        let Some((day, nth)) = self.day("sleep", document, as_of) else { return };
        let id = document.get("id").and_then(Value::as_str).map_or_else(|| format!("#{nth}"), str::to_owned);
        match Period::parse(document) {
            Some(period) => day.periods.insert(id, period),
            None => day.periods.remove(&id),
        };
    }

    /// A document of `daily_stress`.
    pub(crate) fn stress(&mut self, document: &Value, as_of: Option<Timestamp>) {
        let Some((day, _)) = self.day("stress", document, as_of) else { return };
        if let (Some(high_s), Some(recovery_s)) = (seconds(document, "stress_high"), seconds(document, "recovery_high"))
        {
            day.stress = Some(Stress { high_s, recovery_s });
        }
    }

    /// The day that a document belongs to, and how many periods it has; none outside the range or without a day.
    fn day(&mut self, kind: &str, document: &Value, as_of: Option<Timestamp>) -> Option<(&mut Building, usize)> {
        if !document.is_object() {
            self.note(format!("A {kind} document is not an object and was passed over."));
            return None;
        }
        let Some(date) = date(document, "day") else {
            self.note(format!("A {kind} document has no day and was passed over."));
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

    /// The days by date, and the notes.
    pub(crate) fn finish(self) -> (Vec<HealthDay>, Vec<String>) {
        (self.days.into_iter().map(|(date, day)| day.finish(date)).collect(), self.notes)
    }
}

impl Building {
    fn finish(self, date: Date) -> HealthDay {
        let periods: Vec<Period> = self.periods.into_values().collect();
        HealthDay {
            date,
            readiness: self.readiness,
            slept_s: slept(&periods),
            night: night(&periods),
            stress: self.stress,
            as_of: self.as_of,
        }
    }
}

/// A kept sleep period.
#[derive(Debug)]
struct Period {
    kind: Kind,
    asleep_s: Option<u32>,
    /// The wearer's own wall clock when it began.
    began: Option<Time>,
    efficiency: Option<f64>,
    hrv_ms: Option<f64>,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// `long_sleep`: more than three hours.
    Long,
    /// `late_nap`.
    Nap,
    /// `sleep`, and whatever Oura may add.
    Plain,
}

impl Period {
    fn parse(document: &Value) -> Option<Self> {
        let kind = match document.get("type").and_then(Value::as_str) {
            Some("rest" | "deleted") => return None,
            Some("long_sleep") => Kind::Long,
            Some("late_nap") => Kind::Nap,
            _ => Kind::Plain,
        };
        Some(Self {
            kind,
            asleep_s: seconds(document, "total_sleep_duration"),
            began: document.get("bedtime_start").and_then(Value::as_str).and_then(wall_time),
            efficiency: number(document, "efficiency", 0.0, 100.0),
            hrv_ms: number(document, "average_hrv", 0.0, 1000.0).filter(|hrv| *hrv > 0.0),
        })
    }

    /// Whether this is (part of) the night: without one, the day's sleep is not known yet.
    fn is_nightly(&self) -> bool {
        match self.kind {
            Kind::Long => true,
            Kind::Nap => false,
            Kind::Plain => self.began.is_some_and(|time| time.hour() >= 20 || time.hour() < 6),
        }
    }
}

/// Seconds slept in the day: unknown until there is a night, or while the length of one is.
fn slept(periods: &[Period]) -> Option<u32> {
    let mut nightly = periods.iter().filter(|period| period.is_nightly()).peekable();
    nightly.peek()?;
    if nightly.any(|period| period.asleep_s.is_none()) {
        return None;
    }
    Some(periods.iter().filter_map(|period| period.asleep_s).fold(0, u32::saturating_add))
}

/// The longest `long_sleep`.
fn night(periods: &[Period]) -> Option<Night> {
    let longest = periods.iter().filter(|period| period.kind == Kind::Long).max_by_key(|period| period.asleep_s)?;
    Some(Night { asleep_s: longest.asleep_s, efficiency: longest.efficiency, hrv_ms: longest.hrv_ms })
}

/// A document of `rest_mode_period`; none if it has no start, or an end that cannot be read or lies before the start.
pub(crate) fn rest_mode(document: &Value) -> Option<RestMode> {
    let start = date(document, "start_day")?;
    let end = match document.get("end_day") {
        None | Some(Value::Null) => None,
        Some(_) => Some(date(document, "end_day").filter(|end| *end >= start)?),
    };
    Some(RestMode { start, end })
}

fn date(document: &Value, key: &str) -> Option<Date> {
    document.get(key)?.as_str()?.trim().parse().ok()
}

/// The wall clock of an ISO 8601 time, whatever its zone: `2026-11-19T23:12:04-06:00` is 23:12.
fn wall_time(text: &str) -> Option<Time> {
    let civil: DateTime = text.trim().get(.."2026-11-19T23:12".len())?.parse().ok()?;
    Some(civil.time())
}

/// A number, also one written as text; outside `least..=most` it is unknown.
fn number(document: &Value, key: &str, least: f64, most: f64) -> Option<f64> {
    let number = match document.get(key)? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (least..=most).contains(&number).then_some(number)
}

fn seconds(document: &Value, key: &str) -> Option<u32> {
    // In range after `number`, so the cast only drops the fraction.
    number(document, key, 0.0, LONGEST_PERIOD_S).map(|seconds| seconds.round() as u32)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A value of any type for a field.
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
        fn whatever_the_fields_hold_the_day_is_in_range(
            kind in prop_oneof![Just(json!("long_sleep")), any_value()],
            fields in proptest::collection::vec(any_value(), 8),
        ) {
            let mut days = Days::new(date(2026, 11, 20), date(2026, 11, 20));
            days.readiness(&json!({"day": "2026-11-20", "score": fields[0]}), None);
            days.sleep(&json!({
                "day": "2026-11-20", "id": fields[1], "type": kind, "total_sleep_duration": fields[2],
                "bedtime_start": fields[3], "efficiency": fields[4], "average_hrv": fields[5],
            }), None);
            days.stress(&json!({"day": "2026-11-20", "stress_high": fields[6], "recovery_high": fields[7]}), None);
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
        fn a_rest_period_never_ends_before_it_starts(start in any_value(), end in any_value()) {
            let period = rest_mode(&json!({"start_day": start, "end_day": end}));
            prop_assert!(period.is_none_or(|rest| rest.end.is_none_or(|end| end >= rest.start)));
        }
    }

    #[test]
    fn a_period_told_twice_counts_once_and_one_deleted_later_not_at_all() {
        let period = |kind: &str| json!({"id": "s", "day": "2026-11-20", "type": kind, "total_sleep_duration": 100});
        let told = |kinds: &[&str]| {
            let mut days = Days::new(date(2026, 11, 20), date(2026, 11, 20));
            kinds.iter().for_each(|kind| days.sleep(&period(kind), None));
            days.finish().0.first().and_then(|day| day.slept_s)
        };
        assert_eq!(told(&["long_sleep", "long_sleep"]), Some(100));
        assert_eq!(told(&["long_sleep", "deleted"]), None);
    }
}
