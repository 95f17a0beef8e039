//! An engine in a task of the test's own, on a clock of the test's own, and everything to move and watch it by.
//!
//! Time is tokio's and stands still while anything runs, a file being read included; the wall clock follows it and jumps when
//! the test says so.

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

/// An engine in a task, and everything to move and watch it by.
pub(crate) struct Bench {
    pub(crate) home: Home,
    began: Timestamp,
    clock: Clock,
    jump_s: Arc<AtomicI64>,
    requests: mpsc::Sender<Request>,
    changes: mpsc::Sender<ConfigUpdate>,
    pub(crate) snapshots: watch::Receiver<Option<Status>>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) engine: JoinHandle<()>,
    metrics: Arc<Metrics>,
    runs: Arc<Mutex<BTreeSet<(Monitor, Timestamp)>>>,
}

impl Bench {
    /// Start the engine at this time of the person's day.
    pub(crate) fn start(home: Home, time: &str) -> Self {
        Self::start_after(home, time, |_| {})
    }

    /// The same, on a database that was prepared.
    pub(crate) fn start_after(home: Home, time: &str, prepare: impl FnOnce(&mut Store)) -> Self {
        Self::begin(home, time, Vec::new(), prepare)
    }

    /// The same, with somewhere to send alerts to.
    pub(crate) fn start_with(home: Home, time: &str, alerters: Vec<Arc<dyn Alerter>>) -> Self {
        Self::begin(home, time, alerters, |_| {})
    }

    fn begin(home: Home, time: &str, alerters: Vec<Arc<dyn Alerter>>, prepare: impl FnOnce(&mut Store)) -> Self {
        let began: Timestamp = home.at(time).parse().expect("it works");
        let jump_s = Arc::new(AtomicI64::new(0));
        let (started, jump) = (Instant::now(), Arc::clone(&jump_s));
        let clock = Clock::from_fn(move || {
            let passed = SignedDuration::try_from(started.elapsed()).expect("it works");
            began + passed + SignedDuration::from_secs(jump.load(Ordering::SeqCst))
        });
        let engine = Engine::new(parts(&home, clock.clone(), alerters, prepare)).expect("it works");
        let metrics = engine.metrics();
        let (requests, inbox) = mpsc::channel(16);
        let (sender, snapshots) = watch::channel(None);
        let (changes, changed) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let runs = Arc::new(Mutex::new(BTreeSet::new()));
        tokio::spawn(note_runs(snapshots.clone(), Arc::clone(&runs)));
        let engine = tokio::spawn(engine::run(engine, inbox, changed, sender, stopped));
        Self { home, began, clock, jump_s, requests, changes, snapshots, stop, engine, metrics, runs }
    }

    /// Set the wall clock forward, or back.
    pub(crate) fn jump(&self, seconds: i64) {
        self.jump_s.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The seconds of the person's clock since the start at which a monitor began, in order.
    pub(crate) fn ran(&self, monitor: Monitor) -> Vec<i64> {
        let runs = self.runs.lock().expect("it works");
        let of = runs.iter().filter(|(known, _)| *known == monitor);
        of.map(|(_, at)| at.duration_since(self.began).as_secs()).collect()
    }

    /// The same of health, tasks and patterns.
    pub(crate) fn all_ran(&self) -> [Vec<i64>; 3] {
        Monitor::SCHEDULED.map(|monitor| self.ran(monitor))
    }

    /// Ask the engine and wait for its answer.
    pub(crate) async fn ask(&self, command: Command) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { command, reply }).await.expect("it works");
        answer.await.unwrap()
    }

    /// Let the configuration as it stands in the file hold from now on.
    pub(crate) async fn reload(&self) {
        self.changes.send(Ok(Box::new(components(&self.home)))).await.expect("it runs");
    }

    /// The time on the wall.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The last snapshot.
    pub(crate) fn status(&self) -> Status {
        self.snapshots.borrow().clone().expect("a snapshot")
    }

    /// What a scrape gets now.
    pub(crate) fn scraped(&self) -> String {
        self.metrics.encode(self.snapshots.borrow().as_ref(), self.now())
    }

    /// Tell the engine to stop, and wait for it; what it leaves is for the next one.
    pub(crate) async fn end(self) -> Home {
        self.stop.send(true).expect("it runs");
        self.engine.await.expect("it ends well");
        self.home
    }

    /// How many digests there were on the screen.
    pub(crate) fn digests(&self) -> i64 {
        let sql = "SELECT count(*) FROM outbox WHERE kind = 'digest' AND channel = 'notification'";
        self.home.database().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn parts(home: &Home, clock: Clock, alerters: Vec<Arc<dyn Alerter>>, prepare: impl FnOnce(&mut Store)) -> EngineConfig {
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

/// What follows from the configuration as it stands.
fn components(home: &Home) -> Components {
    let config = config::load(Some(&home.path("config.yaml")), &|_| None, false).unwrap().config;
    build::components(Arc::new(config), Vec::new(), &|_| None)
}

async fn note_runs(mut snapshots: watch::Receiver<Option<Status>>, runs: Arc<Mutex<BTreeSet<(Monitor, Timestamp)>>>) {
    while snapshots.changed().await.is_ok() {
        let states = snapshots.borrow_and_update().clone().map(|status| status.monitor_states).unwrap_or_default();
        runs.lock().unwrap().extend(states.iter().map(|(monitor, state)| (*monitor, state.last_check)));
    }
}

/// Let so many seconds go by.
pub(crate) async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}
