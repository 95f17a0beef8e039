//! The engine: checks on a schedule, evaluates, decides, records and delivers. Commands come in, snapshots go out.

mod calendar_cache;
mod check;
pub mod clock;
pub mod commands;
mod components;
mod config_state;
pub mod control;
mod controls;
mod database;
pub mod delivery;
mod evaluate;
mod event_loop;
mod health;
pub mod heartbeat;
mod monitor_runs;
pub mod report;
mod running_checks;
mod snapshot;
mod source_states;
mod state_file;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, ZonedDateTime};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

pub use commands::Request;
pub use components::{Components, ConfigUpdate, EngineConfig, EngineHandle};
pub use event_loop::run;
pub use snapshot::user_time_zone;

use crate::alerters::Inbound;
use crate::core::alert::Monitor;
use crate::core::channel::Channel;
use crate::core::delivery::channel_backoff::SendWindow;
use crate::core::schedule::Intervals;
use crate::core::status::{HttpState, Status};
use crate::monitors::fetch::required_sources;
use crate::sources::Source;
use crate::store;
use crate::telemetry::metrics::Metrics;
use calendar_cache::CalendarCache;
use check::{Check, FetchOptions, SourceResult};
use clock::Clock;
use commands::{Command, Reply};
use config_state::ConfigState;
use controls::Controls;
use database::Database;
use delivery::dispatcher::{DispatchContext, Dispatcher, SendCompleted};
use delivery::test_alert::{TEST_TIMEOUT, TestAlerts};
use delivery::{inbound, probe};
use evaluate::EvaluationContext;
use health::{AuditChange, EngineHealth};
use monitor_runs::MonitorRuns;
use report::CheckReport;
use source_states::SourceStates;

/// Days of health data in an ordinary fetch: some days are synced late.
const RECENT_DAYS: i64 = 7;

/// Days of health data while the stored history is too short for a baseline, and after Oura was connected.
const HISTORY_DAYS: i64 = 60;

/// Fewer stored nights than this are a short history.
const MIN_HISTORY_NIGHTS: u32 = 14;

/// The engine. One thread owns it; the rest of the program sends commands.
#[derive(Debug)]
pub struct Engine {
    clock: Clock,
    dry_run: bool,
    started_at: Timestamp,
    config: ConfigState,
    controls: Controls,
    database: Database,
    source_states: SourceStates,
    calendars: CalendarCache,
    runs: MonitorRuns,
    checks_started: u64,
    dispatcher: Dispatcher,
    health: EngineHealth,
    http_state: watch::Receiver<HttpState>,
    metrics: Arc<Metrics>,
}

impl Engine {
    /// Build an engine from its components and what the database remembers.
    pub fn new(config: EngineConfig) -> Result<Self, store::Error> {
        let EngineConfig { components, store, state_dir, clock, dry_run, warnings } = config;
        let (config, alerters) = ConfigState::new(components);
        let metrics = Metrics::new();
        metrics.expect_monitors(config.config.enabled_monitors());
        let now = clock.now();
        Ok(Self {
            source_states: SourceStates::restore(&config.sources, &store.circuits()?),
            runs: MonitorRuns::restore(&store.monitors()?),
            controls: Controls::load(&store)?,
            database: Database::new(store, state_dir, warnings),
            calendars: CalendarCache::default(),
            dispatcher: Dispatcher::new(alerters),
            health: EngineHealth::new(now),
            checks_started: 0,
            http_state: watch::channel(HttpState::default()).1,
            metrics: Arc::new(metrics),
            started_at: now,
            clock,
            dry_run,
            config,
        })
    }

    /// Show the state of the HTTP server in every snapshot.
    pub fn set_http_state(&mut self, http_state: watch::Receiver<HttpState>) {
        self.http_state = http_state;
    }

    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// The time in the user's zone.
    #[must_use]
    pub fn now(&self) -> ZonedDateTime {
        self.clock.now().to_zoned_datetime(self.config.time_zone())
    }

    /// The enabled monitors with their intervals.
    #[must_use]
    pub fn intervals(&self) -> Intervals {
        self.config.intervals()
    }

    /// The snapshot. `running` is false when no engine runs and only the database is read.
    pub fn status(&self, running: bool) -> Result<Status, store::Error> {
        snapshot::build(self, running)
    }

    fn in_event_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.calendars.in_event_until(&self.config.sources, now)
    }

    fn is_quiet(&self, now: &ZonedDateTime) -> bool {
        self.controls.is_quiet(&self.config.quiet_hours(), now)
    }

    /// Which alerts may be sent now.
    fn send_window(&self) -> SendWindow {
        let now = self.now();
        if self.controls.active_pause(now.timestamp()).is_some() {
            SendWindow::Closed
        } else if self.is_quiet(&now) || self.in_event_until(now.timestamp()).is_some() {
            SendWindow::CriticalOnly
        } else {
            SendWindow::Open
        }
    }

    /// A dry run sends nothing.
    fn may_send(&self) -> bool {
        !self.dry_run && !self.database.store.is_ephemeral()
    }

    fn circuit_names(&self) -> Vec<String> {
        self.config.sources.all().iter().map(ToString::to_string).collect()
    }

    /// When something changes that neither a check nor the dispatcher knows of: the times that `send_window` depends on.
    fn next_window_changes(&self) -> impl Iterator<Item = Timestamp> {
        let now = self.now();
        let quiet_change = self.config.quiet_hours().next_change(&now).map(|change| change.timestamp());
        let event_change = self.calendars.next_change(&self.config.sources, now.timestamp());
        self.controls.ends(now.timestamp()).chain(quiet_change).chain(event_change)
    }
}

/// Checks.
impl Engine {
    /// Check all enabled monitors once and wait for every source.
    pub async fn check_once(&mut self) -> Result<CheckReport, store::Error> {
        let (sender, mut results) = mpsc::channel(8);
        let monitors: Vec<Monitor> = self.intervals().into_keys().collect();
        let mut check = self.start_check(&monitors, &sender);
        while !check.is_complete() {
            let Some(result) = results.recv().await else { break };
            self.on_source_result(&mut check, result);
        }
        let report = self.evaluate_or_recover(&mut check)?;
        self.after_check(&report, true);
        Ok(report)
    }

    fn start_check(&mut self, monitors: &[Monitor], results: &mpsc::Sender<SourceResult>) -> Check {
        self.checks_started += 1;
        let at = self.now();
        self.runs.on_started(monitors, at.timestamp());
        if let Some(account) = &self.config.sources.oura.account {
            account.allow_refresh(self.may_send());
        }
        let required =
            monitors.iter().map(|monitor| (*monitor, self.required_sources(*monitor, monitors, &at))).collect();
        let first_day = self.first_health_day(&at);
        let options = FetchOptions { sources: &self.config.sources, first_day, results };
        Check::start(self.checks_started, at, required, &mut self.source_states, &mut self.calendars, &options)
    }

    /// Only the task monitor fetches a calendar again within its interval; the others need it for meetings alone.
    fn required_sources(&self, monitor: Monitor, together: &[Monitor], at: &ZonedDateTime) -> BTreeSet<Source> {
        let interval = jiff::SignedDuration::from_secs(self.config.config.intervals.task_check.into());
        let is_cached = |source: &Source| self.calendars.is_fresh(*source, interval, at.timestamp());
        let required = required_sources(monitor, together, &self.config.sources).into_iter();
        required.filter(|source| monitor == Monitor::Tasks || !is_cached(source)).collect()
    }

    fn first_health_day(&self, now: &ZonedDateTime) -> Date {
        let limits = &self.config.config.monitors.health.thresholds;
        let days_ago = |days: i64| now.date().saturating_sub(days.days());
        let stored = self.database.store.health_days(days_ago(limits.hrv_baseline_days.into())).unwrap_or_default();
        let nights = stored.iter().filter(|day| day.night.is_some()).count();
        let has_baseline = nights >= limits.hrv_baseline_min_nights.max(MIN_HISTORY_NIGHTS) as usize;
        let is_recent_enough = has_baseline && !self.source_states.oura_history_requested();
        days_ago(if is_recent_enough { RECENT_DAYS } else { HISTORY_DAYS })
    }

    fn on_source_result(&mut self, check: &mut Check, result: SourceResult) {
        let SourceResult { source, reading, .. } = result;
        let (breaker, requested_at) = (&self.config.config.circuit_breaker, check.at.timestamp());
        let permit = check.take_permit(source);
        self.source_states.record(source, &reading, permit, breaker, requested_at, self.clock.now());
        self.calendars.record(source, &reading);
        check.add_reading(source, reading);
    }

    /// Evaluate a check. A corrupt database is replaced, and the check is evaluated once more on the new one.
    fn evaluate_or_recover(&mut self, check: &mut Check) -> Result<CheckReport, store::Error> {
        let ready = check.ready();
        match self.evaluate(check) {
            Err(error) if error.is_corrupt() => {
                if self.dry_run {
                    self.database.continue_in_memory(&error)?;
                } else {
                    self.database.replace_corrupt(&error, self.clock.now())?;
                    self.on_store_adopted()?;
                }
                check.retry(ready);
                self.evaluate(check)
            }
            result => result,
        }
    }

    fn on_store_adopted(&mut self) -> Result<(), store::Error> {
        self.dispatcher.on_store_adopted();
        self.health.on_store_adopted();
        self.controls.save(&mut self.database.store)
    }

    fn evaluate(&mut self, check: &mut Check) -> Result<CheckReport, store::Error> {
        if !self.dry_run && self.database.reopen_if_missing(self.clock.now())? {
            self.on_store_adopted()?;
        }
        if self.may_send() {
            // First the messages that the last process left unconfirmed: an alert that resolves now is updated only in a message
            // that counts as sent.
            self.dispatcher.open_outbox(&mut self.database.store, self.clock.now())?;
        }
        let commit = !self.dry_run || self.database.store.is_ephemeral();
        let context = EvaluationContext {
            config: &self.config,
            source_states: &self.source_states,
            busy_times: self.calendars.busy_times(&self.config.sources, check.at.timestamp()),
            is_quiet: self.is_quiet(&check.at),
            in_event: self.in_event_until(check.at.timestamp()).is_some(),
        };
        let runs = &mut self.runs;
        let log_change = |monitor: Monitor, outcome: &_| runs.log_change(monitor, outcome);
        let evaluated = evaluate::evaluate(check, &mut self.database.store, &context, commit, log_change)?;
        if commit {
            self.metrics.count_check(&evaluated.states, &evaluated.decisions);
        }
        let circuits = self.source_states.circuit_states(&self.config.sources);
        Ok(check.add_part(evaluated, circuits, self.dry_run))
    }

    /// What follows a check, or a part of one, besides the commit.
    fn after_check(&self, report: &CheckReport, is_complete: bool) {
        if is_complete {
            report.log();
        }
        if !self.dry_run {
            state_file::write(self);
        }
        self.database.store.release_memory();
    }
}

/// Delivery.
impl Engine {
    fn dispatch_context(&self) -> DispatchContext {
        let max_alerts = self.config.config.deduplication.max_alerts_per_run;
        DispatchContext { now: self.now(), window: self.send_window(), max_alerts }
    }

    /// Send what waits, as far as the channels are free and the time is right.
    fn dispatch(&mut self, completed: &mpsc::Sender<SendCompleted>) {
        if self.may_send() {
            let context = self.dispatch_context();
            self.dispatcher.dispatch(&mut self.database.store, &context, completed);
        }
    }

    fn on_send_completed(&mut self, completed: SendCompleted) {
        let now = self.clock.now();
        self.dispatcher.on_send_completed(&mut self.database.store, completed, &self.metrics, now);
    }

    /// How long until the dispatcher has work without a new event; none: it waits for one.
    fn next_dispatch(&self) -> Option<Duration> {
        let (window, now) = (self.send_window(), self.clock.now());
        self.may_send().then(|| self.dispatcher.next_wakeup(&self.database.store, window, now)).flatten()
    }

    /// Send until nothing waits that can be sent within `timeout`: the last step of a single check.
    pub async fn deliver(&mut self, timeout: Duration) {
        // A check may be made for a fixed time, but backoffs need a clock that runs.
        self.clock = self.clock.ticking();
        let deadline = Instant::now() + timeout;
        let (sender, mut completed) = mpsc::channel(8);
        loop {
            self.dispatch(&sender);
            let nothing_sendable = self.dispatcher.nothing_sendable(&self.database.store, self.send_window());
            let next = if nothing_sendable { None } else { self.next_dispatch() };
            let next = next.map(|wait| Instant::now() + wait).filter(|at| *at < deadline);
            let until = match (next, self.dispatcher.is_sending()) {
                (None, false) => break,
                (next, true) => next.unwrap_or(deadline),
                (Some(next), false) => next,
            };
            tokio::select! {
                Some(send) = completed.recv() => self.on_send_completed(send),
                () = tokio::time::sleep_until(until) => if until >= deadline { break },
            }
        }
        self.record_results();
    }

    /// Record the results of ended sends, for the last time.
    fn record_results(&mut self) {
        self.dispatcher.record_results(&mut self.database.store, self.clock.now());
    }

    fn start_tests(&mut self, channel: Option<Channel>) -> Result<TestAlerts, Reply> {
        if !self.may_send() {
            return Err(Reply::refused("this is a dry run: nothing is sent; switch it off first"));
        }
        TestAlerts::start(channel, &mut self.dispatcher, &mut self.database.store, self.clock.now())
    }

    /// Test one channel or all, without an event loop around the engine.
    pub async fn test_channels(&mut self, channel: Option<Channel>) -> Reply {
        match self.start_tests(channel) {
            Err(refused) => refused,
            Ok(tests) => {
                self.deliver(TEST_TIMEOUT).await;
                self.dispatcher.cancel_tests();
                tests.outcomes().await
            }
        }
    }

    /// Handle a button press or the like. Gives the answer for the user.
    fn on_inbound(&mut self, inbound: Inbound) {
        let now = self.clock.now();
        inbound::handle(inbound, self.dispatcher.database_id(), &mut self.database.store, now);
    }

    /// Listen on every channel and probe the local ones. A dry run does neither; dropping the listeners ends them.
    fn open_channels(
        &self,
        inbound: &mpsc::Sender<Inbound>,
        probes: &mpsc::Sender<probe::ProbeResult>,
    ) -> tokio::task::JoinSet<()> {
        if self.may_send() {
            probe::probe_channels(self.dispatcher.alerters(), probes);
        }
        if self.dry_run { tokio::task::JoinSet::new() } else { self.dispatcher.listen(&self.database.store, inbound) }
    }
}

/// Commands, configuration and health.
impl Engine {
    /// Carry out a command that changes what the database remembers.
    fn apply(&mut self, command: &Command) -> Reply {
        let (circuits, now) = (self.circuit_names(), self.clock.now());
        let Some(reply) = commands::apply(&mut self.database.store, command, &circuits, now) else {
            return Reply::refused("this command needs a running engine");
        };
        if reply.ok {
            tracing::info!("{}", reply.message);
            self.controls = Controls::load(&self.database.store).unwrap_or(self.controls);
        }
        reply
    }

    /// Close a circuit. Gives the monitors that fetch its source.
    fn reset_circuit(&mut self, circuit: &str) -> Vec<Monitor> {
        let enabled: Vec<Monitor> = self.intervals().into_keys().collect();
        let Some(source) = self.source_states.reset(circuit) else { return Vec::new() };
        let fetches = |monitor: &Monitor| required_sources(*monitor, &enabled, &self.config.sources).contains(&source);
        enabled.iter().copied().filter(fetches).collect()
    }

    /// Replace the configuration. Counters, incidents and the outbox stay; the channels change when no message is in flight.
    fn apply_config(&mut self, components: Components) {
        let now = self.clock.now();
        let (new, alerters) = ConfigState::new(components);
        for calendar in &new.sources.calendars {
            if let Some(before) = self.config.sources.calendar(calendar.name) {
                calendar.inherit_cache(before);
            }
        }
        let old = (&*self.config.config, &*self.config.sources);
        self.source_states.apply_config(old, (&new.config, &new.sources), now);
        self.calendars.apply_config(&self.config.sources, &new.sources);
        self.metrics.expect_monitors(new.config.enabled_monitors());
        self.dispatcher.replace_alerters(alerters);
        self.health.reset_watchdog(now);
        self.config = new;
    }

    /// When the next check is overdue; none if all monitors are disabled.
    fn check_overdue_at(&self) -> Option<Timestamp> {
        self.health.overdue_at(&self.intervals(), &self.config.config)
    }

    fn audit_if_due(&mut self) -> Option<AuditChange> {
        self.health.audit_if_due(&self.database.store, self.clock.now())
    }

    fn send_heartbeat(&self) {
        let is_healthy = !self.dry_run && self.health.is_healthy(self.check_overdue_at(), self.clock.now());
        if let Some(heartbeat) = self.config.heartbeat.clone().filter(|_| is_healthy) {
            tokio::spawn(async move { heartbeat.send().await });
        }
    }

    /// Warnings for the user, from all parts.
    fn warnings(&self) -> Vec<String> {
        let http = self.http_state.borrow().error.as_ref().map(|error| format!("The dashboard is not served: {error}"));
        self.config.warnings.iter().chain(&self.database.warnings).cloned().chain(http).collect()
    }

    /// Each monitor's last run; of exec plugins, only those in the configuration.
    fn monitor_states(&self) -> Result<BTreeMap<Monitor, crate::core::status::MonitorState>, store::Error> {
        let plugins = &self.config.config.monitors.exec;
        let known: Vec<Monitor> = plugins.iter().filter_map(|plugin| plugin.name.map(Monitor::Exec)).collect();
        let mut states = self.database.store.monitors()?;
        states.retain(|monitor, _| !matches!(monitor, Monitor::Exec(_)) || known.contains(monitor));
        Ok(states)
    }
}
