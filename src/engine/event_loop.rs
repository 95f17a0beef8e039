//! The loop: sleep until something is due, asked for, answered or to be stopped.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::ConfigUpdate;
use super::Engine;
use super::check::{Check, SourceResult};
use super::report::CheckReport;
use super::requests::Request;
use crate::core::alert::Monitor;
use crate::core::policy::decision::Decision;
use crate::core::policy::incident_state::Pause;
use crate::core::schedule;
use crate::core::status::Status;
use crate::engine::delivery::dispatcher::SendCompleted;
use crate::engine::health::DbOperation;
use crate::sources::oura::oauth::refreshes;

/// A monitor that is ready waits so long for the others of its check, so that one transaction and one digest can hold
/// them all; then it goes on without them.
const GRACE: Duration = Duration::from_millis(500);

/// A check under way may take so long to end when the engine is told to stop.
const FAREWELL: Duration = Duration::from_secs(8);

/// Run until `stop` says so. Snapshots go out after every change; `changes` brings new configurations.
pub async fn run(
    engine: Engine,
    mut inbox: mpsc::Receiver<Request>,
    mut changes: mpsc::Receiver<ConfigUpdate>,
    snapshots: watch::Sender<Option<Status>>,
    mut stop: watch::Receiver<bool>,
) {
    let (mut desk, mut answers, mut returned) = EventLoop::new(engine, snapshots);
    desk.engine.dispatcher.linger();
    let mut page = desk.engine.page.clone();
    let (ears, mut heard) = mpsc::channel(8);
    let mut listeners = desk.engine.listen(&ears);
    let (looks, mut looked) = mpsc::channel(8);
    desk.engine.look_at_channels(&looks);
    desk.publish();
    loop {
        if desk.engine.dispatcher.change_over() {
            listeners = desk.engine.listen(&ears);
            desk.engine.look_at_channels(&looks);
        }
        let pause = desk.look();
        tokio::select! {
            Some(request) = inbox.recv() => desk.handle(request),
            Some(arrival) = answers.recv() => desk.take_in(arrival),
            Some(back) = returned.recv() => desk.take_back(back),
            Some(heard) = heard.recv() => desk.hear(heard),
            Some(looked) = looked.recv() => desk.note_look(looked),
            Some(reloaded) = changes.recv() => desk.reload(reloaded),
            Ok(()) = page.changed() => desk.publish(),
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    drop(listeners);
    drop(inbox); // whoever asks now is told at once that the engine stops
    desk.farewell(&mut answers, &mut returned).await;
}

/// The engine at work, with the checks that are under way.
pub(crate) struct EventLoop {
    pub(crate) engine: Engine,
    pub(crate) checks: Vec<Check>,
    arrivals: mpsc::Sender<SourceResult>,
    pub(crate) snapshots: watch::Sender<Option<Status>>,
    /// Monitors to run though their interval has not passed.
    pub(crate) wanted: Vec<Monitor>,
    /// Who waits for a check that was begun anew.
    waiters: Vec<oneshot::Sender<CheckReport>>,
    was_silent: bool,
    last_look: (Timestamp, Instant),
    /// Where messages come back that were handed over.
    returns: mpsc::Sender<SendCompleted>,
}

impl EventLoop {
    fn new(
        engine: Engine,
        snapshots: watch::Sender<Option<Status>>,
    ) -> (Self, mpsc::Receiver<SourceResult>, mpsc::Receiver<SendCompleted>) {
        let (arrivals, answers) = mpsc::channel(16);
        let (returns, returned) = mpsc::channel(8);
        let was_silent = engine.is_silent(&engine.now());
        let last_look = (engine.clock.now(), Instant::now());
        (
            Self {
                engine,
                checks: Vec::new(),
                arrivals,
                snapshots,
                wanted: Vec::new(),
                waiters: Vec::new(),
                was_silent,
                last_look,
                returns,
            },
            answers,
            returned,
        )
    }

    /// See what is to be done now and do it; says how long to sleep.
    fn look(&mut self) -> Duration {
        self.notice_jumps_and_silence();
        self.begin_due();
        self.conclude_ready();
        self.engine.send_waiting(&self.returns);
        self.audit();
        self.pause()
    }

    /// After a sleep of the machine, a change of its clock, and at the end of quiet hours, a meeting or a pause, everything is
    /// looked at once: that is also when one digest tells what was held.
    fn notice_jumps_and_silence(&mut self) {
        let (now, steady) = (self.engine.now(), Instant::now());
        let (before, looked) = std::mem::replace(&mut self.last_look, (now.timestamp(), steady));
        let passed = SignedDuration::try_from(steady - looked).unwrap_or(SignedDuration::ZERO);
        if schedule::clock_jumped(before, now.timestamp(), passed) {
            tracing::info!("The clock jumped or the machine slept: checking everything once");
            self.start_over();
        }
        let silent = self.engine.is_silent(&now);
        if self.was_silent && !silent {
            self.want_all();
            self.engine.dispatcher.linger();
        }
        if self.was_silent != silent {
            self.was_silent = silent;
            self.publish();
        }
    }

    /// What was asked before a sleep would be judged by the time of then: ask again.
    fn start_over(&mut self) {
        let checks = std::mem::take(&mut self.checks);
        self.waiters.extend(checks.into_iter().flat_map(|check| self.engine.abandon(check)));
        self.engine.dispatcher.hurry();
        self.engine.health.watch_anew(self.engine.clock.now());
        self.want_all();
    }

    pub(crate) fn want_all(&mut self) {
        self.wanted = self.engine.intervals().into_keys().collect();
    }

    pub(crate) fn begin_due(&mut self) {
        let engine = &self.engine;
        let mut due = schedule::due(&engine.intervals(), &engine.last_runs, engine.clock.now());
        // What is under way is not begun twice; where it was wanted, it runs again afterwards.
        let (busy, idle): (Vec<_>, Vec<_>) = self.wanted.drain(..).partition(|monitor| is_busy(&self.checks, *monitor));
        self.wanted = busy;
        due.extend(idle);
        due.sort();
        due.dedup();
        due.retain(|monitor| !is_busy(&self.checks, *monitor));
        if !due.is_empty() {
            let mut check = self.engine.begin(&due, &self.arrivals);
            check.waiters.append(&mut self.waiters);
            self.checks.push(check);
        }
    }

    fn take_in(&mut self, arrival: SourceResult) {
        if let Some(check) = self.checks.iter_mut().find(|check| check.id == arrival.check) {
            self.engine.absorb(check, arrival.source, arrival.answer);
        }
    }

    fn conclude_ready(&mut self) {
        let is_ripe =
            |check: &Check| check.ready_since().is_some_and(|since| check.is_complete() || since.elapsed() >= GRACE);
        let mut concluded = false;
        for index in (0..self.checks.len()).rev() {
            if self.checks.get(index).is_some_and(is_ripe) {
                self.conclude(index);
                concluded = true;
            }
        }
        if concluded {
            self.engine.dispatcher.go_on();
            self.publish();
        }
    }

    fn conclude(&mut self, index: usize) {
        let mut check = self.checks.swap_remove(index);
        let monitors = check.ready();
        let concluded = self.engine.conclude_somehow(&mut check);
        if !self.engine.dry_run {
            self.engine.health.note(DbOperation::Record, &concluded);
        }
        let report = match concluded {
            Ok(report) => {
                self.engine.health.note_concluded(&monitors, self.engine.clock.now());
                self.engine.told(&report, check.is_complete());
                Some(report)
            }
            Err(error) => {
                tracing::error!("Nothing of this check could be recorded, it is made again soon: {error}");
                check.take_ready();
                self.engine.try_again_soon(&monitors);
                None
            }
        };
        if !check.is_complete() {
            self.checks.push(check);
        } else if let Some(report) = report.or(check.report) {
            if self.engine.dry_run {
                tell_dry(&report);
            }
            for waiter in check.waiters {
                let _ = waiter.send(report.clone());
            }
        }
    }

    fn pause(&self) -> Duration {
        let engine = &self.engine;
        let now = engine.now();
        let quiet_change = engine.config.quiet_hours.resolve().next_change(&now).map(|at| at.timestamp());
        let pause_end = match engine.pause {
            Some(Pause::Until(end)) if end > now.timestamp() => Some(end),
            _ => None,
        };
        if self.wanted.iter().any(|monitor| !is_busy(&self.checks, *monitor)) {
            return Duration::ZERO;
        }
        let mut idle = engine.intervals();
        idle.retain(|monitor, _| !is_busy(&self.checks, *monitor));
        let next = schedule::next_due(&idle, &engine.last_runs, now.timestamp());
        let check_interval = SignedDuration::from_secs(engine.config.intervals.check_interval.into());
        let quiet_override = engine.quiet_override.map(|said| said.until).filter(|end| *end > now.timestamp());
        let look_again = now.timestamp().saturating_add(check_interval).ok();
        let audit = engine.health.next_audit();
        let event = engine.next_event_change(now.timestamp());
        let moments = [next, quiet_change, quiet_override, pause_end, event, look_again, audit];
        let sleep = schedule::sleep_until(moments.into_iter().flatten(), now.timestamp());
        let sleep = Duration::try_from(sleep).unwrap_or(Duration::ZERO);
        let sleep = engine.post_pause().map_or(sleep, |pause| pause.min(sleep));
        let ripe = self.checks.iter().filter_map(Check::ready_since).min();
        ripe.map_or(sleep, |since| sleep.min(GRACE.saturating_sub(since.elapsed())))
    }

    pub(crate) fn publish(&mut self) {
        let read = self.engine.status(true);
        self.engine.health.note(DbOperation::Read, &read);
        let database_error = self.engine.health.database_error();
        match read {
            Ok(status) => {
                let checking = !self.checks.is_empty();
                self.snapshots.send_replace(Some(Status { check_running: checking, database_error, ..status }));
            }
            Err(error) => {
                tracing::warn!("The status cannot be read: {error}");
                // What was known still is, but for this.
                self.snapshots.send_modify(|last| {
                    if let Some(status) = last {
                        status.database_error = database_error;
                    }
                });
            }
        }
    }

    fn take_back(&mut self, back: SendCompleted) {
        self.engine.take_back(back);
        self.publish();
    }

    /// Let the checks and the messages under way end, as far as they do in time.
    async fn farewell(
        mut self,
        answers: &mut mpsc::Receiver<SourceResult>,
        returned: &mut mpsc::Receiver<SendCompleted>,
    ) {
        let deadline = Instant::now() + FAREWELL;
        while self.checks.iter().any(|check| !check.is_complete()) {
            match tokio::time::timeout_at(deadline, answers.recv()).await {
                Ok(Some(arrival)) => self.take_in(arrival),
                _ => break,
            }
        }
        for index in (0..self.checks.len()).rev() {
            if self.checks.get(index).is_some_and(|check| check.ready_since().is_some()) {
                self.conclude(index);
            }
        }
        while self.engine.dispatcher.is_busy() {
            match tokio::time::timeout_at(deadline, returned.recv()).await {
                Ok(Some(back)) => self.engine.take_back(back),
                _ => break,
            }
        }
        // Whoever wanted a renewal may have given up: what it brings would be lost with the process.
        if tokio::time::timeout_at(deadline, refreshes::wait_idle()).await.is_err() {
            tracing::warn!("The connection with Oura was being renewed: it may have to be made again");
        }
        self.engine.write_down_all();
        tracing::info!("Stopped");
    }
}

/// Whether a check that has this monitor is under way.
pub(crate) fn is_busy(checks: &[Check], monitor: Monitor) -> bool {
    checks.iter().any(|check| check.monitors().any(|busy| busy == monitor))
}

/// A dry run that nobody watches says in the log what it would have told.
fn tell_dry(report: &CheckReport) {
    for alert in report.alerts.iter().filter(|alert| matches!(alert.decision, Decision::Deliver | Decision::Coalesce)) {
        let (decision, reason) = (alert.decision.as_str(), alert.reason.as_str());
        tracing::info!("Dry run: would {decision} ({reason}), {}: {}", alert.priority, alert.title);
    }
}
