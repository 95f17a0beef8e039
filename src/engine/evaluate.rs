//! The second half of a check: facts → rules → policy → one transaction → report.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::Engine;
use super::check::Check;
use super::report::{AlertReport, CheckReport, MonitorReport};
use crate::core::alert::{AlertKey, Monitor};
use crate::core::circuit::{Circuit, CircuitState};
use crate::core::facts::{HealthDay, Postponement, RestMode, TaskReading};
use crate::core::policy::decision::PolicyDecision;
use crate::core::policy::incident_state::IncidentState;
use crate::core::policy::{PolicyContext, decide};
use crate::core::rules::tasks::FreeTime;
use crate::core::rules::{Evaluation, system};
use crate::core::status::{MonitorState, RunStatus};
use crate::core::tasks::{Aliases, TaskIdentities, merge_tasks};
use crate::monitors::fetch::SourceReading;
use crate::monitors::{MonitorOutcome, exec, health, patterns, tasks};
use crate::sources;
use crate::sources::Source;
use crate::store::task_snapshots::SnapshotDiff;
use crate::store::{self, CheckCommit, RetentionPolicy};

/// A source that has been away so long is worth an alert.
const UNAVAILABLE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// The facts of one check, put beside what we knew.
#[derive(Debug, Default)]
struct CheckInputs {
    days: Vec<HealthDay>,
    changed_days: Vec<HealthDay>,
    rest: Vec<RestMode>,
    rest_was_read: bool,
    updates: Vec<SnapshotDiff>,
    postponements: Vec<Postponement>,
    tasks: tasks::TaskInputs,
    told: TaskIdentities,
    /// What told names stood for after the last check, and what they stand for after this one.
    aliases: Aliases,
    new_bonds: Option<Aliases>,
}

impl CheckInputs {
    /// Tasks that were told of keep their names: what these stand for is written down where it has changed.
    fn remember_told(&mut self, evaluation: &Evaluation) {
        let deadlines = evaluation.alerts.iter().filter(|alert| alert.key.rule().starts_with("task:deadline_"));
        let firing: BTreeSet<&str> = deadlines.filter_map(|alert| alert.key.entity()).collect();
        let merged = merge_tasks(&self.tasks.readings, &self.told);
        let aliases = self.told.aliases_after(&merged, |name| firing.contains(name));
        self.new_bonds = (aliases != self.aliases).then_some(aliases);
    }
}

impl Engine {
    /// Judge the monitors that are ready, decide, record, report.
    ///
    /// # Errors
    /// When the database cannot be read or written; then nothing is recorded, and the next check finds the same again.
    pub(crate) fn conclude(&mut self, check: &mut Check) -> Result<CheckReport, store::Error> {
        if !self.dry_run {
            self.find_lost_store()?;
        }
        if self.may_send() {
            // What the last process left in doubt may stand told: only then is what resolves now taken back.
            self.open_post()?;
        }
        let ready = check.take_ready();
        let mut known = self.known(check)?;
        let mut evaluations = Vec::new();
        let mut states = BTreeMap::new();
        for (monitor, took) in ready {
            let finding = self.judge(monitor, check, &known);
            self.tell_change(monitor, &finding);
            states.insert(monitor, state_of(&finding, check, took));
            if let MonitorOutcome::Evaluated { evaluation, .. } = finding {
                if monitor == Monitor::Tasks {
                    known.remember_told(&evaluation);
                }
                evaluations.push(evaluation);
            }
        }
        evaluations.push(self.judge_system(&check.at));
        check.take_back(mem::take(&mut known.tasks.readings));
        let found = found(&evaluations);
        // Of what fires now, the facts that it rested on before are not needed: there may be many, and new ones take their place.
        let memory = self.store.incident_state_without_facts(|key| found.contains(key))?;
        let verdicts = self.decide(evaluations, &memory, &check.at);
        if !self.dry_run || self.store.is_ephemeral() {
            self.record(check, &known, (&found, &verdicts), &memory, &states)?;
            self.metrics.count_check(&states, &verdicts);
        }
        drop((known, memory, found));
        Ok(self.report(check, &states, verdicts))
    }

    fn known(&self, check: &mut Check) -> Result<CheckInputs, store::Error> {
        let mut known =
            CheckInputs { days: self.history(&check.at)?, rest: self.store.rest_mode()?, ..CheckInputs::default() };
        if let Some(SourceReading::Health(answer)) = check.answers.get(&Source::Oura)
            && let Some(reading) = &answer.reading
        {
            let days = crate::monitors::oura::merge_days(known.days.clone(), &reading.days);
            let is_new = |day: &&HealthDay| !known.days.iter().any(|before| before.same_data(day));
            known.changed_days = days.iter().filter(is_new).cloned().collect();
            known.days = days;
            known.rest_was_read = reading.rest.is_some();
            known.rest = reading.rest.clone().unwrap_or(known.rest);
        }
        let week = check.at.timestamp().saturating_sub(SignedDuration::from_hours(24 * 7));
        known.postponements = self.store.postponements(week.unwrap_or(Timestamp::MIN))?;
        known.aliases = self.store.task_aliases()?;
        known.told = self.store.task_identities(known.aliases.clone())?;
        let mut copies = Vec::new();
        for source in self.setup.task_sources() {
            copies.push((source, self.compared(source, check, &mut known)?));
        }
        let part = |(source, copy)| Some(tasks::TaskInput { result: check.lend_tasks(source)?, copy });
        known.tasks = tasks::TaskInputs::new(copies.into_iter().filter_map(part).collect());
        Ok(known)
    }

    fn history(&self, now: &ZonedDateTime) -> Result<Vec<HealthDay>, store::Error> {
        let first = self.config.monitors.health.thresholds.first_day_of_history(now.date());
        let mut history = self.store.health_days(first)?;
        history.retain(|day| day.date <= now.date());
        Ok(history)
    }

    /// A fresh reading of a source of tasks is compared with the last copy; the copy of one that failed takes its place.
    fn compared(
        &self,
        source: Source,
        check: &Check,
        known: &mut CheckInputs,
    ) -> Result<Option<TaskReading>, store::Error> {
        let Some(SourceReading::Tasks(answer)) = check.answers.get(&source) else { return Ok(None) };
        let copy = self.store.task_snapshot(source.as_str())?;
        let Ok(reading) = answer else { return Ok(copy.map(|copy| copy.reading())) };
        if !check.recorded.contains(&source) {
            let update = SnapshotDiff::between(copy.as_ref(), reading);
            known.postponements.extend(update.postponed.iter().cloned());
            known.updates.push(update);
        }
        Ok(None)
    }

    /// A rule that panics is its monitor's failure, not the engine's.
    fn judge(&self, monitor: Monitor, check: &Check, known: &CheckInputs) -> MonitorOutcome {
        let judge = || self.judge_by_rules(monitor, check, known);
        catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|_| MonitorOutcome::Failed {
            reason: "its rules broke off; please report this with the log".into(),
        })
    }

    fn judge_by_rules(&self, monitor: Monitor, check: &Check, known: &CheckInputs) -> MonitorOutcome {
        let limits = &self.config.monitors;
        let missing = |source: Source| sources::Error::transient(source.as_str(), "was not asked");
        match monitor {
            Monitor::Health => match check.answers.get(&Source::Oura) {
                Some(SourceReading::Health(answer)) => {
                    health::evaluate(answer, &known.days, &known.rest, &limits.health.thresholds, &check.at)
                }
                _ => MonitorOutcome::Failed { reason: missing(Source::Oura).to_string() },
            },
            Monitor::Tasks => {
                let agenda = self.agenda(check.at.timestamp());
                let quiet = self.config.quiet_hours.resolve();
                let free = agenda.as_ref().map(|agenda| FreeTime { busy: agenda, quiet_hours: quiet });
                tasks::evaluate(&known.tasks, &known.told, free, &limits.tasks.thresholds, &check.at)
            }
            Monitor::Patterns => {
                let focus = match check.answers.get(&Source::FocusFile) {
                    Some(SourceReading::Focus(focus)) => focus.clone(),
                    _ => Err(missing(Source::FocusFile)),
                };
                let limits = &limits.patterns.thresholds;
                patterns::evaluate(&known.tasks, &known.days, &known.postponements, &focus, limits, &check.at)
            }
            Monitor::Exec(name) => match (self.setup.exec_plugin(name), check.answers.get(&Source::Exec(name))) {
                (Some(exec), Some(SourceReading::Exec(answer))) => exec::evaluate(exec, answer, &check.at),
                (None, _) => MonitorOutcome::Skipped { reason: "it is not in the configuration any more".into() },
                _ => MonitorOutcome::Failed { reason: missing(Source::Exec(name)).to_string() },
            },
            Monitor::System => MonitorOutcome::Failed { reason: "it has no rules of its own interval".into() },
        }
    }

    fn judge_system(&self, now: &ZonedDateTime) -> Evaluation {
        let circuits = self.shown_circuits().map(|(source, circuit)| (source.to_string(), circuit.clone())).collect();
        system::evaluate(&circuits, UNAVAILABLE_AFTER, now)
    }

    fn decide(&self, evaluations: Vec<Evaluation>, memory: &IncidentState, now: &ZonedDateTime) -> Vec<PolicyDecision> {
        let limits = &self.config.deduplication;
        let off = self.switched_off(memory);
        let circumstances = PolicyContext {
            now: now.timestamp(),
            quiet: self.is_quiet(now),
            in_event: self.in_event_until(now).is_some(),
            min_window: SignedDuration::from_secs(limits.window_seconds.into()),
            max_alerts: limits.max_alerts_per_run as usize,
            disabled_monitors: &off,
            routing: &self.config.alerters.routing(),
        };
        decide(evaluations, memory, &circumstances)
    }

    /// The monitors that do not run, among them the programs that are gone and left something open.
    fn switched_off(&self, memory: &IncidentState) -> Vec<Monitor> {
        let on = self.intervals();
        let left = memory.incidents.values().map(|incident| incident.alert.monitor);
        let gone = left.filter(|monitor| matches!(monitor, Monitor::Exec(_)));
        let off: BTreeSet<Monitor> = Monitor::SCHEDULED.into_iter().chain(gone).collect();
        off.into_iter().filter(|monitor| !on.contains_key(monitor)).collect()
    }

    fn record(
        &mut self,
        check: &mut Check,
        known: &CheckInputs,
        (found, verdicts): (&BTreeSet<AlertKey>, &[PolicyDecision]),
        memory: &IncidentState,
        states: &BTreeMap<Monitor, MonitorState>,
    ) -> Result<(), store::Error> {
        let keep = &self.config.retention;
        let circuits = self.circuits.iter().map(|(source, circuit)| (source.to_string(), circuit.clone())).collect();
        self.store.commit(&CheckCommit {
            at: check.at.timestamp(),
            fired_keys: found,
            decisions: verdicts,
            incident_state: memory,
            health_days: &known.changed_days,
            rest_mode: known.rest_was_read.then_some(known.rest.as_slice()),
            snapshot_diffs: &known.updates,
            aliases: known.new_bonds.as_ref(),
            circuits: &circuits,
            monitors: states,
            is_final: check.is_complete(),
            retention: RetentionPolicy { journal_days: keep.journal_days, history_days: keep.history_days },
        })?;
        check.recorded.extend(check.answers.keys().copied());
        Ok(())
    }

    fn report(
        &self,
        check: &mut Check,
        states: &BTreeMap<Monitor, MonitorState>,
        verdicts: Vec<PolicyDecision>,
    ) -> CheckReport {
        let part = CheckReport {
            at: check.at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            dry_run: self.dry_run,
            duration_ms: u64::try_from(check.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            monitors: states.iter().map(|(monitor, state)| (*monitor, MonitorReport::from(state))).collect(),
            alerts: verdicts.into_iter().map(AlertReport::from).collect(),
            circuits: self.circuit_states(),
        };
        let report = match check.report.take() {
            Some(mut earlier) => {
                earlier.join(part);
                earlier
            }
            None => part,
        };
        if !check.is_complete() {
            check.report = Some(report.clone());
        }
        report
    }

    /// The circuits worth showing.
    pub(crate) fn shown_circuits(&self) -> impl Iterator<Item = (Source, &Circuit)> {
        let shown = self.circuits.iter().filter(|(source, _)| self.setup.is_shown(**source));
        shown.map(|(source, circuit)| (*source, circuit))
    }

    pub(crate) fn circuit_states(&self) -> BTreeMap<String, CircuitState> {
        self.shown_circuits().map(|(source, circuit)| (source.to_string(), circuit.state())).collect()
    }

    /// What a monitor lacks is logged when it changes, not at every check.
    fn tell_change(&mut self, monitor: Monitor, finding: &MonitorOutcome) {
        let reason = match finding {
            MonitorOutcome::Evaluated { note, .. } => note.clone(),
            MonitorOutcome::Skipped { reason } | MonitorOutcome::Failed { reason } => Some(reason.clone()),
        };
        let before = self.troubles.insert(monitor, reason.clone());
        match (before.flatten(), reason, finding) {
            (before, now, _) if before == now => {}
            (_, None, _) => tracing::info!("Monitor {monitor}: all sources answer again"),
            (_, Some(reason), MonitorOutcome::Evaluated { .. }) => tracing::warn!("Monitor {monitor}: {reason}"),
            (_, Some(reason), MonitorOutcome::Skipped { .. }) => tracing::warn!("Monitor {monitor} skipped: {reason}"),
            (_, Some(reason), MonitorOutcome::Failed { .. }) => tracing::error!("Monitor {monitor} failed: {reason}"),
        }
    }
}

/// What the rules found, whatever becomes of it.
fn found(evaluations: &[Evaluation]) -> BTreeSet<AlertKey> {
    let alerts = evaluations.iter().flat_map(|evaluation| &evaluation.alerts);
    alerts.map(|alert| alert.key.clone()).collect()
}

fn state_of(finding: &MonitorOutcome, check: &Check, took: SignedDuration) -> MonitorState {
    let (status, source, reason, alerts) = match finding {
        MonitorOutcome::Evaluated { evaluation, source, note } => {
            (RunStatus::Ok, Some(source.clone()), note.clone(), evaluation.alerts.len())
        }
        MonitorOutcome::Skipped { reason } => (RunStatus::Skipped, None, Some(reason.clone()), 0),
        MonitorOutcome::Failed { reason } => (RunStatus::Failed, None, Some(reason.clone()), 0),
    };
    MonitorState {
        last_check: check.at.timestamp(),
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(0),
        alerts_generated: alerts,
        status,
        source,
        reason,
    }
}
