//! A monitor asks its sources, hands the facts to its rules, and says what came of it.

pub mod exec;
pub mod fetch;
pub mod health;
pub mod patterns;
pub mod sources;
pub mod tasks;

use crate::core::rules::Evaluation;

/// What a monitor's run came to.
#[derive(Debug, Clone, PartialEq)]
pub enum MonitorOutcome {
    /// Its rules ran.
    Evaluated {
        /// What they found.
        evaluation: Evaluation,
        /// Where the facts came from: `oura_cache`, `workos+state_store`.
        source: String,
        /// What was missing all the same.
        note: Option<String>,
    },
    /// Its facts were not to be had: nothing is judged, nothing resolved.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It broke.
    Failed {
        /// How.
        reason: String,
    },
}

impl MonitorOutcome {
    /// Skipped, because of these failures.
    fn skipped<'a>(troubles: impl IntoIterator<Item = &'a crate::sources::Error>) -> Self {
        Self::Skipped { reason: sentences(troubles) }
    }
}

/// `workos: connection refused; state_store: not found`.
fn sentences<'a>(troubles: impl IntoIterator<Item = &'a crate::sources::Error>) -> String {
    troubles.into_iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
