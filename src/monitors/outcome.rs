//! The outcome of a monitor's run.

use crate::core::rules::Evaluation;
use crate::sources;

#[derive(Debug, Clone, PartialEq)]
pub enum MonitorOutcome {
    Evaluated {
        evaluation: Evaluation,
        /// The source of the facts: `oura_cache`, `workos+state_store`.
        source: String,
        /// Which facts were missing.
        note: Option<String>,
    },
    /// Its facts were unavailable: no alert was raised or resolved.
    Skipped {
        reason: String,
    },
    Failed {
        reason: String,
    },
}

impl MonitorOutcome {
    pub(super) fn skipped<'a>(errors: impl IntoIterator<Item = &'a sources::Error>) -> Self {
        Self::Skipped { reason: join_errors(errors) }
    }
}

/// `workos: connection refused; state_store: not found`.
pub(super) fn join_errors<'a>(errors: impl IntoIterator<Item = &'a sources::Error>) -> String {
    errors.into_iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
