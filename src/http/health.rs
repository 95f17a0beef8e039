//! Whether Operator does what it promises: what `/health` says, and nothing that is personal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::core::circuit::CircuitState;
use crate::core::status::Status;

/// How Operator does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// In a word.
    pub status: State,
    /// What is wrong, in sentences.
    pub problems: Vec<&'static str>,
    /// When the last check was made.
    pub last_run: Option<Timestamp>,
    /// When the next one is due.
    pub next_run: Option<Timestamp>,
    /// The circuits of the sources.
    pub circuits: BTreeMap<String, CircuitState>,
    /// The self-audit; none before the first.
    pub audit: Option<AuditResult>,
}

/// How Operator does, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does what it promises.
    Ok,
    /// It does not.
    Failing,
}

/// What the self-audit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AuditResult {
    /// When it was made.
    pub at: Timestamp,
    /// Whether every alert that fired has come to something that is known.
    pub is_consistent: bool,
}

impl Health {
    /// What the last snapshot says of it at `now`; `runs` is whether the engine's loop is there at all.
    #[must_use]
    pub fn of(status: Option<&Status>, runs: bool, now: Timestamp) -> Self {
        let problems = problems(status, runs, now);
        let audit = status.and_then(|status| status.audit.as_ref());
        Self {
            status: if problems.is_empty() { State::Ok } else { State::Failing },
            problems,
            last_run: status.and_then(|status| status.last_run),
            next_run: status.and_then(|status| status.next_run),
            circuits: status.map(|status| status.circuit_states.clone()).unwrap_or_default(),
            audit: audit.map(|audit| AuditResult { at: audit.at, is_consistent: audit.is_consistent() }),
        }
    }
}

fn problems(status: Option<&Status>, runs: bool, now: Timestamp) -> Vec<&'static str> {
    let Some(status) = status else { return vec!["The engine has not said anything yet."] };
    let overdue = status.check_overdue_at.is_some_and(|overdue| overdue < now);
    let unaccounted = status.audit.as_ref().is_some_and(|audit| !audit.is_consistent());
    let known = [
        (!runs, "The engine has stopped."),
        (overdue, "No check was made within twice its interval."),
        (status.database_error.is_some(), "The database fails."),
        (unaccounted, "The self-audit does not add up."),
    ];
    known.into_iter().filter(|(holds, _)| *holds).map(|(_, problem)| problem).collect()
}
