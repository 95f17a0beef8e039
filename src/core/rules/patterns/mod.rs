//! Habits over days: putting off, running down, taking on too much.

mod energy;
mod load;
mod procrastination;

use jiff::ZonedDateTime;

use super::Evaluation;
use super::thresholds::PatternThresholds;
use crate::core::alert::Monitor;
use crate::core::facts::{FocusFile, HealthDay, Postponement, TaskReading};
use crate::core::rules::draft::Collector;

/// What the pattern rules judge.
#[derive(Debug, Clone)]
pub struct PatternFacts<'a> {
    /// Days of the body by date ascending, with gaps; today is among them when it is known.
    pub days: &'a [HealthDay],
    /// What was put off; older than 7 days does not count.
    pub postponements: &'a [Postponement],
    /// One reading a source; a copy counts.
    pub readings: &'a [TaskReading],
    /// Whether every source that is set up gave a reading or a copy. If not, what fires counts, and silence means nothing.
    pub complete: bool,
    /// The focus file, if there is one.
    pub focus: Option<FocusFile>,
}

impl PatternFacts<'_> {
    /// Whether every source that keeps thoughts told them: a copy (it has no activity) does not.
    fn thoughts_known(&self) -> bool {
        let is_known = |reading: &TaskReading| reading.thoughts.is_some() || reading.activity.is_some();
        self.complete && !self.readings.is_empty() && self.readings.iter().all(is_known)
    }
}

/// The pattern alerts of `now`, whose zone is the person's.
#[must_use]
pub fn judge(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> Evaluation {
    let mut found = Collector::new(Monitor::Patterns, now);
    crate::core::rules::patterns::procrastination::judge(&mut found, facts, limits, now);
    energy::judge(&mut found, facts, limits, now);
    load::judge(&mut found, facts, limits, now);
    found.finish()
}
