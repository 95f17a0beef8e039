//! The only loop: commands in, snapshots out. A check goes begin → absorb answers → conclude.

mod carrier;
mod check;
pub mod clock;
pub mod command;
mod conclude;
pub mod control;
mod footprint;
mod letter;
pub mod lock;
mod once;
mod post;
mod presses;
mod recovery;
pub mod report;
mod requests;
mod run;
mod snapshot;
mod state_file;
pub mod test_alert;
pub mod wiring;

pub use requests::Request;
pub use run::run;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use serde_json::Value;

use crate::alerters::Alerter;
use crate::config::schema::Config;
use crate::core::alert::Monitor;
use crate::core::circuit::Circuit;
use crate::core::policy::memory::Pause;
use crate::core::schedule::{Intervals, LastRuns};
use crate::monitors::ask::Source;
use crate::monitors::setup::Setup;
use crate::sources::error::SourceError;
use crate::store::{Store, StoreError};
use clock::Clock;
use post::Post;

/// Everything that a check needs. Owned by one thread; others talk to it through commands.
#[derive(Debug)]
pub struct Engine {
    config: Arc<Config>,
    setup: Arc<Setup>,
    shown_config: Value,
    store: Store,
    state_dir: PathBuf,
    clock: Clock,
    dry_run: bool,
    started: Timestamp,
    circuits: BTreeMap<Source, Circuit>,
    last_runs: LastRuns,
    troubles: BTreeMap<Monitor, Option<String>>,
    /// What each source said when it last failed: while it is left alone, that is still why.
    failures: BTreeMap<Source, SourceError>,
    notes: BTreeMap<Source, Vec<String>>,
    /// The database was damaged and no fresh one could be made: try again before anything is recorded.
    store_is_lost: bool,
    pause: Option<Pause>,
    warnings: Vec<String>,
    checks_begun: u64,
    post: Post,
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts {
    /// The configuration in force.
    pub config: Arc<Config>,
    /// What is connected.
    pub setup: Setup,
    /// Where alerts go.
    pub alerters: Vec<Arc<dyn Alerter>>,
    /// The configuration as it may be shown.
    pub shown_config: Value,
    /// Our database.
    pub store: Store,
    /// Where the state file goes.
    pub state_dir: PathBuf,
    /// The time.
    pub clock: Clock,
    /// Decide and report, and write nothing.
    pub dry_run: bool,
    /// What is wrong already.
    pub warnings: Vec<String>,
}

impl Engine {
    /// Put an engine together from its parts and what the database remembers.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn new(parts: Parts) -> Result<Self, StoreError> {
        let known = parts.store.circuits()?;
        let circuit = |source: Source| {
            let mut circuit = known.get(source.as_str()).cloned().unwrap_or_default();
            circuit.forget_probe(); // it ended with the process that sent it
            (source, circuit)
        };
        let monitors = parts.store.monitors()?;
        Ok(Self {
            circuits: Source::ALL.into_iter().map(circuit).collect(),
            troubles: monitors.iter().map(|(monitor, state)| (*monitor, state.reason.clone())).collect(),
            last_runs: LastRuns::new(),
            failures: BTreeMap::new(),
            notes: BTreeMap::new(),
            store_is_lost: false,
            pause: parts.store.pause()?,
            started: parts.clock.now(),
            config: parts.config,
            setup: Arc::new(parts.setup),
            shown_config: parts.shown_config,
            store: parts.store,
            state_dir: parts.state_dir,
            clock: parts.clock,
            dry_run: parts.dry_run,
            warnings: parts.warnings,
            checks_begun: 0,
            post: Post::new(parts.alerters),
        })
    }

    /// The moment, in the person's zone.
    #[must_use]
    pub fn now(&self) -> ZonedDateTime {
        self.clock.now().to_zoned_datetime(self.config.quiet_hours.timezone.now())
    }

    /// The monitors that are switched on, with their intervals.
    #[must_use]
    pub fn intervals(&self) -> Intervals {
        let every = &self.config.intervals;
        let interval = |monitor| match monitor {
            Monitor::Health => every.health_check,
            Monitor::Tasks => every.task_check,
            Monitor::Patterns => every.pattern_check,
            Monitor::System => every.check_interval,
        };
        let enabled = self.config.enabled_monitors().into_iter();
        enabled.map(|monitor| (monitor, SignedDuration::from_secs(interval(monitor).into()))).collect()
    }

    /// Whether non-critical alerts wait at `now`: quiet hours, or a pause.
    fn is_silent(&self, now: &ZonedDateTime) -> bool {
        self.is_quiet(now) || self.pause.is_some_and(|pause| pause.in_force(now.timestamp()))
    }

    fn is_quiet(&self, now: &ZonedDateTime) -> bool {
        self.config.quiet_hours.resolve().in_force(now)
    }
}
