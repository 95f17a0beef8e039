//! One whole check: what `--once` makes, and what every check leaves behind.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Engine;
use super::report::CheckReport;
use crate::core::alert::Monitor;
use crate::store;

impl Engine {
    /// One check of everything that is switched on, waiting for every source.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn check_once(&mut self) -> Result<CheckReport, store::Error> {
        let (arrivals, mut answers) = mpsc::channel(8);
        let due: Vec<Monitor> = self.intervals().into_keys().collect();
        let mut check = self.begin(&due, &arrivals);
        while !check.is_complete() {
            let Some(arrival) = answers.recv().await else { break };
            self.absorb(&mut check, arrival.source, arrival.answer);
        }
        let report = self.conclude_somehow(&mut check)?;
        self.told(&report, true);
        Ok(report)
    }

    /// What a check, or a part of one, leaves behind besides the database.
    pub(crate) fn told(&self, report: &CheckReport, whole: bool) {
        if whole {
            let seconds = Duration::from_millis(report.duration_ms).as_secs_f64();
            let sent = if self.dry_run { "would be sent (dry run)" } else { "sent" };
            tracing::info!("Check cycle complete: {} alerts {sent} ({seconds:.1}s)", report.told());
        }
        if !self.dry_run {
            self.write_state_file();
        }
        self.store.release_memory();
    }
}
