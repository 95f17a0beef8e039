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
use crate::core::schedule;
use crate::core::status::Status;
use crate::store::{Store, StoreError};

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
        self.told(&report);
        Ok(report)
    }

    /// Conclude; where the database turns out to be damaged, once more on a fresh one.
    fn conclude_somehow(&mut self, check: &mut Check) -> Result<CheckReport, StoreError> {
        let ready = check.ready();
        match self.conclude(check) {
            Err(error) if error.is_corrupt() && !self.dry_run => {
                self.start_afresh(&error)?;
                check.retry(ready);
                self.conclude(check)
            }
            other => other,
        }
    }

    /// What every finished check leaves behind.
    fn told(&self, report: &CheckReport) {
        let seconds = Duration::from_millis(report.duration_ms).as_secs_f64();
        let sent = if self.dry_run { "would be sent (dry run)" } else { "sent" };
        tracing::info!("Check cycle complete: {} alerts {sent} ({seconds:.1}s)", report.told());
        if !self.dry_run {
            self.write_state_file();
        }
    }

    /// The database turned out to be damaged: set it aside and go on with a fresh one.
    fn start_afresh(&mut self, error: &StoreError) -> Result<(), StoreError> {
        let damaged = std::mem::replace(&mut self.store, Store::in_memory()?);
        let opened = damaged.start_afresh(self.clock.now())?;
        self.store = opened.store;
        let kept = opened.set_aside.map_or_else(String::new, |path| path.display().to_string());
        let warning = format!("{error}; it was set aside as {kept} and a fresh one was started");
        tracing::error!("{warning}");
        self.warnings.push(warning);
        Ok(())
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
    was_silent: bool,
    last_look: (Timestamp, Instant),
}

impl Desk {
    fn new(engine: Engine, snapshots: watch::Sender<Option<Status>>) -> (Self, mpsc::Receiver<Arrival>) {
        let (arrivals, answers) = mpsc::channel(16);
        let was_silent = engine.is_silent(&engine.now());
        let last_look = (engine.clock.now(), Instant::now());
        (Self { engine, checks: Vec::new(), arrivals, snapshots, wanted: Vec::new(), was_silent, last_look }, answers)
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
            self.want_all();
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

    fn want_all(&mut self) {
        self.wanted = self.engine.intervals().into_keys().collect();
    }

    fn begin_due(&mut self) {
        let engine = &self.engine;
        let mut due = schedule::due(&engine.intervals(), &engine.last_runs, engine.clock.now());
        due.append(&mut self.wanted);
        due.sort();
        due.dedup();
        due.retain(|monitor| !self.checks.iter().any(|check| check.monitors().any(|busy| busy == *monitor)));
        if !due.is_empty() {
            let check = self.engine.begin(&due, &self.arrivals);
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
        match self.engine.conclude_somehow(&mut check) {
            Ok(report) => self.engine.told(&report),
            Err(error) => tracing::error!("Nothing of this check could be recorded: {error}"),
        }
        if !check.is_complete() {
            self.checks.push(check);
        } else if let Some(report) = check.report {
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
        let busy = |monitor: &Monitor| self.checks.iter().any(|check| check.monitors().any(|m| m == *monitor));
        let mut idle = engine.intervals();
        idle.retain(|monitor, _| !busy(monitor));
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
                Command::ResetCircuit { name } => engine.reset_circuit(name),
                _ => {}
            }
            tracing::info!("{}", reply.message);
        }
        reply
    }

    /// The reply comes when the check is over.
    fn run_now(&mut self, reply: oneshot::Sender<Reply>) {
        self.want_all();
        self.begin_due();
        let (waiter, report) = oneshot::channel();
        match self.checks.last_mut() {
            Some(check) => check.waiters.push(waiter),
            None => drop(waiter),
        }
        tokio::spawn(async move {
            let answer = match report.await {
                Ok(report) => Reply::with(&report),
                Err(_) => Reply::refused("nothing was checked: all monitors are switched off, or the check failed"),
            };
            let _ = reply.send(answer);
        });
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

impl Engine {
    fn reset_circuit(&mut self, name: &str) {
        for (source, circuit) in &mut self.circuits {
            if source.as_str() == name {
                circuit.reset();
            }
        }
    }
}
