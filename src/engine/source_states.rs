//! What the engine knows of each source: its circuit, its last failure, its notes and the age of its data.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::config::schema::Config;
use crate::core::circuit::{CallOutcome, Cause, Change, Circuit, CircuitSettings, CircuitState, Permit};
use crate::core::status::SourceState;
use crate::monitors::fetch::SourceReading;
use crate::monitors::sources::Sources;
use crate::sources::Source;
use crate::sources::{self, ErrorKind};

#[derive(Debug, Default)]
struct TrackedSource {
    circuit: Circuit,
    /// Why the last fetch failed. It stays the reason while the circuit is open.
    failure: Option<sources::Error>,
    /// What the last reading left out.
    notes: Vec<String>,
    /// When the last data was synced, read or changed.
    last_data_at: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct SourceStates {
    states: BTreeMap<Source, TrackedSource>,
    /// When Oura was connected, until the history it brings has been read.
    oura_connected_at: Option<Timestamp>,
}

impl SourceStates {
    /// Restore the circuits of these sources from the database.
    pub(crate) fn restore(sources: &Sources, circuits: &BTreeMap<String, Circuit>) -> Self {
        let restore = |source: Source| {
            let mut circuit = circuits.get(&source.to_string()).cloned().unwrap_or_default();
            circuit.abandon_probe(); // it ended with the process that sent it
            (source, TrackedSource { circuit, ..TrackedSource::default() })
        };
        Self { states: sources.all().into_iter().map(restore).collect(), oura_connected_at: None }
    }

    fn state(&mut self, source: Source) -> &mut TrackedSource {
        self.states.entry(source).or_default()
    }

    /// Permission for one request; none while the circuit is open.
    pub(crate) fn acquire(&mut self, source: Source, now: Timestamp) -> Option<Permit> {
        self.state(source).circuit.acquire(now).ok()
    }

    /// Return a permit whose request was cancelled.
    pub(crate) fn release(&mut self, source: Source, permit: Permit) {
        self.state(source).circuit.release(permit);
    }

    /// Why an open circuit lets no request through: the last failure.
    pub(crate) fn skip_reason(&self, source: Source) -> sources::Error {
        let unknown = || sources::Error::transient(source.as_str(), "skipped for a while after repeated failures");
        self.states.get(&source).and_then(|state| state.failure.clone()).unwrap_or_else(unknown)
    }

    /// Record the result of a fetch that was requested at `requested_at`. A local source may have been read without a permit.
    pub(crate) fn record(
        &mut self,
        source: Source,
        reading: &SourceReading,
        permit: Option<Permit>,
        breaker: &CircuitSettings,
        requested_at: Timestamp,
        now: Timestamp,
    ) {
        let error = reading.error();
        let state = self.states.entry(source).or_default();
        let change = match (outcome(error), permit) {
            (Some(outcome), Some(permit)) => state.circuit.record(permit, outcome, now, breaker, jitter()),
            // A local source works again, or the source is no longer configured.
            (Some(CallOutcome::Success) | None, _) if state.circuit.failing_since().is_some() => {
                state.circuit.reset();
                Change::Closed
            }
            _ => Change::None,
        };
        log_change(source, change, error);
        if state.notes != reading.notes() {
            state.notes = reading.notes().to_vec();
            state.notes.iter().for_each(|note| tracing::warn!("{source}: {note}"));
        }
        state.failure = error.cloned();
        if error.is_some_and(|error| error.kind == ErrorKind::NotConfigured) {
            state.last_data_at = None;
        }
        state.last_data_at = reading.as_of().or(state.last_data_at);
        if source == Source::Oura && error.is_none() && self.oura_connected_at.is_some_and(|at| requested_at >= at) {
            self.oura_connected_at = None;
        }
    }

    /// Oura was connected: its history is to be read with the next fetch.
    pub(crate) fn request_oura_history(&mut self, now: Timestamp) {
        self.oura_connected_at = Some(now);
    }

    pub(crate) const fn oura_history_requested(&self) -> bool {
        self.oura_connected_at.is_some()
    }

    /// Close the circuit of this name. Gives its source, if there is one.
    pub(crate) fn reset(&mut self, circuit: &str) -> Option<Source> {
        let (source, state) = self.states.iter_mut().find(|(source, _)| source.to_string() == circuit)?;
        state.circuit.reset();
        Some(*source)
    }

    /// Adopt a new configuration: removed sources are forgotten, and an open circuit is closed because the change may have fixed
    /// its cause. A pause that the same server asked for still holds.
    pub(crate) fn apply_config(&mut self, old: (&Config, &Sources), new: (&Config, &Sources), now: Timestamp) {
        let configured = new.1.all();
        self.states.retain(|source, _| configured.contains(source));
        for (source, state) in &mut self.states {
            let retry_after_set = state.failure.as_ref().is_some_and(|failure| failure.retry_after.is_some());
            let server_pause = retry_after_set && state.circuit.retry_at().is_some_and(|at| at > now);
            let keeps_pause = server_pause && same_endpoint(*source, old, new);
            if state.circuit.failing_since().is_some() && !keeps_pause {
                state.circuit.reset();
            }
        }
    }

    pub(crate) fn circuits(&self) -> BTreeMap<String, Circuit> {
        self.states.iter().map(|(source, state)| (source.to_string(), state.circuit.clone())).collect()
    }

    fn shown<'a>(&'a self, sources: &'a Sources) -> impl Iterator<Item = (String, &'a TrackedSource)> {
        let shown = self.states.iter().filter(|(source, _)| sources.is_shown(**source));
        shown.map(|(source, state)| (source.to_string(), state))
    }

    /// The circuits of the sources that the user sees.
    pub(crate) fn shown_circuits(&self, sources: &Sources) -> BTreeMap<String, Circuit> {
        self.shown(sources).map(|(name, state)| (name, state.circuit.clone())).collect()
    }

    pub(crate) fn circuit_states(&self, sources: &Sources) -> BTreeMap<String, CircuitState> {
        self.shown(sources).map(|(name, state)| (name, state.circuit.state())).collect()
    }

    pub(crate) fn shown_states(&self, sources: &Sources) -> BTreeMap<String, SourceState> {
        let shown = |state: &TrackedSource| SourceState {
            circuit: state.circuit.state(),
            as_of: state.last_data_at,
            next_try: state.circuit.retry_at(),
            error: state
                .failure
                .as_ref()
                .filter(|error| error.kind != ErrorKind::NotConfigured)
                .map(ToString::to_string),
        };
        self.shown(sources).map(|(name, state)| (name, shown(state))).collect()
    }
}

/// None: the source is not configured, which says nothing about its circuit.
fn outcome(error: Option<&sources::Error>) -> Option<CallOutcome> {
    let Some(error) = error else { return Some(CallOutcome::Success) };
    let cause = match error.kind {
        ErrorKind::NotConfigured => return None,
        ErrorKind::Transient => Cause::Transient,
        ErrorKind::ActionRequired => Cause::ActionRequired,
    };
    Some(CallOutcome::Failure { cause, retry_after: error.retry_after })
}

fn log_change(source: Source, change: Change, error: Option<&sources::Error>) {
    match (change, error) {
        (Change::Opened, Some(error)) => {
            tracing::warn!(circuit = %source, %error, hint = %error.advice, "circuit opened");
        }
        (Change::Closed, _) => tracing::info!(circuit = %source, "circuit closed"),
        _ => {}
    }
}

/// Whether the new configuration sends requests to the same server as the same client. Only these sources send a retry time.
fn same_endpoint(source: Source, old: (&Config, &Sources), new: (&Config, &Sources)) -> bool {
    let secret = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let oura = |config: &Config| {
        let oura = &config.sources.oura;
        let token = (oura.base_url.clone(), secret(&oura.token), oura.token_file.clone());
        (token, oura.client_id.clone(), secret(&oura.client_secret), oura.client_secret_file.clone())
    };
    let todoist = |config: &Config| {
        let todoist = &config.sources.todoist;
        (todoist.base_url.clone(), secret(&todoist.token), todoist.token_file.clone())
    };
    match source {
        Source::Oura => oura(old.0) == oura(new.0),
        Source::Tasks("todoist") => todoist(old.0) == todoist(new.0),
        Source::Calendar(name) => {
            old.1.calendar(name).zip(new.1.calendar(name)).is_some_and(|(old, new)| new.same_location(old))
        }
        _ => false,
    }
}

/// A random fraction, 0 to 1, that spreads retries. It needs no cryptographic quality.
pub(crate) fn jitter() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    #[expect(clippy::cast_precision_loss, reason = "53 bits are precise enough")]
    let fraction = (random >> 11) as f64 / (1u64 << 53) as f64;
    fraction
}
