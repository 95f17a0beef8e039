//! One check under way: sources are asked side by side, and a monitor is ready when those it waits for have answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, ToSpan, ZonedDateTime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Engine;
use super::report::CheckReport;
use crate::core::alert::Monitor;
use crate::core::circuit::{CallOutcome, Cause, Change, Permit};
use crate::core::facts::TaskReading;
use crate::monitors::fetch::{SourceReading, fetch, required_sources};
use crate::sources::Source;
use crate::sources::{self, ErrorKind};

/// A source's answer on its way to the check that asked.
#[derive(Debug)]
pub(crate) struct SourceResult {
    pub(crate) check: u64,
    pub(crate) source: Source,
    pub(crate) answer: SourceReading,
}

/// A check that waits for answers.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) id: u64,
    pub(crate) at: ZonedDateTime,
    pub(crate) began: Instant,
    pub(crate) answers: BTreeMap<Source, SourceReading>,
    /// Sources whose facts are recorded already, by an earlier part of this check.
    pub(crate) recorded: BTreeSet<Source>,
    /// What earlier parts came to.
    pub(crate) report: Option<CheckReport>,
    /// Who asked for this check and waits for its report.
    pub(crate) waiters: Vec<oneshot::Sender<CheckReport>>,
    waiting: BTreeMap<Monitor, BTreeSet<Source>>,
    ready: BTreeMap<Monitor, Instant>,
    permits: BTreeMap<Source, Permit>,
}

impl Check {
    /// The monitors that have not been concluded.
    pub(crate) fn monitors(&self) -> impl Iterator<Item = Monitor> {
        self.waiting.keys().chain(self.ready.keys()).copied()
    }

    /// Whether every source has answered.
    pub(crate) fn is_complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Since when a monitor has all that it needs and could be concluded.
    pub(crate) fn ready_since(&self) -> Option<Instant> {
        self.ready.values().min().copied()
    }

    /// The monitors that have all they need.
    pub(crate) fn ready(&self) -> Vec<Monitor> {
        self.ready.keys().copied().collect()
    }

    /// Be told when this check is over.
    pub(crate) fn wait(&mut self) -> oneshot::Receiver<CheckReport> {
        let (waiter, report) = oneshot::channel();
        self.waiters.push(waiter);
        report
    }

    /// The monitors that have all they need, with how long that took; they leave the check.
    pub(crate) fn take_ready(&mut self) -> BTreeMap<Monitor, SignedDuration> {
        let took = |at: Instant| SignedDuration::try_from(at - self.began).unwrap_or(SignedDuration::ZERO);
        std::mem::take(&mut self.ready).into_iter().map(|(monitor, at)| (monitor, took(at))).collect()
    }

    /// Judge again what was just judged, because it could not be recorded.
    pub(crate) fn retry(&mut self, monitors: impl IntoIterator<Item = Monitor>) {
        let now = Instant::now();
        self.ready.extend(monitors.into_iter().map(|monitor| (monitor, now)));
    }

    /// What a source of tasks said. A reading may be long, so that it is handed over, not copied, until it is taken back.
    pub(crate) fn lend_tasks(&mut self, source: Source) -> Option<Result<TaskReading, sources::Error>> {
        match self.answers.get(&source)? {
            SourceReading::Tasks(Err(error)) => return Some(Err(error.clone())),
            SourceReading::Tasks(Ok(_)) => {}
            _ => return None,
        }
        match self.answers.remove(&source) {
            Some(SourceReading::Tasks(answer)) => Some(answer),
            _ => None,
        }
    }

    /// Later parts of the check want the readings too. Where there was a failure, a copy was judged, and the failure stays.
    pub(crate) fn take_back(&mut self, readings: Vec<TaskReading>) {
        for reading in readings {
            self.answers.entry(Source::Tasks(reading.source)).or_insert(SourceReading::Tasks(Ok(reading)));
        }
    }

    fn look_who_is_ready(&mut self) {
        let now = Instant::now();
        let answers = &self.answers;
        let ready = &mut self.ready;
        self.waiting.retain(|monitor, needs| {
            let waits = needs.iter().any(|source| !answers.contains_key(source));
            if !waits {
                ready.insert(*monitor, now);
            }
            waits
        });
    }
}

impl Engine {
    /// Begin a check of these monitors: ask every source that one of them needs, as far as its circuit allows.
    pub(crate) fn begin(&mut self, due: &[Monitor], arrivals: &mpsc::Sender<SourceResult>) -> Check {
        self.checks_begun += 1;
        let at = self.now();
        self.last_runs.extend(due.iter().map(|monitor| (*monitor, at.timestamp())));
        let mut check = Check {
            id: self.checks_begun,
            at,
            began: Instant::now(),
            answers: BTreeMap::new(),
            recorded: BTreeSet::new(),
            report: None,
            waiters: Vec::new(),
            waiting: BTreeMap::new(),
            ready: BTreeMap::new(),
            permits: BTreeMap::new(),
        };
        check.waiting = due.iter().map(|monitor| (*monitor, self.waits_for(*monitor, due, &check.at))).collect();
        let sources: BTreeSet<Source> = check.waiting.values().flatten().copied().collect();
        for source in sources {
            self.ask_source(source, &mut check, arrivals);
        }
        check.look_who_is_ready();
        check
    }

    fn waits_for(&self, monitor: Monitor, due: &[Monitor], at: &ZonedDateTime) -> BTreeSet<Source> {
        let needs = required_sources(monitor, due, &self.setup).into_iter();
        needs.filter(|source| monitor == Monitor::Tasks || !self.is_fresh(*source, at.timestamp())).collect()
    }

    fn ask_source(&mut self, source: Source, check: &mut Check, arrivals: &mpsc::Sender<SourceResult>) {
        let leave = self.circuits.entry(source).or_default().acquire(check.at.timestamp());
        if let Ok(permit) = leave {
            check.permits.insert(source, permit);
        } else if !self.setup.is_local(source) {
            check.answers.insert(source, SourceReading::from_error(source, self.left_alone(source)));
            return;
        }
        if let Some(account) = &self.setup.oura.account {
            account.allow_refresh(!self.dry_run && !self.store.is_ephemeral());
        }
        self.note_asking(source, check.at.timestamp());
        let (setup, at, since) = (Arc::clone(&self.setup), check.at.clone(), self.first_day_wanted(&check.at));
        let (arrivals, check, remote) = (arrivals.clone(), check.id, leave.is_ok());
        tokio::spawn(async move {
            // A task of its own, so that a panic in a source is that source's failure and nobody else's.
            let asked = tokio::spawn(async move { fetch(source, &setup, remote, since, &at).await });
            let answer = asked.await.unwrap_or_else(|_| {
                let what = "reading it broke off; please report this with the log";
                SourceReading::from_error(source, sources::Error::transient(source.as_str(), what))
            });
            // The check may be gone when the engine stops.
            let _ = arrivals.send(SourceResult { check, source, answer }).await;
        });
    }

    /// Why a source is not asked now: what it said last.
    fn left_alone(&self, source: Source) -> sources::Error {
        let unknown = || sources::Error::transient(source.as_str(), "left alone for a while after repeated failures");
        self.failures.get(&source).cloned().unwrap_or_else(unknown)
    }

    /// A week, in case days were synced late; two months while our own history is too short for a baseline, and after Oura was connected.
    fn first_day_wanted(&self, now: &ZonedDateTime) -> jiff::civil::Date {
        let limits = &self.config.monitors.health.thresholds;
        let back = |days: i64| now.date().saturating_sub(days.days());
        let known = self.store.health_days(back(i64::from(limits.hrv_baseline_days))).unwrap_or_default();
        let nights = known.iter().filter(|day| day.night.is_some()).count();
        let enough = nights >= limits.hrv_baseline_min_nights.max(14) as usize;
        if enough && self.history_wanted.is_none() { back(7) } else { back(60) }
    }

    /// Take in an answer: tell the circuit, and see which monitors can go on.
    pub(crate) fn absorb(&mut self, check: &mut Check, source: Source, answer: SourceReading) {
        let (now, settings) = (self.clock.now(), &self.config.circuit_breaker);
        let circuit = self.circuits.entry(source).or_default();
        let permit = check.permits.remove(&source);
        let change = match (outcome(&answer), permit) {
            (Some(outcome), Some(permit)) => circuit.record(permit, outcome, now, settings, chance()),
            // A local source that was asked without leave and works again, or one that is not set up any more.
            (Some(CallOutcome::Success) | None, _) if circuit.failing_since().is_some() => {
                circuit.reset();
                Change::Closed
            }
            _ => Change::None,
        };
        match change {
            Change::Opened => tracing::warn!("Circuit {source} opened: {}", described(&answer)),
            Change::Closed => tracing::info!("Circuit {source} closed"),
            Change::StalePermit | Change::None => {}
        }
        self.tell_notes(source, &answer);
        self.note_agenda(source, &answer);
        match answer.error() {
            Some(trouble) => drop(self.failures.insert(source, trouble.clone())),
            None => drop(self.failures.remove(&source)),
        }
        if answer.error().is_some_and(|trouble| trouble.kind == ErrorKind::NotConfigured) {
            self.told_as_of.remove(&source); // it was, and is no longer
        }
        self.told_as_of.extend(answer.as_of().map(|at| (source, at)));
        let is_later = self.history_wanted.is_some_and(|since| check.at.timestamp() >= since);
        if source == Source::Oura && is_later && answer.error().is_none() {
            self.history_wanted = None;
        }
        check.answers.insert(source, answer);
        check.look_who_is_ready();
    }

    /// What was passed over in a source is logged when it changes, not at every check.
    fn tell_notes(&mut self, source: Source, answer: &SourceReading) {
        let notes = answer.notes();
        if self.notes.get(&source).is_none_or(|known| known != notes) {
            notes.iter().for_each(|note| tracing::warn!("{source}: {note}"));
            self.notes.insert(source, notes.to_vec());
        }
    }

    /// Give a check up: its answers are no longer wanted, and its sources may be asked by the next.
    pub(crate) fn abandon(&mut self, check: Check) -> Vec<oneshot::Sender<CheckReport>> {
        for (source, permit) in check.permits {
            self.forget_asking(source);
            self.circuits.entry(source).or_default().release(permit);
        }
        check.waiters
    }
}

/// None when there is nothing to tell the circuit: the source is not set up.
fn outcome(answer: &SourceReading) -> Option<CallOutcome> {
    let Some(trouble) = answer.error() else { return Some(CallOutcome::Success) };
    let cause = match trouble.kind {
        ErrorKind::NotConfigured => return None,
        ErrorKind::Transient => Cause::Transient,
        ErrorKind::ActionRequired => Cause::ActionRequired,
    };
    Some(CallOutcome::Failure { cause, retry_after: trouble.retry_after })
}

fn described(answer: &SourceReading) -> String {
    let Some(trouble) = answer.error() else { return String::new() };
    if trouble.advice.is_empty() { trouble.to_string() } else { format!("{trouble} – {}", trouble.advice) }
}

/// Spreads the pauses between probes; nothing secret depends on it.
pub(crate) fn chance() -> f64 {
    use std::hash::{BuildHasher, Hasher};
    let random = std::hash::RandomState::new().build_hasher().finish();
    #[expect(clippy::cast_precision_loss, reason = "53 bits are chance enough")]
    let fraction = (random >> 11) as f64 / (1u64 << 53) as f64;
    fraction
}
