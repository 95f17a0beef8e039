//! The alerts by urgency, and the history of one.

use serde::{Deserialize, Serialize};

use super::journal::JournalEntry;
use super::outbox::OutboxEntry;
use super::{Result, Store};
use crate::core::alert::AlertKey;
use crate::core::policy::by_urgency;
use crate::core::policy::incident_state::Incident;

/// A history has at most this many decisions and this many messages.
const MAX_ENTRIES: u32 = 50;

/// The decisions and messages of one alert, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertHistory {
    pub key: AlertKey,
    /// `None` once it was deleted.
    pub incident: Option<Incident>,
    pub decisions: Vec<JournalEntry>,
    pub deliveries: Vec<OutboxEntry>,
}

impl Store {
    /// The open alerts, the most urgent first, then those that resolved, if they are included.
    pub fn incidents(&self, include_resolved: bool) -> Result<Vec<Incident>> {
        let mut incidents = Vec::new();
        self.for_each_incident(|incident| {
            incidents.extend((include_resolved || incident.open).then_some(incident));
        })?;
        incidents.sort_by(|a, b| b.open.cmp(&a.open).then_with(|| by_urgency(&a.alert, &b.alert)));
        Ok(incidents)
    }

    /// `None` if the journal has no decision about the alert.
    pub fn alert_history(&self, key: &AlertKey) -> Result<Option<AlertHistory>> {
        let decisions = self.journal_for(key, MAX_ENTRIES)?;
        if decisions.is_empty() {
            return Ok(None);
        }
        let (incident, deliveries) = (self.incident(key)?, self.outbox_entries_for(key, MAX_ENTRIES)?);
        Ok(Some(AlertHistory { key: key.clone(), incident, decisions, deliveries }))
    }
}
