//! What a person asks about alerts: which there are, and the story of one.

use serde::{Deserialize, Serialize};

use super::journal::JournalEntry;
use super::outbox::OutboxEntry;
use super::{Result, Store};
use crate::core::alert::AlertKey;
use crate::core::policy::by_urgency;
use crate::core::policy::incident_state::Incident;

/// More decisions and messages of one alert than this are not told.
const LONGEST: u32 = 50;

/// Everything that was decided about an alert, and what became of it: the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertHistory {
    /// Of which.
    pub key: AlertKey,
    /// How it stands; none if it is forgotten.
    pub incident: Option<Incident>,
    /// Each decision with its reason.
    pub decisions: Vec<JournalEntry>,
    /// Each message with its fate.
    pub deliveries: Vec<OutboxEntry>,
}

impl Store {
    /// The open alerts, the most urgent first; with `all`, what has resolved too, after them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn incidents(&self, all: bool) -> Result<Vec<Incident>> {
        let mut incidents = Vec::new();
        self.for_each_incident(|incident| incidents.extend((all || incident.open).then_some(incident)))?;
        incidents.sort_by(|a, b| b.open.cmp(&a.open).then_with(|| by_urgency(&a.alert, &b.alert)));
        Ok(incidents)
    }

    /// The story of one alert; none if it was never seen.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn alert_history(&self, key: &AlertKey) -> Result<Option<AlertHistory>> {
        let decisions = self.journal_for(key, LONGEST)?;
        if decisions.is_empty() {
            return Ok(None);
        }
        let (incident, deliveries) = (self.incident(key)?, self.outbox_entries_for(key, LONGEST)?);
        Ok(Some(AlertHistory { key: key.clone(), incident, decisions, deliveries }))
    }
}
