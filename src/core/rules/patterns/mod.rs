//! The pattern rules: habits over days.

mod energy;
mod load;
mod procrastination;

use jiff::ZonedDateTime;

use super::Evaluation;
use super::draft::Collector;
use super::thresholds::PatternThresholds;
use crate::core::alert::Monitor;
use crate::core::facts::{FocusFile, HealthDay, Postponement, TaskReading};

#[derive(Debug, Clone)]
pub struct PatternFacts<'a> {
    /// By date ascending, with gaps; today is included if known.
    pub days: &'a [HealthDay],
    /// Events older than 7 days do not count.
    pub postponements: &'a [Postponement],
    /// One reading per source, fresh or a saved copy.
    pub readings: &'a [TaskReading],
    /// Whether every configured source gave a reading or a copy. If not, alerts count, but missing alerts resolve nothing.
    pub complete: bool,
    pub focus: Option<FocusFile>,
}

impl PatternFacts<'_> {
    /// Whether the thoughts of every source are known. A saved copy holds no thoughts; it also holds no activity.
    fn thoughts_known(&self) -> bool {
        let is_known = |reading: &TaskReading| reading.thoughts.is_some() || reading.activity.is_some();
        self.complete && !self.readings.is_empty() && self.readings.iter().all(is_known)
    }
}

/// `now` carries the user's zone.
pub fn evaluate(facts: &PatternFacts<'_>, limits: &PatternThresholds, now: &ZonedDateTime) -> Evaluation {
    let mut collector = Collector::new(Monitor::Patterns, now);
    procrastination::evaluate(&mut collector, facts, limits, now);
    energy::evaluate(&mut collector, facts, limits, now);
    load::evaluate(&mut collector, facts, limits, now);
    collector.finish()
}
