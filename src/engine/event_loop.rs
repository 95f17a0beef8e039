//! The event loop: waits for the next event, calls the engine, publishes snapshots.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Engine;
use super::check::{Check, SourceResult};
use super::commands::{Command, Reply, Request};
use super::components::ConfigUpdate;
use super::delivery::dispatcher::SendCompleted;
use super::delivery::probe::ProbeResult;
use super::health::{AuditChange, DbOperation};
use super::report::CheckReport;
use super::running_checks::RunningChecks;
use crate::alerters::Inbound;
use crate::core::channel::Channel;
use crate::core::delivery::channel_backoff::SendWindow;
use crate::core::schedule;
use crate::core::status::Status;
use crate::sources::oura::oauth::refreshes;

/// Checks, sends and token refreshes in flight may take this long to end after a stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// Run until `stop` is true. A snapshot is published after every change; `updates` brings new configurations.
pub async fn run(
    engine: Engine,
    mut requests: mpsc::Receiver<Request>,
    mut updates: mpsc::Receiver<ConfigUpdate>,
    snapshots: watch::Sender<Option<Status>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut http_state = engine.http_state.clone();
    let (result_sender, mut results) = mpsc::channel(16);
    let (completed_sender, mut completed) = mpsc::channel(8);
    let (inbound_sender, mut inbound) = mpsc::channel(8);
    let (probe_sender, mut probes) = mpsc::channel(8);
    let senders =
        Senders { results: result_sender, completed: completed_sender, inbound: inbound_sender, probes: probe_sender };
    let mut event_loop = EventLoop::new(engine, snapshots, senders);
    loop {
        let sleep = event_loop.tick();
        tokio::select! {
            Some(request) = requests.recv() => event_loop.on_request(request),
            Some(result) = results.recv() => event_loop.on_source_result(result),
            Some(send) = completed.recv() => event_loop.on_send_completed(send),
            Some(inbound) = inbound.recv() => event_loop.on_inbound(inbound),
            Some(probe) = probes.recv() => event_loop.on_probe(probe),
            Some(update) = updates.recv() => event_loop.on_config_update(update),
            Ok(()) = http_state.changed() => event_loop.publish(),
            () = tokio::time::sleep(sleep) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    drop(requests); // a request from now on fails at once
    event_loop.shutdown(&mut results, &mut completed).await;
}

/// Where the tasks of the engine report.
struct Senders {
    results: mpsc::Sender<SourceResult>,
    completed: mpsc::Sender<SendCompleted>,
    inbound: mpsc::Sender<Inbound>,
    probes: mpsc::Sender<ProbeResult>,
}

struct EventLoop {
    engine: Engine,
    checks: RunningChecks,
    snapshots: watch::Sender<Option<Status>>,
    senders: Senders,
    /// Receive inbound messages; dropping the tasks ends them.
    listeners: JoinSet<()>,
    /// Whether only critical alerts could be sent at the last tick.
    was_silent: bool,
    last_tick: (Timestamp, Instant),
}

impl EventLoop {
    fn new(mut engine: Engine, snapshots: watch::Sender<Option<Status>>, senders: Senders) -> Self {
        // What the last process left waits for the first check, so that one message shows both.
        engine.dispatcher.defer();
        let listeners = engine.open_channels(&senders.inbound, &senders.probes);
        let was_silent = engine.send_window() != SendWindow::Open;
        let last_tick = (engine.clock.now(), Instant::now());
        let checks = RunningChecks::default();
        let mut event_loop = Self { engine, checks, snapshots, senders, listeners, was_silent, last_tick };
        event_loop.publish();
        event_loop
    }

    /// Do everything that is due. Gives the time until something is due again.
    fn tick(&mut self) -> Duration {
        if self.engine.dispatcher.swap_alerters() {
            self.listeners = self.engine.open_channels(&self.senders.inbound, &self.senders.probes);
        }
        self.detect_clock_jump();
        self.detect_window_change();
        self.start_due_checks();
        self.evaluate_ready_checks();
        self.engine.dispatch(&self.senders.completed);
        self.audit();
        self.next_tick()
    }

    /// After a sleep of the machine or a change of its clock, everything is checked once. Fetches from before would be
    /// evaluated for an old time, so they are repeated.
    fn detect_clock_jump(&mut self) {
        let (now, steady) = (self.engine.clock.now(), Instant::now());
        let (last, last_steady) = std::mem::replace(&mut self.last_tick, (now, steady));
        let elapsed = SignedDuration::try_from(steady - last_steady).unwrap_or(SignedDuration::ZERO);
        if schedule::clock_jumped(last, now, elapsed) {
            tracing::info!("clock jumped or machine slept, checking everything");
            let engine = &mut self.engine;
            self.checks.cancel_all(&mut engine.source_states, &mut engine.calendars);
            engine.dispatcher.reset_backoff();
            engine.health.reset_watchdog(now);
            self.request_all();
        }
    }

    /// At the end of quiet hours, a meeting or a pause, everything is checked once, and one message shows what was held.
    fn detect_window_change(&mut self) {
        let is_silent = self.engine.send_window() != SendWindow::Open;
        let was_silent = std::mem::replace(&mut self.was_silent, is_silent);
        if was_silent && !is_silent {
            self.request_all();
            self.engine.dispatcher.defer();
        }
        if was_silent != is_silent {
            self.publish();
        }
    }

    fn request_all(&mut self) {
        self.checks.request(self.engine.intervals().into_keys());
    }

    fn start_due_checks(&mut self) {
        let due = self.engine.runs.due(&self.engine.intervals(), self.engine.clock.now());
        let monitors = self.checks.take_startable(due);
        if !monitors.is_empty() {
            self.checks.add(self.engine.start_check(&monitors, &self.senders.results));
        }
    }

    fn evaluate_ready_checks(&mut self) {
        let mut evaluated = false;
        while let Some(check) = self.checks.take_ready() {
            self.evaluate(check);
            evaluated = true;
        }
        if evaluated {
            self.engine.dispatcher.resume();
            self.publish();
        }
    }

    fn evaluate(&mut self, mut check: Check) {
        let monitors = check.ready();
        let result = self.engine.evaluate_or_recover(&mut check);
        let now = self.engine.clock.now();
        if !self.engine.dry_run {
            self.engine.health.record(DbOperation::CommitCheck, &result);
        }
        let report = match result {
            Ok(report) => {
                self.engine.health.on_evaluated(&monitors, now);
                self.engine.after_check(&report, check.is_complete());
                Some(report)
            }
            Err(error) => {
                tracing::error!(%error, "check not saved, retrying in a minute");
                check.take_ready();
                self.engine.runs.retry_soon(&monitors, &self.engine.intervals(), now);
                None
            }
        };
        if !check.is_complete() {
            self.checks.put_back(check);
        } else if let Some(report) = report.or(check.report) {
            report.log_dry_run();
            for waiter in check.waiters {
                let _ = waiter.send(report.clone());
            }
        }
    }

    fn audit(&mut self) {
        match self.engine.audit_if_due() {
            None => return,
            Some(AuditChange::TimeOnly) => {
                // The snapshot shows the new time, but the front ends need not be woken for it.
                let audit = self.engine.health.audit().cloned();
                self.snapshots.send_if_modified(|snapshot| {
                    if let Some(status) = snapshot {
                        status.audit = audit;
                    }
                    false
                });
            }
            Some(AuditChange::Numbers) => self.publish(),
        }
        self.engine.send_heartbeat();
    }

    fn next_tick(&self) -> Duration {
        if self.checks.has_startable() {
            return Duration::ZERO;
        }
        let engine = &self.engine;
        let now = engine.clock.now();
        let mut idle = engine.intervals();
        idle.retain(|monitor, _| !self.checks.is_running(*monitor));
        let next_check = engine.runs.next_due(&idle, now);
        let check_interval = SignedDuration::from_secs(engine.config.config.intervals.check_interval.into());
        let next_poll = now.saturating_add(check_interval).ok();
        let times = [next_check, next_poll, engine.health.next_audit()].into_iter().flatten();
        let sleep = schedule::sleep_until(times.chain(engine.next_window_changes()), now);
        let sleep = Duration::try_from(sleep).unwrap_or(Duration::ZERO);
        [engine.next_dispatch(), self.checks.next_ready()].into_iter().flatten().fold(sleep, Duration::min)
    }

    fn publish(&mut self) {
        let status = self.engine.status(true);
        self.engine.health.record(DbOperation::ReadStatus, &status);
        let database_error = self.engine.health.database_error();
        match status {
            Ok(status) => {
                let checking = !self.checks.is_empty();
                self.snapshots.send_replace(Some(Status { check_running: checking, database_error, ..status }));
            }
            Err(error) => {
                tracing::warn!(%error, "status unreadable");
                // The last snapshot stays, with the error.
                self.snapshots.send_modify(|snapshot| {
                    if let Some(status) = snapshot {
                        status.database_error = database_error;
                    }
                });
            }
        }
    }

    fn on_source_result(&mut self, result: SourceResult) {
        if let Some(check) = self.checks.get_mut(result.check) {
            self.engine.on_source_result(check, result);
        }
    }

    fn on_send_completed(&mut self, send: SendCompleted) {
        self.engine.on_send_completed(send);
        self.publish();
    }

    fn on_inbound(&mut self, inbound: Inbound) {
        self.engine.on_inbound(inbound);
        self.publish();
    }

    fn on_probe(&mut self, probe: ProbeResult) {
        if self.engine.dispatcher.on_probe(probe) {
            self.publish();
        }
    }

    fn on_config_update(&mut self, update: ConfigUpdate) {
        match update {
            Ok(components) => {
                self.engine.apply_config(*components);
                tracing::info!("configuration reloaded");
                self.request_all();
            }
            Err(error) => {
                tracing::error!("configuration not reloaded, the previous one stays in force: {error}");
                self.engine.config.error = Some(error);
            }
        }
        self.publish();
    }

    fn on_request(&mut self, Request { command, reply }: Request) {
        let answer = match command {
            Command::RunNow => return self.run_now(reply),
            Command::TestAlert { channel } => return self.test_alert(channel, reply),
            Command::Status => return drop(reply.send(self.status_reply())),
            Command::DryRun { on } => {
                self.engine.dry_run = on;
                Reply::done(if on { "Dry run: nothing is sent or written." } else { "Dry run is off." })
            }
            Command::OuraConnected => {
                self.engine.source_states.request_oura_history(self.engine.clock.now());
                self.checks.request(self.engine.reset_circuit("oura"));
                Reply::done("Oura's last 60 days are being fetched.")
            }
            command => {
                let answer = self.engine.apply(&command);
                if let (Command::ResetCircuit { name }, true) = (&command, answer.ok) {
                    self.checks.request(self.engine.reset_circuit(name));
                }
                answer
            }
        };
        self.publish();
        // Fails only if the client has gone.
        let _ = reply.send(answer);
    }

    fn status_reply(&self) -> Reply {
        match self.engine.status(true) {
            Ok(status) => Reply::with(&Status { check_running: !self.checks.is_empty(), ..status }),
            Err(error) => Reply::refused(error.to_string()),
        }
    }

    /// The reply comes when all monitors have been checked, by checks under way or a new one.
    fn run_now(&mut self, reply: oneshot::Sender<Reply>) {
        let idle: Vec<_> =
            self.engine.intervals().into_keys().filter(|monitor| !self.checks.is_running(*monitor)).collect();
        self.checks.request(idle);
        self.start_due_checks();
        let parts = self.checks.add_waiters();
        tokio::spawn(async move {
            let mut whole: Option<CheckReport> = None;
            for part in parts {
                match (part.await, &mut whole) {
                    (Ok(part), Some(whole)) => whole.merge(part),
                    (Ok(part), None) => whole = Some(part),
                    (Err(_), _) => {}
                }
            }
            let nothing = || Reply::refused("nothing was checked: all monitors are disabled, or the check failed");
            let _ = reply.send(whole.as_ref().map_or_else(nothing, Reply::with));
        });
    }

    /// The reply comes when every channel has reported the outcome of its test.
    fn test_alert(&mut self, channel: Option<Channel>, reply: oneshot::Sender<Reply>) {
        match self.engine.start_tests(channel) {
            Err(refused) => drop(reply.send(refused)),
            Ok(tests) => drop(tokio::spawn(async move { reply.send(tests.outcomes().await) })),
        }
    }

    /// Let checks, sends and token refreshes end, within the shutdown timeout.
    async fn shutdown(
        mut self,
        results: &mut mpsc::Receiver<SourceResult>,
        completed: &mut mpsc::Receiver<SendCompleted>,
    ) {
        self.listeners.abort_all();
        let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
        while !self.checks.all_complete() {
            match tokio::time::timeout_at(deadline, results.recv()).await {
                Ok(Some(result)) => self.on_source_result(result),
                _ => break,
            }
        }
        for check in self.checks.take_rest() {
            self.evaluate(check);
        }
        while self.engine.dispatcher.is_sending() {
            match tokio::time::timeout_at(deadline, completed.recv()).await {
                Ok(Some(send)) => self.engine.on_send_completed(send),
                _ => break,
            }
        }
        // A token that arrives after the end of the process would be lost.
        if tokio::time::timeout_at(deadline, refreshes::wait_idle()).await.is_err() {
            tracing::warn!("Oura token refresh did not finish; you may have to connect again");
        }
        self.engine.record_results();
        tracing::info!("engine stopped");
    }
}
