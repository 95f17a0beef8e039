//! The health monitor: evaluates today's health data against its history.

use jiff::ZonedDateTime;
use jiff::civil::Date;

use super::oura::OuraReading;
use super::outcome::MonitorOutcome;
use crate::core::facts::{HealthDay, RestMode};
use crate::core::rules::health::{self as rules, HealthFacts};
use crate::core::rules::thresholds::HealthThresholds;

/// `days` is the history by date ascending. Without data of today the run is skipped: older days are not evaluated.
pub fn evaluate(
    fetched: &OuraReading,
    days: &[HealthDay],
    rest: &[RestMode],
    limits: &HealthThresholds,
    now: &ZonedDateTime,
) -> MonitorOutcome {
    let Some(reading) = &fetched.reading else { return MonitorOutcome::skipped(fetched.error.as_ref()) };
    let today = reading.days.iter().find(|day| day.date == now.date() && day.is_synced());
    let resting = rest.iter().any(|rest| covers(rest, now.date()));
    match (today, &fetched.error) {
        (None, Some(error)) => MonitorOutcome::skipped([error]),
        (None, None) => MonitorOutcome::Skipped { reason: "not_synced_yet".into() },
        (Some(today), error) => {
            let before = days.partition_point(|day| day.date < now.date());
            let history = days.get(..before).unwrap_or_default();
            let facts = HealthFacts { source: reading.source, today: Some(today), history, resting };
            let note = if resting { Some("rest_mode".into()) } else { error.as_ref().map(ToString::to_string) };
            MonitorOutcome::Evaluated {
                evaluation: rules::evaluate(&facts, limits, now),
                source: reading.source.into(),
                note,
            }
        }
    }
}

fn covers(rest: &RestMode, today: Date) -> bool {
    rest.start <= today && rest.end.is_none_or(|end| today <= end)
}
