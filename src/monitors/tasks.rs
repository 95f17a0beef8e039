//! The tasks monitor: all sources of tasks together; a source that is away is replaced by its last good copy.

use jiff::ZonedDateTime;

use super::{MonitorOutcome, sentences};
use crate::core::facts::TaskReading;
use crate::core::rules::tasks::{FreeTime, TaskFacts, judge as judge_rules};
use crate::core::rules::thresholds::TaskThresholds;
use crate::core::tasks::TaskIdentities;
use crate::sources::{self, ErrorKind};

/// One source's part: what it said, and the copy to go on with when it said nothing.
#[derive(Debug, Clone)]
pub struct TaskInput {
    /// Its answer.
    pub answer: Result<TaskReading, sources::Error>,
    /// Its last good reading, looked up only when the answer is a failure.
    pub copy: Option<TaskReading>,
}

/// The parts put together.
#[derive(Debug, Clone, Default)]
pub struct TaskInputs {
    /// Fresh readings and copies.
    pub readings: Vec<TaskReading>,
    /// Whether every source that is set up is among them.
    pub complete: bool,
    /// What failed.
    pub troubles: Vec<sources::Error>,
    /// `workos+state_store (copy)`.
    pub source: String,
}

/// Put the parts together.
#[must_use]
pub fn gather(parts: Vec<TaskInput>) -> TaskInputs {
    let mut gathered = TaskInputs { complete: true, ..TaskInputs::default() };
    let mut names = Vec::new();
    for part in parts {
        match (part.answer, part.copy) {
            (Ok(reading), _) => {
                names.push(reading.source.to_owned());
                gathered.readings.push(reading);
            }
            (Err(error), _) if error.kind == ErrorKind::NotConfigured => {}
            (Err(error), Some(copy)) => {
                names.push(format!("{} (copy)", copy.source));
                gathered.readings.push(copy);
                gathered.troubles.push(error);
            }
            (Err(error), None) => {
                gathered.complete = false;
                gathered.troubles.push(error);
            }
        }
    }
    gathered.source = names.join("+");
    gathered
}

impl TaskInputs {
    /// What failed, for the status; none if nothing did.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        (!self.troubles.is_empty()).then(|| sentences(&self.troubles))
    }

    /// Why nothing can be judged, if there is nothing to judge.
    #[must_use]
    pub fn nothing(&self) -> Option<MonitorOutcome> {
        if !self.readings.is_empty() {
            return None;
        }
        Some(match self.troubles.is_empty() {
            true => MonitorOutcome::Skipped {
                reason: "no source of tasks is set up; operator check says what each needs".into(),
            },
            false => MonitorOutcome::skipped(&self.troubles),
        })
    }
}

/// Judge the tasks and promises.
#[must_use]
pub fn judge(
    gathered: &TaskInputs,
    told: &TaskIdentities,
    free: Option<FreeTime<'_>>,
    limits: &TaskThresholds,
    now: &ZonedDateTime,
) -> MonitorOutcome {
    if let Some(nothing) = gathered.nothing() {
        return nothing;
    }
    let facts = TaskFacts { readings: &gathered.readings, told, complete: gathered.complete, free };
    MonitorOutcome::Evaluated {
        evaluation: judge_rules(&facts, limits, now),
        source: gathered.source.clone(),
        note: gathered.note(),
    }
}
