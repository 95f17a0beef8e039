//! When the database fails: a damaged one is replaced, and what could not be recorded is looked at again.

use jiff::SignedDuration;

use super::Engine;
use super::check::Check;
use super::report::CheckReport;
use crate::core::alert::Monitor;
use crate::store::{self, Opened, Store};

/// After a check that could not be recorded.
const SOON: SignedDuration = SignedDuration::from_secs(60);

impl Engine {
    /// Conclude; where the database turns out to be damaged, once more on a fresh one.
    pub(crate) fn conclude_somehow(&mut self, check: &mut Check) -> Result<CheckReport, store::Error> {
        let ready = check.ready();
        match self.conclude(check) {
            Err(error) if error.is_corrupt() => {
                if self.dry_run {
                    tracing::warn!("{error}; this dry run goes on without what was remembered");
                    self.store = Store::in_memory()?;
                } else {
                    self.start_afresh(&error)?;
                }
                check.retry(ready);
                self.conclude(check)
            }
            other => other,
        }
    }

    /// What could not be recorded is looked at again soon, not only after its interval.
    pub(crate) fn try_again_soon(&mut self, monitors: &[Monitor]) {
        let (now, intervals) = (self.clock.now(), self.intervals());
        for (monitor, interval) in intervals.iter().filter(|(monitor, _)| monitors.contains(monitor)) {
            let pretended = now.saturating_sub((*interval - SOON).max(SignedDuration::ZERO));
            self.last_runs.insert(*monitor, pretended.unwrap_or(now));
        }
    }

    /// The database turned out to be damaged: set it aside and go on with a fresh one.
    fn start_afresh(&mut self, error: &store::Error) -> Result<(), store::Error> {
        let damaged = std::mem::replace(&mut self.store, Store::in_memory()?);
        self.store_is_lost = true;
        tracing::error!("{error}");
        self.take_over(damaged.replace_corrupt(self.clock.now()))
    }

    /// Where no fresh database could be made before, try again: nothing may be recorded in memory alone.
    pub(crate) fn find_lost_store(&mut self) -> Result<(), store::Error> {
        if !self.store_is_lost {
            return Ok(());
        }
        let path = self.state_dir.join(store::FILE_NAME);
        self.take_over(Store::open(&path, self.clock.now()))
    }

    fn take_over(&mut self, opened: Result<Opened, store::Error>) -> Result<(), store::Error> {
        let opened = opened?;
        if let Some(kept) = opened.warning() {
            tracing::error!("{kept}");
            self.warnings.push(kept);
        }
        self.store = opened.store;
        self.dispatcher.start_over();
        self.health.start_over();
        self.store_is_lost = false;
        self.store.set_quiet_override(self.quiet_override)?;
        self.store.set_pause(self.pause)
    }
}
