//! The loop: sleep until something is due, asked for, answered or to be stopped.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::Engine;
use super::check::{Arrival, Check};
use super::command::{self, Command, Reply};
use super::report::CheckReport;
use crate::core::alert::Monitor;
use crate::core::policy::memory::Pause;
use crate::core::policy::verdict::Decision;
use crate::core::schedule;
use crate::core::status::Status;
use crate::monitors::ask::needs;
use crate::store::{self, Opened, Store, StoreError};

/// A command and where its reply goes.
#[derive(Debug)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Reply>,
}

/// A monitor that is ready waits so long for the others of its check, so that one transaction and one digest can hold
/// them all; then it goes on without them.
const GRACE: Duration = Duration::from_millis(500);

/// After a check that could not be recorded.
const SOON: SignedDuration = SignedDuration::from_secs(60);

/// A check under way may take so long to end when the engine is told to stop.
const FAREWELL: Duration = Duration::from_secs(8);

/// Run until `stop` says so. Snapshots go out after every change.
pub async fn run(
    engine: Engine,
    mut inbox: mpsc::Receiver<Request>,
    snapshots: watch::Sender<Option<Status>>,
    mut stop: watch::Receiver<bool>,
) {
    let (mut desk, mut answers) = Desk::new(engine, snapshots);
    desk.publish();
    loop {
        let pause = desk.look();
        tokio::select! {
            Some(request) = inbox.recv() => desk.handle(request),
            Some(arrival) = answers.recv() => desk.take_in(arrival),
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    drop(inbox); // whoever asks now is told at once that the engine stops
    desk.farewell(&mut answers).await;
}

impl Engine {
    /// One check of everything that is switched on, waiting for every source.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn check_once(&mut self) -> Result<CheckReport, StoreError> {
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

    /// Conclude; where the database turns out to be damaged, once more on a fresh one.
    fn conclude_somehow(&mut self, check: &mut Check) -> Result<CheckReport, StoreError> {
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

    /// What a check, or a part of one, leaves behind besides the database.
    fn told(&self, report: &CheckReport, whole: bool) {
        if whole {
            let seconds = Duration::from_millis(report.duration_ms).as_secs_f64();
            let sent = if self.dry_run { "would be sent (dry run)" } else { "sent" };
            tracing::info!("Check cycle complete: {} alerts {sent} ({seconds:.1}s)", report.told());
        }
        if !self.dry_run {
            self.write_state_file();
        }
    }

    /// What could not be recorded is looked at again soon, not only after its interval.
    fn try_again_soon(&mut self, monitors: &[Monitor]) {
        let (now, intervals) = (self.clock.now(), self.intervals());
        for (monitor, interval) in intervals.iter().filter(|(monitor, _)| monitors.contains(monitor)) {
            let pretended = now - (*interval - SOON).max(SignedDuration::ZERO);
            self.last_runs.insert(*monitor, pretended);
        }
    }

    /// The database turned out to be damaged: set it aside and go on with a fresh one.
    fn start_afresh(&mut self, error: &StoreError) -> Result<(), StoreError> {
        let damaged = std::mem::replace(&mut self.store, Store::in_memory()?);
        self.store_is_lost = true;
        tracing::error!("{error}");
        self.take_over(damaged.start_afresh(self.clock.now()))
    }

    /// Where no fresh database could be made before, try again: nothing may be recorded in memory alone.
    pub(super) fn find_lost_store(&mut self) -> Result<(), StoreError> {
        if !self.store_is_lost {
            return Ok(());
        }
        let path = self.state_dir.join(store::FILE_NAME);
        self.take_over(Store::open(&path, self.clock.now()))
    }

    fn take_over(&mut self, opened: Result<Opened, StoreError>) -> Result<(), StoreError> {
        let opened = opened?;
        if let Some(kept) = opened.warning() {
            tracing::error!("{kept}");
            self.warnings.push(kept);
        }
        self.store = opened.store;
        self.store_is_lost = false;
        self.store.set_pause(self.pause)
    }
}

/// The engine at work, with the checks that are under way.
struct Desk {
    engine: Engine,
    checks: Vec<Check>,
    arrivals: mpsc::Sender<Arrival>,
    snapshots: watch::Sender<Option<Status>>,
    /// Monitors to run though their interval has not passed.
    wanted: Vec<Monitor>,
    /// Who waits for a check that was begun anew.
    waiters: Vec<oneshot::Sender<CheckReport>>,
    was_silent: bool,
    last_look: (Timestamp, Instant),
}

impl Desk {
    fn new(engine: Engine, snapshots: watch::Sender<Option<Status>>) -> (Self, mpsc::Receiver<Arrival>) {
        let (arrivals, answers) = mpsc::channel(16);
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
            },
            answers,
        )
    }

    /// See what is to be done now and do it; says how long to sleep.
    fn look(&mut self) -> Duration {
        self.notice_jumps_and_silence();
        self.begin_due();
        self.conclude_ready();
        self.pause()
    }

    /// After a sleep of the machine, a change of its clock, and at the end of quiet hours or a pause, everything is
    /// looked at once: that is also when one digest tells what was held.
    fn notice_jumps_and_silence(&mut self) {
        let (now, steady) = (self.engine.now(), Instant::now());
        let (before, looked) = std::mem::replace(&mut self.last_look, (now.timestamp(), steady));
        let passed = SignedDuration::try_from(steady - looked).unwrap_or(SignedDuration::ZERO);
        if schedule::jumped(before, now.timestamp(), passed) {
            tracing::info!("The clock jumped or the machine slept: checking everything once");
            self.start_over();
        }
        let silent = self.engine.is_silent(&now);
        if self.was_silent && !silent {
            self.want_all();
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
        self.want_all();
    }

    fn want_all(&mut self) {
        self.wanted = self.engine.intervals().into_keys().collect();
    }

    fn begin_due(&mut self) {
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

    fn take_in(&mut self, arrival: Arrival) {
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
            self.publish();
        }
    }

    fn conclude(&mut self, index: usize) {
        let mut check = self.checks.swap_remove(index);
        let monitors = check.ready();
        let report = match self.engine.conclude_somehow(&mut check) {
            Ok(report) => {
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
        let look_again = now.timestamp() + SignedDuration::from_secs(engine.config.intervals.check_interval.into());
        let moments = [next, quiet_change, pause_end, Some(look_again)];
        let sleep = schedule::pause_until(moments.into_iter().flatten(), now.timestamp());
        let sleep = Duration::try_from(sleep).unwrap_or(Duration::ZERO);
        let ripe = self.checks.iter().filter_map(Check::ready_since).min();
        ripe.map_or(sleep, |since| sleep.min(GRACE.saturating_sub(since.elapsed())))
    }

    fn handle(&mut self, request: Request) {
        let Request { command, reply } = request;
        let answer = match command {
            Command::RunNow => return self.run_now(reply),
            Command::Status => match self.engine.status(true) {
                Ok(status) => Reply::with(&status),
                Err(error) => Reply::refused(error.to_string()),
            },
            Command::DryRun { on } => {
                self.engine.dry_run = on;
                Reply::done(if on { "Dry run: nothing is sent or written." } else { "Dry run is off." })
            }
            change => self.remember(&change),
        };
        self.publish();
        // Whoever asked may have gone away.
        let _ = reply.send(answer);
    }

    fn remember(&mut self, change: &Command) -> Reply {
        let engine = &mut self.engine;
        let now = engine.clock.now();
        let Some(reply) = command::remember(&mut engine.store, change, now) else {
            return Reply::refused("not possible here");
        };
        if reply.ok {
            match change {
                Command::Pause { .. } | Command::Resume => engine.pause = engine.store.pause().unwrap_or(engine.pause),
                Command::ResetCircuit { name } => self.ask_again(name),
                _ => {}
            }
            tracing::info!("{}", reply.message);
        }
        reply
    }

    /// The reply comes when everything has been looked at: what is under way already, and the rest now.
    fn run_now(&mut self, reply: oneshot::Sender<Reply>) {
        let all = self.engine.intervals().into_keys();
        self.wanted = all.filter(|monitor| !is_busy(&self.checks, *monitor)).collect();
        self.begin_due();
        let reports: Vec<_> = self.checks.iter_mut().map(Check::wait).collect();
        tokio::spawn(async move {
            let mut whole: Option<CheckReport> = None;
            for report in reports {
                match (report.await, &mut whole) {
                    (Ok(part), Some(whole)) => whole.join(part),
                    (Ok(part), None) => whole = Some(part),
                    (Err(_), _) => {}
                }
            }
            let nothing = || Reply::refused("nothing was checked: all monitors are switched off, or the check failed");
            // Whoever asked may have gone away.
            let _ = reply.send(whole.as_ref().map_or_else(nothing, Reply::with));
        });
    }

    /// Close a circuit, and look at once at what rests on its source.
    fn ask_again(&mut self, name: &str) {
        let all: Vec<Monitor> = self.engine.intervals().into_keys().collect();
        for (source, circuit) in &mut self.engine.circuits {
            if source.as_str() == name {
                circuit.reset();
                self.wanted.extend(all.iter().filter(|monitor| needs(**monitor, &all).contains(source)));
            }
        }
    }

    fn publish(&mut self) {
        match self.engine.status(true) {
            Ok(status) => drop(self.snapshots.send_replace(Some(status))),
            Err(error) => tracing::warn!("The status cannot be read: {error}"),
        }
    }

    /// Let the checks under way end, as far as they do in time.
    async fn farewell(mut self, answers: &mut mpsc::Receiver<Arrival>) {
        let deadline = Instant::now() + FAREWELL;
        while self.checks.iter().any(|check| !check.is_complete()) {
            match tokio::time::timeout_at(deadline, answers.recv()).await {
                Ok(Some(arrival)) => self.take_in(arrival),
                _ => break,
            }
        }
        for index in (0..self.checks.len()).rev() {
            self.conclude(index);
        }
        tracing::info!("Stopped");
    }
}

/// Whether a check that has this monitor is under way.
fn is_busy(checks: &[Check], monitor: Monitor) -> bool {
    checks.iter().any(|check| check.monitors().any(|busy| busy == monitor))
}

/// A dry run that nobody watches says in the log what it would have told.
fn tell_dry(report: &CheckReport) {
    for alert in report.alerts.iter().filter(|alert| matches!(alert.decision, Decision::Deliver | Decision::Coalesce)) {
        let (decision, reason) = (alert.decision.as_str(), alert.reason.as_str());
        tracing::info!("Dry run: would {decision} ({reason}), {}: {}", alert.priority, alert.title);
    }
}
