//! The patterns monitor: habits over days, from our own history and what the sources tell of the week.

use jiff::ZonedDateTime;

use super::tasks::TaskInputs;
use super::{MonitorOutcome, sentences};
use crate::core::facts::{FocusFile, HealthDay, Postponement};
use crate::core::rules::patterns::{PatternFacts, judge as judge_rules};
use crate::core::rules::thresholds::PatternThresholds;
use crate::sources::{self, ErrorKind};

/// Judge the habits. `days` and `postponements` hold what this check has read too.
#[must_use]
pub fn judge(
    tasks: &TaskInputs,
    days: &[HealthDay],
    postponements: &[Postponement],
    focus: &Result<FocusFile, sources::Error>,
    limits: &PatternThresholds,
    now: &ZonedDateTime,
) -> MonitorOutcome {
    if days.is_empty()
        && focus.is_err()
        && let Some(nothing) = tasks.nothing()
    {
        return nothing;
    }
    let facts = PatternFacts {
        days,
        postponements,
        readings: &tasks.readings,
        complete: tasks.complete,
        focus: focus.as_ref().ok().cloned(),
    };
    let unreadable = focus.as_ref().err().filter(|error| error.kind != ErrorKind::NotConfigured);
    let troubles: Vec<&sources::Error> = tasks.troubles.iter().chain(unreadable).collect();
    let source = if tasks.source.is_empty() { "history".into() } else { format!("history+{}", tasks.source) };
    let note = (!troubles.is_empty()).then(|| sentences(troubles));
    MonitorOutcome::Evaluated { evaluation: judge_rules(&facts, limits, now), source, note }
}
