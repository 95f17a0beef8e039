//! Programs of the person's own: what one of them says is wrong becomes alerts of its name.

use jiff::ZonedDateTime;

use super::Evaluation;
use crate::core::alert::{Monitor, Priority};
use crate::core::name::Name;
use crate::core::rules::draft::{AlertDraft, Collector};
use crate::core::text::clip;

/// The longest a message may be (characters).
const MESSAGE: usize = 1_000;

/// One thing that a program found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What the program calls it, where it may find several things; the second part of the alert's key.
    pub entity: Option<String>,
    /// How urgent.
    pub priority: Priority,
    /// One line.
    pub title: String,
    /// The sentence.
    pub message: String,
    /// The reminder slot.
    pub occasion: Option<String>,
}

/// An alert for everything that the program called `name` complains of, under `exec:NAME[:ENTITY]`; what it was silent about is
/// over.
#[must_use]
pub fn judge(name: Name, complaints: &[Complaint], now: &ZonedDateTime) -> Evaluation {
    let monitor = Monitor::Exec(name);
    let mut found = Collector::new(monitor, now);
    // Monitor and rule go by the same word.
    found.rule(monitor.to_string(), true, complaints.iter().map(|complaint| finding(name, complaint, now)));
    found.finish()
}

fn finding(name: Name, complaint: &Complaint, now: &ZonedDateTime) -> AlertDraft {
    let message = clip(&complaint.message, MESSAGE);
    let mut finding =
        AlertDraft::new(complaint.priority, &complaint.title, message).read_from(name.as_str(), Some(now.timestamp()));
    if let Some(entity) = &complaint.entity {
        finding = finding.about(entity);
    }
    match &complaint.occasion {
        Some(occasion) => finding.on(occasion),
        None => finding,
    }
}
