//! The only loop: commands in, snapshots out. A check goes begin → absorb answers → conclude.

mod calendar_cache;
mod check;
pub mod clock;
pub mod command;
pub mod control;
pub mod delivery;
mod evaluate;
mod event_loop;
mod health;
pub mod heartbeat;
mod recovery;
mod reload;
pub mod report;
mod requests;
mod single_check;
mod snapshot;
mod state_file;

pub use crate::engine::event_loop::run;
pub use requests::Request;
pub use snapshot::zone_of;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::alerters::Alerter;
use crate::config::schema::Config;
use crate::core::alert::Monitor;
use crate::core::calendar::reading::CalendarReading;
use crate::core::circuit::Circuit;
use crate::core::name::Name;
use crate::core::policy::incident_state::Pause;
use crate::core::policy::quiet_hours::QuietOverride;
use crate::core::schedule::{Intervals, LastRuns};
use crate::core::status::{HttpState, Status};
use crate::engine::delivery::dispatcher::Dispatcher;
use crate::engine::health::EngineHealth;
use crate::monitors::sources::Sources;
use crate::sources;
use crate::sources::Source;
use crate::store::{self, Store};
use crate::telemetry::metrics::Metrics;
use clock::Clock;
use heartbeat::Heartbeat;

/// Everything that a check needs. Owned by one thread; others talk to it through commands.
#[derive(Debug)]
pub struct Engine {
    config: Arc<Config>,
    setup: Arc<Sources>,
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
    failures: BTreeMap<Source, sources::Error>,
    notes: BTreeMap<Source, Vec<String>>,
    /// The age of what each source told last.
    told_as_of: BTreeMap<Source, Timestamp>,
    /// When Oura was connected, until two months of it have been read, whatever was known.
    history_wanted: Option<Timestamp>,
    /// What each calendar said last.
    agendas: BTreeMap<Name, Arc<CalendarReading>>,
    /// When each calendar was asked last, whatever it said.
    asked: BTreeMap<Name, Timestamp>,
    /// The database was damaged and no fresh one could be made: try again before anything is recorded.
    store_is_lost: bool,
    pause: Option<Pause>,
    quiet_override: Option<QuietOverride>,
    /// What is wrong with our own things.
    warnings: Vec<String>,
    config_warnings: Vec<String>,
    /// Why the file as it stands now is not in force.
    config_error: Option<String>,
    checks_begun: u64,
    dispatcher: Dispatcher,
    /// How the engine itself does.
    health: EngineHealth,
    heartbeat: Option<Arc<Heartbeat>>,
    /// How the page does.
    page: watch::Receiver<HttpState>,
    /// Counts what happens.
    metrics: Arc<Metrics>,
}

/// The components that one configuration asks for, ready to use.
#[derive(Debug)]
pub struct Components {
    /// The configuration itself.
    pub config: Arc<Config>,
    /// Every source, configured or not.
    pub sources: Sources,
    /// The enabled channels.
    pub alerters: Vec<Arc<dyn Alerter>>,
    /// None: no heartbeat is configured.
    pub heartbeat: Option<Arc<Heartbeat>>,
    /// The configuration without its secrets.
    pub shown_config: Value,
    /// Warnings about the configuration, as sentences.
    pub warnings: Vec<String>,
}

/// A changed configuration file: its components, or why it is invalid.
pub type ConfigUpdate = Result<Box<Components>, String>;

/// The running engine as its front ends see it.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    /// Takes commands.
    pub requests: mpsc::Sender<Request>,
    /// The last published snapshot; closed when the engine has stopped.
    pub snapshots: watch::Receiver<Option<Status>>,
    /// Stops the engine when it becomes true.
    pub stop: watch::Sender<bool>,
}

/// Everything that an engine is built from.
#[derive(Debug)]
pub struct EngineConfig {
    /// The components of the configuration in force.
    pub components: Components,
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
    pub fn new(parts: EngineConfig) -> Result<Self, store::Error> {
        let known = parts.store.circuits()?;
        let circuit = |source: Source| {
            let mut circuit = known.get(&source.to_string()).cloned().unwrap_or_default();
            circuit.abandon_probe(); // it ended with the process that sent it
            (source, circuit)
        };
        let monitors = parts.store.monitors()?;
        let metrics = Metrics::new();
        metrics.expect_monitors(parts.components.config.enabled_monitors());
        Ok(Self {
            circuits: parts.components.sources.all().into_iter().map(circuit).collect(),
            troubles: monitors.iter().map(|(monitor, state)| (*monitor, state.reason.clone())).collect(),
            last_runs: LastRuns::new(),
            failures: BTreeMap::new(),
            notes: BTreeMap::new(),
            told_as_of: BTreeMap::new(),
            agendas: BTreeMap::new(),
            asked: BTreeMap::new(),
            config_error: None,
            history_wanted: None,
            store_is_lost: false,
            pause: parts.store.pause()?,
            quiet_override: parts.store.quiet_override()?,
            started: parts.clock.now(),
            health: EngineHealth::new(parts.clock.now()),
            heartbeat: parts.components.heartbeat,
            config: parts.components.config,
            setup: Arc::new(parts.components.sources),
            shown_config: parts.components.shown_config,
            config_warnings: parts.components.warnings,
            store: parts.store,
            state_dir: parts.state_dir,
            clock: parts.clock,
            dry_run: parts.dry_run,
            warnings: parts.warnings,
            checks_begun: 0,
            dispatcher: Dispatcher::new(parts.components.alerters),
            page: watch::channel(HttpState::default()).1,
            metrics: Arc::new(metrics),
        })
    }

    /// Tell in every snapshot how the page does.
    pub fn set_http_state(&mut self, page: watch::Receiver<HttpState>) {
        self.page = page;
    }

    /// What this engine has done since it began, counted.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// The moment, in the person's zone.
    #[must_use]
    pub fn now(&self) -> ZonedDateTime {
        self.clock.now().to_zoned_datetime(self.config.quiet_hours.timezone.now())
    }

    /// The monitors that are switched on, with their intervals.
    #[must_use]
    pub fn intervals(&self) -> Intervals {
        let (every, on) = (&self.config.intervals, self.config.enabled_monitors());
        let ours = [
            (Monitor::Health, every.health_check),
            (Monitor::Tasks, every.task_check),
            (Monitor::Patterns, every.pattern_check),
        ];
        let ours = ours.into_iter().filter(|(monitor, _)| on.contains(monitor));
        let programs =
            self.config.exec_plugins().map(|(name, program)| (Monitor::Exec(name), program.interval_seconds));
        ours.chain(programs).map(|(monitor, every)| (monitor, SignedDuration::from_secs(every.into()))).collect()
    }

    /// Whether non-critical alerts wait at `now`: quiet hours, a meeting, or a pause.
    fn is_silent(&self, now: &ZonedDateTime) -> bool {
        self.is_quiet(now)
            || self.in_event_until(now).is_some()
            || self.pause.is_some_and(|pause| pause.in_force(now.timestamp()))
    }

    fn is_quiet(&self, now: &ZonedDateTime) -> bool {
        self.config.quiet_hours.resolve().in_force_with(self.quiet_override, now)
    }
}
