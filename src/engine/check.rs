//! One check under way: its sources are fetched side by side, and a monitor is ready when all its readings are there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, ZonedDateTime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::calendar_cache::CalendarCache;
use super::report::{CheckReport, Evaluated};
use super::source_states::SourceStates;
use crate::core::alert::Monitor;
use crate::core::circuit::{CircuitState, Permit};
use crate::core::facts::TaskReading;
use crate::monitors::fetch::{SourceReading, fetch};
use crate::monitors::sources::Sources;
use crate::sources;
use crate::sources::Source;

/// A reading on its way to the check that requested it.
#[derive(Debug)]
pub(crate) struct SourceResult {
    pub(crate) check: u64,
    pub(crate) source: Source,
    pub(crate) reading: SourceReading,
}

/// How the sources of a check are fetched.
#[derive(Debug)]
pub(crate) struct FetchOptions<'a> {
    pub(crate) sources: &'a Arc<Sources>,
    /// The first day of health data to fetch.
    pub(crate) first_day: Date,
    pub(crate) results: &'a mpsc::Sender<SourceResult>,
}

#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) id: u64,
    pub(crate) at: ZonedDateTime,
    pub(crate) started: Instant,
    pub(crate) readings: BTreeMap<Source, SourceReading>,
    /// Sources that an earlier part of this check has committed.
    pub(crate) committed: BTreeSet<Source>,
    /// The report of the earlier parts.
    pub(crate) report: Option<CheckReport>,
    /// Receive the report when the check is over.
    pub(crate) waiters: Vec<oneshot::Sender<CheckReport>>,
    /// The sources that each monitor waits for.
    waiting: BTreeMap<Monitor, BTreeSet<Source>>,
    ready: BTreeMap<Monitor, Instant>,
    permits: BTreeMap<Source, Permit>,
}

impl Check {
    /// Start a check of the monitors in `required` and fetch their sources, as far as the circuits allow.
    pub(crate) fn start(
        id: u64,
        at: ZonedDateTime,
        required: BTreeMap<Monitor, BTreeSet<Source>>,
        states: &mut SourceStates,
        calendars: &mut CalendarCache,
        options: &FetchOptions<'_>,
    ) -> Self {
        let sources: BTreeSet<Source> = required.values().flatten().copied().collect();
        let mut check = Self {
            id,
            at,
            started: Instant::now(),
            readings: BTreeMap::new(),
            committed: BTreeSet::new(),
            report: None,
            waiters: Vec::new(),
            waiting: required,
            ready: BTreeMap::new(),
            permits: BTreeMap::new(),
        };
        for source in sources {
            let permit = states.acquire(source, check.at.timestamp());
            if permit.is_none() && !options.sources.is_local(source) {
                check.readings.insert(source, SourceReading::from_error(source, states.skip_reason(source)));
                continue;
            }
            check.permits.extend(permit.map(|permit| (source, permit)));
            calendars.on_fetch_started(source, check.at.timestamp());
            check.spawn_fetch(source, permit.is_some(), options);
        }
        check.update_ready();
        check
    }

    fn spawn_fetch(&self, source: Source, remote: bool, options: &FetchOptions<'_>) {
        let (sources, at, first_day) = (Arc::clone(options.sources), self.at.clone(), options.first_day);
        let (results, check) = (options.results.clone(), self.id);
        tokio::spawn(async move {
            // A task of its own, so that a panic fails this source only.
            let fetch = tokio::spawn(async move { fetch(source, &sources, remote, first_day, &at).await });
            let reading = fetch.await.unwrap_or_else(|_| {
                let message = "reading it crashed; please report this with the log";
                SourceReading::from_error(source, sources::Error::transient(source.as_str(), message))
            });
            // Fails only when the engine has stopped.
            let _ = results.send(SourceResult { check, source, reading }).await;
        });
    }

    /// Take the permit of a source whose fetch has ended.
    pub(crate) fn take_permit(&mut self, source: Source) -> Option<Permit> {
        self.permits.remove(&source)
    }

    pub(crate) fn add_reading(&mut self, source: Source, reading: SourceReading) {
        self.readings.insert(source, reading);
        self.update_ready();
    }

    /// Release what the check holds. Gives the receivers of its report.
    pub(crate) fn cancel(
        self,
        states: &mut SourceStates,
        calendars: &mut CalendarCache,
    ) -> Vec<oneshot::Sender<CheckReport>> {
        for (source, permit) in self.permits {
            calendars.on_fetch_cancelled(source);
            states.release(source, permit);
        }
        self.waiters
    }

    /// The monitors that have not been evaluated yet.
    pub(crate) fn monitors(&self) -> impl Iterator<Item = Monitor> {
        self.waiting.keys().chain(self.ready.keys()).copied()
    }

    /// Whether every source has been fetched.
    pub(crate) fn is_complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the first of the ready monitors became ready.
    pub(crate) fn ready_since(&self) -> Option<Instant> {
        self.ready.values().min().copied()
    }

    pub(crate) fn ready(&self) -> Vec<Monitor> {
        self.ready.keys().copied().collect()
    }

    pub(crate) fn add_waiter(&mut self) -> oneshot::Receiver<CheckReport> {
        let (waiter, report) = oneshot::channel();
        self.waiters.push(waiter);
        report
    }

    /// Remove the ready monitors. The durations say how long their readings took.
    pub(crate) fn take_ready(&mut self) -> BTreeMap<Monitor, SignedDuration> {
        let duration = |at: Instant| SignedDuration::try_from(at - self.started).unwrap_or(SignedDuration::ZERO);
        std::mem::take(&mut self.ready).into_iter().map(|(monitor, at)| (monitor, duration(at))).collect()
    }

    /// Make monitors ready again whose evaluation could not be committed.
    pub(crate) fn retry(&mut self, monitors: impl IntoIterator<Item = Monitor>) {
        let now = Instant::now();
        self.ready.extend(monitors.into_iter().map(|monitor| (monitor, now)));
    }

    /// The result of a task source. A reading may be large, so it is moved out until `restore_tasks`.
    pub(crate) fn take_tasks(&mut self, source: Source) -> Option<Result<TaskReading, sources::Error>> {
        match self.readings.get(&source)? {
            SourceReading::Tasks(Err(error)) => return Some(Err(error.clone())),
            SourceReading::Tasks(Ok(_)) => {}
            _ => return None,
        }
        match self.readings.remove(&source) {
            Some(SourceReading::Tasks(result)) => Some(result),
            _ => None,
        }
    }

    /// Move readings back for later parts of the check. A failure stays, although a stored copy was evaluated in its place.
    pub(crate) fn restore_tasks(&mut self, readings: Vec<TaskReading>) {
        for reading in readings {
            self.readings.entry(Source::Tasks(reading.source)).or_insert(SourceReading::Tasks(Ok(reading)));
        }
    }

    /// The report so far, with the part that was just evaluated. An incomplete check keeps a copy.
    pub(crate) fn add_part(
        &mut self,
        evaluated: Evaluated,
        circuits: BTreeMap<String, CircuitState>,
        dry_run: bool,
    ) -> CheckReport {
        let part = CheckReport::new(&self.at, self.started.elapsed(), evaluated, circuits, dry_run);
        let report = match self.report.take() {
            Some(mut report) => {
                report.merge(part);
                report
            }
            None => part,
        };
        if !self.is_complete() {
            self.report = Some(report.clone());
        }
        report
    }

    fn update_ready(&mut self) {
        let now = Instant::now();
        let (readings, ready) = (&self.readings, &mut self.ready);
        self.waiting.retain(|monitor, required| {
            let is_waiting = required.iter().any(|source| !readings.contains_key(source));
            if !is_waiting {
                ready.insert(*monitor, now);
            }
            is_waiting
        });
    }
}
