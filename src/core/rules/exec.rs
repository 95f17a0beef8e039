//! Alerts that exec plugins report.

use jiff::ZonedDateTime;

use super::Evaluation;
use super::draft::{AlertDraft, Collector};
use crate::core::alert::{Monitor, Priority};
use crate::core::name::Name;
use crate::core::text::truncate;

const MAX_MESSAGE_CHARS: usize = 1_000;

/// One alert of an exec plugin, as parsed from its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecAlert {
    /// The last part of the alert's key, for plugins with several subjects.
    pub entity: Option<String>,
    pub priority: Priority,
    pub title: String,
    pub message: String,
    pub occasion: Option<String>,
}

/// The plugin's alerts under `exec:NAME[:ENTITY]`. A plugin reports all of its open alerts each time: missing ones are over.
pub fn evaluate(name: Name, alerts: &[ExecAlert], now: &ZonedDateTime) -> Evaluation {
    let monitor = Monitor::Exec(name);
    let mut collector = Collector::new(monitor, now);
    // The rule has the name of the monitor.
    collector.add(monitor.to_string(), true, alerts.iter().map(|alert| draft(name, alert, now)));
    collector.finish()
}

fn draft(name: Name, alert: &ExecAlert, now: &ZonedDateTime) -> AlertDraft {
    let message = truncate(&alert.message, MAX_MESSAGE_CHARS);
    let mut draft = AlertDraft::new(alert.priority, &alert.title, message).source(name.as_str(), Some(now.timestamp()));
    if let Some(entity) = &alert.entity {
        draft = draft.entity(entity);
    }
    match &alert.occasion {
        Some(occasion) => draft.occasion(occasion),
        None => draft,
    }
}
