//! The second half of a check: readings → facts → rules → decisions → one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::check::Check;
use super::config_state::ConfigState;
use super::report::Evaluated;
use super::source_states::SourceStates;
use crate::core::alert::{AlertKey, Monitor};
use crate::core::calendar::busy_times::BusyTimes;
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
use crate::store::{self, CheckCommit, RetentionPolicy, Store};

/// A source that has been unavailable this long is worth an alert.
const SOURCE_UNAVAILABLE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// How far back postponements count.
const POSTPONEMENT_WINDOW: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What an evaluation depends on besides the readings and the database.
#[derive(Debug)]
pub(crate) struct EvaluationContext<'a> {
    pub(crate) config: &'a ConfigState,
    pub(crate) source_states: &'a SourceStates,
    /// None: not all busy times are known.
    pub(crate) busy_times: Option<BusyTimes>,
    pub(crate) is_quiet: bool,
    pub(crate) in_event: bool,
}

/// The facts of a check, joined with the stored ones.
#[derive(Debug, Default)]
struct CheckInputs {
    days: Vec<HealthDay>,
    changed_days: Vec<HealthDay>,
    rest: Vec<RestMode>,
    rest_was_read: bool,
    updates: Vec<SnapshotDiff>,
    postponements: Vec<Postponement>,
    tasks: tasks::TaskInputs,
    identities: TaskIdentities,
    aliases: Aliases,
    /// The aliases after this check, if they differ.
    changed_aliases: Option<Aliases>,
}

/// Evaluate the ready monitors of a check, decide and commit (unless `commit` is false).
///
/// `on_outcome` sees each monitor's outcome. On an error nothing is committed, and the next check finds the same alerts again.
pub(crate) fn evaluate(
    check: &mut Check,
    store: &mut Store,
    context: &EvaluationContext<'_>,
    commit: bool,
    mut on_outcome: impl FnMut(Monitor, &MonitorOutcome),
) -> Result<Evaluated, store::Error> {
    let ready = check.take_ready();
    let mut inputs = CheckInputs::load(check, store, context.config)?;
    let (mut evaluations, mut states) = (Vec::new(), BTreeMap::new());
    for (monitor, duration) in ready {
        let outcome = run_rules(monitor, check, &inputs, context);
        on_outcome(monitor, &outcome);
        states.insert(monitor, monitor_state(&outcome, check.at.timestamp(), duration));
        if let MonitorOutcome::Evaluated { evaluation, .. } = outcome {
            if monitor == Monitor::Tasks {
                inputs.update_aliases(&evaluation);
            }
            evaluations.push(evaluation);
        }
    }
    let circuits = context.source_states.shown_circuits(&context.config.sources);
    evaluations.push(system::evaluate(&circuits, SOURCE_UNAVAILABLE_AFTER, &check.at));
    check.restore_tasks(mem::take(&mut inputs.tasks.readings));
    let fired: BTreeSet<AlertKey> =
        evaluations.iter().flat_map(|evaluation| &evaluation.alerts).map(|alert| alert.key.clone()).collect();
    // The stored facts of a firing alert may be large and are replaced anyway, so they are not loaded.
    let memory = store.incident_state_without_facts(|key| fired.contains(key))?;
    let decisions = decide_all(evaluations, &memory, &check.at, context);
    if commit {
        store.commit(&CheckCommit {
            at: check.at.timestamp(),
            fired_keys: &fired,
            decisions: &decisions,
            incident_state: &memory,
            health_days: &inputs.changed_days,
            rest_mode: inputs.rest_was_read.then_some(inputs.rest.as_slice()),
            snapshot_diffs: &inputs.updates,
            aliases: inputs.changed_aliases.as_ref(),
            circuits: &context.source_states.circuits(),
            monitors: &states,
            is_final: check.is_complete(),
            retention: retention(context.config),
        })?;
        check.committed.extend(check.readings.keys().copied());
    }
    Ok(Evaluated { decisions, states })
}

fn retention(config: &ConfigState) -> RetentionPolicy {
    let retention = &config.config.retention;
    RetentionPolicy { journal_days: retention.journal_days, history_days: retention.history_days }
}

impl CheckInputs {
    fn load(check: &mut Check, store: &Store, config: &ConfigState) -> Result<Self, store::Error> {
        let mut inputs =
            Self { days: health_history(store, config, &check.at)?, rest: store.rest_mode()?, ..Self::default() };
        if let Some(SourceReading::Health(oura)) = check.readings.get(&Source::Oura)
            && let Some(reading) = &oura.reading
        {
            let days = crate::monitors::oura::merge_days(inputs.days.clone(), &reading.days);
            let is_changed = |day: &&HealthDay| !inputs.days.iter().any(|before| before.same_data(day));
            inputs.changed_days = days.iter().filter(is_changed).cloned().collect();
            inputs.days = days;
            inputs.rest_was_read = reading.rest.is_some();
            inputs.rest = reading.rest.clone().unwrap_or(inputs.rest);
        }
        let first = check.at.timestamp().saturating_sub(POSTPONEMENT_WINDOW).unwrap_or(Timestamp::MIN);
        inputs.postponements = store.postponements(first)?;
        inputs.aliases = store.task_aliases()?;
        inputs.identities = store.task_identities(inputs.aliases.clone())?;
        let mut copies = Vec::new();
        for source in config.sources.task_sources() {
            copies.push((source, inputs.compare_with_stored(source, check, store)?));
        }
        let input = |(source, copy)| Some(tasks::TaskInput { result: check.take_tasks(source)?, copy });
        inputs.tasks = tasks::TaskInputs::new(copies.into_iter().filter_map(input).collect());
        Ok(inputs)
    }

    /// Compare a new reading with the stored copy. Gives the stored copy if the source failed.
    fn compare_with_stored(
        &mut self,
        source: Source,
        check: &Check,
        store: &Store,
    ) -> Result<Option<TaskReading>, store::Error> {
        let Some(SourceReading::Tasks(result)) = check.readings.get(&source) else { return Ok(None) };
        let copy = store.task_snapshot(source.as_str())?;
        let Ok(reading) = result else { return Ok(copy.map(|copy| copy.reading())) };
        if !check.committed.contains(&source) {
            let update = SnapshotDiff::between(copy.as_ref(), reading);
            self.postponements.extend(update.postponed.iter().cloned());
            self.updates.push(update);
        }
        Ok(None)
    }

    /// A task with an open alert keeps its identity, even if another source becomes the first to name it.
    fn update_aliases(&mut self, evaluation: &Evaluation) {
        let deadlines = evaluation.alerts.iter().filter(|alert| alert.key.rule().starts_with("task:deadline_"));
        let firing: BTreeSet<&str> = deadlines.filter_map(|alert| alert.key.entity()).collect();
        let merged = merge_tasks(&self.tasks.readings, &self.identities);
        let aliases = self.identities.aliases_after(&merged, |name| firing.contains(name));
        self.changed_aliases = (aliases != self.aliases).then_some(aliases);
    }
}

fn health_history(store: &Store, config: &ConfigState, now: &ZonedDateTime) -> Result<Vec<HealthDay>, store::Error> {
    let first = config.config.monitors.health.thresholds.first_day_of_history(now.date());
    let mut history = store.health_days(first)?;
    history.retain(|day| day.date <= now.date());
    Ok(history)
}

/// Run one monitor's rules. A panic is that monitor's failure, not the engine's.
fn run_rules(monitor: Monitor, check: &Check, inputs: &CheckInputs, context: &EvaluationContext<'_>) -> MonitorOutcome {
    catch_unwind(AssertUnwindSafe(|| rules_outcome(monitor, check, inputs, context))).unwrap_or_else(|_| {
        MonitorOutcome::Failed { reason: "its rules crashed; please report this with the log".into() }
    })
}

fn rules_outcome(
    monitor: Monitor,
    check: &Check,
    inputs: &CheckInputs,
    context: &EvaluationContext<'_>,
) -> MonitorOutcome {
    let (limits, sources) = (&context.config.config.monitors, &context.config.sources);
    let not_fetched = |source: Source| sources::Error::transient(source.as_str(), "was not fetched");
    let failed = |source: Source| MonitorOutcome::Failed { reason: not_fetched(source).to_string() };
    match monitor {
        Monitor::Health => match check.readings.get(&Source::Oura) {
            Some(SourceReading::Health(oura)) => {
                health::evaluate(oura, &inputs.days, &inputs.rest, &limits.health.thresholds, &check.at)
            }
            _ => failed(Source::Oura),
        },
        Monitor::Tasks => {
            let quiet_hours = context.config.quiet_hours();
            let free = context.busy_times.as_ref().map(|busy| FreeTime { busy, quiet_hours });
            tasks::evaluate(&inputs.tasks, &inputs.identities, free, &limits.tasks.thresholds, &check.at)
        }
        Monitor::Patterns => {
            let focus = match check.readings.get(&Source::FocusFile) {
                Some(SourceReading::Focus(focus)) => focus.clone(),
                _ => Err(not_fetched(Source::FocusFile)),
            };
            let limits = &limits.patterns.thresholds;
            patterns::evaluate(&inputs.tasks, &inputs.days, &inputs.postponements, &focus, limits, &check.at)
        }
        Monitor::Exec(name) => match (sources.exec_plugin(name), check.readings.get(&Source::Exec(name))) {
            (Some(plugin), Some(SourceReading::Exec(reading))) => exec::evaluate(plugin, reading, &check.at),
            (None, _) => MonitorOutcome::Skipped { reason: "it is no longer in the configuration".into() },
            _ => failed(Source::Exec(name)),
        },
        Monitor::System => MonitorOutcome::Failed { reason: "it has no interval of its own".into() },
    }
}

fn decide_all(
    evaluations: Vec<Evaluation>,
    memory: &IncidentState,
    now: &ZonedDateTime,
    context: &EvaluationContext<'_>,
) -> Vec<PolicyDecision> {
    let config = &context.config.config;
    let policy = PolicyContext {
        now: now.timestamp(),
        quiet: context.is_quiet,
        in_event: context.in_event,
        min_window: context.config.dedup_window(),
        max_alerts: config.deduplication.max_alerts_per_run as usize,
        disabled_monitors: &disabled_monitors(memory, context.config),
        routing: &config.alerters.routing(),
    };
    decide(evaluations, memory, &policy)
}

/// The monitors that do not run. A removed exec plugin counts while it has an incident.
fn disabled_monitors(memory: &IncidentState, config: &ConfigState) -> Vec<Monitor> {
    let enabled = config.intervals();
    let with_incident = memory.incidents.values().map(|incident| incident.alert.monitor);
    let plugins = with_incident.filter(|monitor| matches!(monitor, Monitor::Exec(_)));
    let all: BTreeSet<Monitor> = Monitor::SCHEDULED.into_iter().chain(plugins).collect();
    all.into_iter().filter(|monitor| !enabled.contains_key(monitor)).collect()
}

fn monitor_state(outcome: &MonitorOutcome, at: Timestamp, duration: SignedDuration) -> MonitorState {
    let (status, source, reason, alerts_generated) = match outcome {
        MonitorOutcome::Evaluated { evaluation, source, note } => {
            (RunStatus::Ok, Some(source.clone()), note.clone(), evaluation.alerts.len())
        }
        MonitorOutcome::Skipped { reason } => (RunStatus::Skipped, None, Some(reason.clone()), 0),
        MonitorOutcome::Failed { reason } => (RunStatus::Failed, None, Some(reason.clone()), 0),
    };
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(0);
    MonitorState { last_check: at, duration_ms, alerts_generated, status, source, reason }
}
