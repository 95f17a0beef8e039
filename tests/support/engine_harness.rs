//! Runs an engine in a task, on a clock that the test controls.
//!
//! Time is tokio's paused time, which stands still while anything runs. The wall clock follows it, with jumps that the test adds.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use operator::alerters::Alerter;
use operator::app::build;
use operator::config;
use operator::core::alert::Monitor;
use operator::core::status::Status;
use operator::engine::clock::Clock;
use operator::engine::commands::{Command, Reply};
use operator::engine::{self, Components, ConfigUpdate, Engine, EngineConfig, Request};
use operator::store::Store;
use operator::telemetry::metrics::Metrics;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::home::Home;

/// A running engine with everything to control and observe it.
pub(crate) struct EngineHarness {
    pub(crate) home: Home,
    started_at: Timestamp,
    clock: Clock,
    jump_s: Arc<AtomicI64>,
    requests: mpsc::Sender<Request>,
    config_updates: mpsc::Sender<ConfigUpdate>,
    pub(crate) snapshots: watch::Receiver<Option<Status>>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) engine: JoinHandle<()>,
    metrics: Arc<Metrics>,
    runs: Arc<Mutex<BTreeSet<(Monitor, Timestamp)>>>,
}

impl EngineHarness {
    /// Start the engine at this local time of the test's day.
    pub(crate) fn start(home: Home, time: &str) -> Self {
        Self::start_prepared(home, time, |_| {})
    }

    /// Start on a prepared database.
    pub(crate) fn start_prepared(home: Home, time: &str, prepare: impl FnOnce(&mut Store)) -> Self {
        Self::start_engine(home, time, Vec::new(), prepare)
    }

    /// Start with these channels.
    pub(crate) fn start_with_alerters(home: Home, time: &str, alerters: Vec<Arc<dyn Alerter>>) -> Self {
        Self::start_engine(home, time, alerters, |_| {})
    }

    fn start_engine(home: Home, time: &str, alerters: Vec<Arc<dyn Alerter>>, prepare: impl FnOnce(&mut Store)) -> Self {
        let started_at: Timestamp = home.at(time).parse().expect("it works");
        let jump_s = Arc::new(AtomicI64::new(0));
        let (started, jump) = (Instant::now(), Arc::clone(&jump_s));
        let clock = Clock::from_fn(move || {
            let passed = SignedDuration::try_from(started.elapsed()).expect("it works");
            started_at + passed + SignedDuration::from_secs(jump.load(Ordering::SeqCst))
        });
        let engine = Engine::new(engine_config(&home, clock.clone(), alerters, prepare)).expect("it works");
        let metrics = engine.metrics();
        let (requests, inbox) = mpsc::channel(16);
        let (sender, snapshots) = watch::channel(None);
        let (config_updates, updates) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let runs = Arc::new(Mutex::new(BTreeSet::new()));
        tokio::spawn(collect_runs(snapshots.clone(), Arc::clone(&runs)));
        let engine = tokio::spawn(engine::run(engine, inbox, updates, sender, stopped));
        Self { home, started_at, clock, jump_s, requests, config_updates, snapshots, stop, engine, metrics, runs }
    }

    /// Set the wall clock forward, or back.
    pub(crate) fn jump(&self, seconds: i64) {
        self.jump_s.fetch_add(seconds, Ordering::SeqCst);
    }

    /// When a monitor ran, in seconds of the wall clock since the start.
    pub(crate) fn runs(&self, monitor: Monitor) -> Vec<i64> {
        let runs = self.runs.lock().expect("it works");
        let runs = runs.iter().filter(|(known, _)| *known == monitor);
        runs.map(|(_, at)| at.duration_since(self.started_at).as_secs()).collect()
    }

    /// The runs of health, tasks and patterns.
    pub(crate) fn all_runs(&self) -> [Vec<i64>; 3] {
        Monitor::SCHEDULED.map(|monitor| self.runs(monitor))
    }

    pub(crate) async fn request(&self, command: Command) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { command, reply }).await.expect("it works");
        answer.await.unwrap()
    }

    /// Reload the configuration file.
    pub(crate) async fn reload(&self) {
        self.config_updates.send(Ok(Box::new(components(&self.home)))).await.expect("it runs");
    }

    /// The wall clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The last snapshot.
    pub(crate) fn status(&self) -> Status {
        self.snapshots.borrow().clone().expect("a snapshot")
    }

    pub(crate) fn metrics_text(&self) -> String {
        self.metrics.encode(self.snapshots.borrow().as_ref(), self.now())
    }

    /// Stop the engine and keep its home for the next one.
    pub(crate) async fn end(self) -> Home {
        self.stop.send(true).expect("it runs");
        self.engine.await.expect("it ends well");
        self.home
    }

    /// The number of digests queued as notifications.
    pub(crate) fn digests(&self) -> i64 {
        let sql = "SELECT count(*) FROM outbox WHERE kind = 'digest' AND channel = 'notification'";
        self.home.database().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn engine_config(
    home: &Home,
    clock: Clock,
    alerters: Vec<Arc<dyn Alerter>>,
    prepare: impl FnOnce(&mut Store),
) -> EngineConfig {
    let state_dir = home.path("state");
    fs::create_dir_all(&state_dir).expect("it works");
    let mut store = Store::open(&state_dir.join("operator.db"), clock.now()).unwrap().store;
    prepare(&mut store);
    EngineConfig {
        components: Components { alerters, ..components(home) },
        store,
        state_dir,
        clock,
        dry_run: false,
        warnings: Vec::new(),
    }
}

fn components(home: &Home) -> Components {
    let config = config::load(Some(&home.path("config.yaml")), &|_| None, false).unwrap().config;
    build::components(Arc::new(config), Vec::new(), &|_| None)
}

async fn collect_runs(
    mut snapshots: watch::Receiver<Option<Status>>,
    runs: Arc<Mutex<BTreeSet<(Monitor, Timestamp)>>>,
) {
    while snapshots.changed().await.is_ok() {
        let states = snapshots.borrow_and_update().clone().map(|status| status.monitor_states).unwrap_or_default();
        runs.lock().unwrap().extend(states.iter().map(|(monitor, state)| (*monitor, state.last_check)));
    }
}

/// Let seconds go by.
pub(crate) async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}
