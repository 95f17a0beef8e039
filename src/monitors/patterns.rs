//! The patterns monitor: evaluates habits over days, from the saved history and this week's task readings.

use jiff::ZonedDateTime;

use super::outcome::{MonitorOutcome, join_errors};
use super::tasks::TaskInputs;
use crate::core::facts::{FocusFile, HealthDay, Postponement};
use crate::core::rules::patterns::{self as rules, PatternFacts};
use crate::core::rules::thresholds::PatternThresholds;
use crate::sources::{self, ErrorKind};

/// `days` and `postponements` include the readings of this check.
pub fn evaluate(
    tasks: &TaskInputs,
    days: &[HealthDay],
    postponements: &[Postponement],
    focus: &Result<FocusFile, sources::Error>,
    limits: &PatternThresholds,
    now: &ZonedDateTime,
) -> MonitorOutcome {
    if days.is_empty()
        && focus.is_err()
        && let Some(reason) = tasks.skip_reason()
    {
        return MonitorOutcome::Skipped { reason };
    }
    let facts = PatternFacts {
        days,
        postponements,
        readings: &tasks.readings,
        complete: tasks.complete,
        focus: focus.as_ref().ok().cloned(),
    };
    let focus_error = focus.as_ref().err().filter(|error| error.kind != ErrorKind::NotConfigured);
    let errors: Vec<&sources::Error> = tasks.errors.iter().chain(focus_error).collect();
    let source = if tasks.source.is_empty() { "history".into() } else { format!("history+{}", tasks.source) };
    let note = (!errors.is_empty()).then(|| join_errors(errors));
    MonitorOutcome::Evaluated { evaluation: rules::evaluate(&facts, limits, now), source, note }
}
