//! The tasks monitor: evaluates all task sources together. The saved copy of a source replaces a failed fetch.

use jiff::ZonedDateTime;

use super::outcome::{MonitorOutcome, join_errors};
use crate::core::facts::TaskReading;
use crate::core::rules::tasks::{self as rules, FreeTime, TaskFacts};
use crate::core::rules::thresholds::TaskThresholds;
use crate::core::tasks::TaskIdentities;
use crate::sources::{self, ErrorKind};

/// The result of one task source.
#[derive(Debug, Clone)]
pub struct TaskInput {
    pub result: Result<TaskReading, sources::Error>,
    /// The last saved reading; needed only if the fetch failed.
    pub copy: Option<TaskReading>,
}

/// The results of all task sources.
#[derive(Debug, Clone, Default)]
pub struct TaskInputs {
    /// Fresh readings and copies.
    pub readings: Vec<TaskReading>,
    /// Whether every configured source has a reading.
    pub complete: bool,
    pub errors: Vec<sources::Error>,
    /// `workos+state_store (copy)`.
    pub source: String,
}

impl TaskInputs {
    pub fn new(inputs: Vec<TaskInput>) -> Self {
        let mut all = Self { complete: true, ..Self::default() };
        let mut names = Vec::new();
        for input in inputs {
            match (input.result, input.copy) {
                (Ok(reading), _) => {
                    names.push(reading.source.to_owned());
                    all.readings.push(reading);
                }
                (Err(error), _) if error.kind == ErrorKind::NotConfigured => {}
                (Err(error), Some(copy)) => {
                    names.push(format!("{} (copy)", copy.source));
                    all.readings.push(copy);
                    all.errors.push(error);
                }
                (Err(error), None) => {
                    all.complete = false;
                    all.errors.push(error);
                }
            }
        }
        all.source = names.join("+");
        all
    }

    /// Why the run must be skipped: without readings there is nothing to evaluate.
    pub fn skip_reason(&self) -> Option<String> {
        let reason = || match self.errors.is_empty() {
            true => "no task source is configured: run `operator check` to see what each one needs".into(),
            false => join_errors(&self.errors),
        };
        self.readings.is_empty().then(reason)
    }
}

pub fn evaluate(
    inputs: &TaskInputs,
    identities: &TaskIdentities,
    free_time: Option<FreeTime<'_>>,
    limits: &TaskThresholds,
    now: &ZonedDateTime,
) -> MonitorOutcome {
    if let Some(reason) = inputs.skip_reason() {
        return MonitorOutcome::Skipped { reason };
    }
    let facts = TaskFacts { readings: &inputs.readings, identities, complete: inputs.complete, free_time };
    MonitorOutcome::Evaluated {
        evaluation: rules::evaluate(&facts, limits, now),
        source: inputs.source.clone(),
        note: (!inputs.errors.is_empty()).then(|| join_errors(&inputs.errors)),
    }
}
