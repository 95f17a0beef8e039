//! The dispatcher: sends outbox batches, one message per channel at a time, and records the results.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::batch_message;
use super::probe::ProbeResult;
use super::worker::{ChannelWorker, InFlight, SendResult, is_future, remaining};
use crate::alerters::{Alerter, Failure, FailureKind, Inbound};
use crate::core::channel::Channel;
use crate::core::delivery::channel_backoff::{ChannelBackoff, SendWindow};
use crate::core::delivery::message::MessageKind;
use crate::core::status::{ChannelHealth, ChannelState};
use crate::engine::source_states::jitter;
use crate::store::outbox::claim::{ClaimOptions, OutboxBatch};
use crate::store::{self, Store};
use crate::telemetry::metrics::Metrics;

/// Alerters have their own, shorter timeouts; this one protects the channel from an alerter without.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// After a database error.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// After a start and at the end of quiet hours, a meeting or a pause, waiting messages are deferred this long, so that the
/// first check can add its alerts and one message shows all of them. Critical alerts are not deferred.
const DEFER_TIMEOUT: Duration = Duration::from_secs(10);

/// A send that has ended.
#[derive(Debug)]
pub(crate) struct SendCompleted {
    channel: Channel,
    batch: i64,
    /// The database of the batch.
    database_id: Arc<str>,
    result: SendResult,
}

/// What a dispatch depends on besides the outbox.
#[derive(Debug)]
pub(crate) struct DispatchContext {
    /// In the user's time zone.
    pub(crate) now: ZonedDateTime,
    pub(crate) window: SendWindow,
    /// More alerts than this in one message are sent as a digest.
    pub(crate) max_alerts: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Dispatcher {
    workers: BTreeMap<Channel, ChannelWorker>,
    /// The prefix of our message ids; none until the outbox has been opened.
    database_id: Option<Arc<str>>,
    /// Receive the results of test messages.
    testers: Vec<(Channel, oneshot::Sender<SendResult>)>,
    retry_at: Option<Instant>,
    deferred_until: Option<Instant>,
    /// The alerters of a new configuration.
    pending_alerters: Option<Vec<Arc<dyn Alerter>>>,
}

impl Dispatcher {
    pub(crate) fn new(alerters: Vec<Arc<dyn Alerter>>) -> Self {
        let worker = |alerter: Arc<dyn Alerter>| (alerter.channel(), ChannelWorker::new(alerter));
        Self { workers: alerters.into_iter().map(worker).collect(), ..Self::default() }
    }

    /// Use other alerters as soon as possible. The old ones get no further message.
    pub(crate) fn replace_alerters(&mut self, alerters: Vec<Arc<dyn Alerter>>) {
        self.pending_alerters = Some(alerters);
    }

    /// Change to the pending alerters when no message is in flight, so that the result of every message is known. True: done.
    pub(crate) fn swap_alerters(&mut self) -> bool {
        if !self.workers.values().all(ChannelWorker::is_idle) {
            return false;
        }
        let Some(alerters) = self.pending_alerters.take() else { return false };
        *self = Self { testers: std::mem::take(&mut self.testers), ..Self::new(alerters) };
        true
    }

    pub(crate) fn alerters(&self) -> impl Iterator<Item = Arc<dyn Alerter>> {
        self.workers.values().map(|worker| Arc::clone(&worker.alerter))
    }

    /// The enabled channels.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.workers.keys().copied().collect()
    }

    pub(crate) fn database_id(&self) -> Option<&str> {
        self.database_id.as_deref()
    }

    /// Another database has been adopted. Messages in flight do not belong to it.
    pub(crate) fn on_store_adopted(&mut self) {
        self.database_id = None;
        self.workers.values_mut().for_each(|worker| worker.in_flight.clear());
    }

    /// Let waiting messages wait for the next check.
    pub(crate) fn defer(&mut self) {
        self.deferred_until = Some(Instant::now() + DEFER_TIMEOUT);
    }

    /// The check is over.
    pub(crate) fn resume(&mut self) {
        self.deferred_until = None;
    }

    /// Retry at once on every channel, except where a server requested the delay.
    pub(crate) fn reset_backoff(&mut self) {
        self.workers.values_mut().for_each(|worker| worker.backoff.reset());
    }

    /// Whether the result of a message is still awaited.
    pub(crate) fn is_sending(&self) -> bool {
        self.workers.values().any(ChannelWorker::is_sending)
    }

    fn effective_window(&self, window: SendWindow) -> SendWindow {
        if is_future(self.deferred_until) { window.min(SendWindow::CriticalOnly) } else { window }
    }

    /// At the first use of a database: recover what its last process left, and retry refused messages on channels whose
    /// settings have changed.
    pub(crate) fn open_outbox(&mut self, store: &mut Store, now: Timestamp) -> Result<(), store::Error> {
        if self.database_id.is_some() {
            return Ok(());
        }
        let database_id = store.database_id(new_database_id)?;
        store.recover_outbox(&self.channels(), now)?;
        let mut known = store.channel_backoffs()?;
        for (channel, worker) in &mut self.workers {
            let config_hash = worker.alerter.config_hash();
            worker.backoff = match known.remove(channel) {
                Some(backoff) if backoff.config_hash == config_hash => backoff,
                other => {
                    if other.is_some() {
                        store.requeue_failed(*channel)?;
                    }
                    let backoff = ChannelBackoff::new(config_hash);
                    store.save_channel_backoff(*channel, &backoff)?;
                    backoff
                }
            };
        }
        self.database_id = Some(database_id.into());
        Ok(())
    }

    /// Send what waits, as far as the channels are free and the window allows. Results arrive on `completed`.
    pub(crate) fn dispatch(
        &mut self,
        store: &mut Store,
        context: &DispatchContext,
        completed: &mpsc::Sender<SendCompleted>,
    ) {
        if is_future(self.retry_at) {
            return;
        }
        if let Err(error) = self.try_dispatch(store, context, completed) {
            tracing::error!(%error, "delivery paused: outbox unavailable");
            self.retry_at = Some(Instant::now() + RETRY_AFTER);
        }
    }

    fn try_dispatch(
        &mut self,
        store: &mut Store,
        context: &DispatchContext,
        completed: &mpsc::Sender<SendCompleted>,
    ) -> Result<(), store::Error> {
        let now = context.now.timestamp();
        self.open_outbox(store, now)?;
        let Some(database_id) = self.database_id.clone() else { return Ok(()) };
        let window = self.effective_window(context.window);
        for worker in self.workers.values_mut() {
            worker.record_results(store, now)?;
            if self.pending_alerters.is_some() {
                continue;
            }
            if let Some(batch) = claim(worker, store, window, context.max_alerts, now)? {
                send(worker, batch, &database_id, &context.now, completed.clone());
            }
        }
        Ok(())
    }

    /// Take the result of a send: update the backoff and record it.
    pub(crate) fn on_send_completed(
        &mut self,
        store: &mut Store,
        completed: SendCompleted,
        metrics: &Metrics,
        now: Timestamp,
    ) {
        let SendCompleted { channel, batch, database_id, result } = completed;
        if self.database_id.as_deref() != Some(&*database_id) {
            return;
        }
        let Some(worker) = self.workers.get_mut(&channel) else { return };
        let Some(in_flight) = worker.in_flight.iter_mut().find(|in_flight| in_flight.batch.id == batch) else { return };
        metrics.count_delivery(channel, result.as_ref().err(), in_flight.since.elapsed());
        let is_test = in_flight.batch.kind == MessageKind::Test;
        let before = worker.backoff.last_error.clone();
        match &result {
            Ok(_) => worker.backoff.record_success(now),
            Err(failure) if !is_test => worker.backoff.record_failure(failure, now, jitter()),
            Err(_) => {}
        }
        log_change(channel, before.as_deref(), worker.backoff.last_error.as_deref());
        if is_test && let Some(index) = self.testers.iter().position(|(tested, _)| *tested == channel) {
            // Fails only if the client has gone.
            let _ = self.testers.swap_remove(index).1.send(result.clone());
        }
        in_flight.result = Some(result);
        if let Err(error) = worker.record_results(store, now) {
            tracing::error!(%channel, %error, "send result not recorded yet");
            self.retry_at = Some(Instant::now() + RETRY_AFTER);
        }
    }

    /// Record the results of ended sends, for the last time: the next process repeats a send without a recorded result.
    pub(crate) fn record_results(&mut self, store: &mut Store, now: Timestamp) {
        for (channel, worker) in &mut self.workers {
            if let Err(error) = worker.record_results(store, now) {
                tracing::error!(%channel, %error, "send result not recorded, the message will be sent again");
            }
        }
    }

    /// How long until there is something to do without a new event; none: an event comes first.
    pub(crate) fn next_wakeup(&self, store: &Store, window: SendWindow, now: Timestamp) -> Option<Duration> {
        let window = self.effective_window(window);
        let workers = self.workers.iter().filter_map(|(channel, worker)| {
            // An unreadable database is reported elsewhere, and the loop wakes up regularly anyway.
            let pending = store.pending_summary(*channel, window).ok().filter(|pending| pending.any)?;
            worker.next_wakeup(pending, now)
        });
        let deferred = self.deferred_until.map(|until| remaining(Some(until))).filter(|left| !left.is_zero());
        workers.chain(deferred).min().map(|wait| wait.max(remaining(self.retry_at)))
    }

    /// Whether all that waits belongs to channels without any transport.
    pub(crate) fn nothing_sendable(&self, store: &Store, window: SendWindow) -> bool {
        let window = self.effective_window(window);
        self.workers.iter().all(|(channel, worker)| match store.pending_summary(*channel, window) {
            Ok(pending) => !pending.any || worker.backoff.has_no_transport() && !pending.test,
            Err(_) => true,
        })
    }

    /// Receive inbound messages on every channel; dropping the tasks ends it.
    pub(crate) fn listen(&self, store: &Store, inbound: &mpsc::Sender<Inbound>) -> JoinSet<()> {
        let mut listeners = JoinSet::new();
        for (channel, worker) in &self.workers {
            let cursor = store.cursor(*channel).unwrap_or_default();
            listeners.spawn(Arc::clone(&worker.alerter).listen(cursor, inbound.clone()));
        }
        listeners
    }

    /// Take the result of a probe: only a problem that the user can fix is shown before a message waits. True: it changed.
    pub(crate) fn on_probe(&mut self, probe: ProbeResult) -> bool {
        let Some(worker) = self.workers.get_mut(&probe.channel) else { return false };
        let problem = match &probe.result {
            Ok(_) => None,
            Err(failure) if probe.is_fixable() => Some(failure.to_string()),
            Err(_) => return false,
        };
        let before = std::mem::replace(&mut worker.backoff.last_error, problem);
        log_change(probe.channel, before.as_deref(), worker.backoff.last_error.as_deref());
        true
    }

    /// Queue a test message. The receiver gets the result of the send.
    pub(crate) fn queue_test(
        &mut self,
        channel: Channel,
        store: &mut Store,
        now: Timestamp,
    ) -> Result<oneshot::Receiver<SendResult>, store::Error> {
        self.open_outbox(store, now)?;
        store.queue_test(channel, now)?;
        let (tester, result) = oneshot::channel();
        self.testers.push((channel, tester));
        Ok(result)
    }

    /// No more results come for the tests in flight.
    pub(crate) fn cancel_tests(&mut self) {
        self.testers.clear();
    }

    pub(crate) fn channel_states(&self, store: &Store) -> Result<BTreeMap<Channel, ChannelState>, store::Error> {
        let stored = if self.database_id.is_some() { BTreeMap::new() } else { store.channel_backoffs()? };
        let state = |channel: Channel| {
            let Some(worker) = self.workers.get(&channel) else { return ChannelState::default() };
            let backoff = stored.get(&channel).unwrap_or(&worker.backoff);
            ChannelState {
                state: if backoff.last_error.is_some() { ChannelHealth::Failing } else { ChannelHealth::Ok },
                reason: backoff.last_error.clone(),
                next_try: backoff.opens_at(),
                last_delivered: backoff.delivered_at,
            }
        };
        Ok(Channel::OUTSIDE.into_iter().map(|channel| (channel, state(channel))).collect())
    }
}

/// Claim the next batch of a channel, if one may be sent now.
fn claim(
    worker: &mut ChannelWorker,
    store: &mut Store,
    window: SendWindow,
    max_alerts: u32,
    now: Timestamp,
) -> Result<Option<OutboxBatch>, store::Error> {
    let channel = worker.alerter.channel();
    if is_future(worker.next_claim_at) || !worker.may_claim(store.pending_summary(channel, window)?, now) {
        return Ok(None);
    }
    let only_urgent = !(worker.is_idle() && worker.backoff.is_open(now));
    let batch = store.claim_next(
        channel,
        ClaimOptions { send_window: window, urgent_only: only_urgent, max_separate: max_alerts },
        now,
    )?;
    let wait = match &batch {
        Some(_) => worker.alerter.min_interval(),
        // The waiting messages were obsolete, so a new one need not wait.
        None if !worker.may_claim(store.pending_summary(channel, window)?, now) => Duration::ZERO,
        // Something waits that cannot be claimed: do not ask for it in a busy loop.
        None => RETRY_AFTER,
    };
    worker.next_claim_at = Some(Instant::now() + wait);
    Ok(batch)
}

/// Send in a task of its own, so that a panic in an alerter fails this message only.
fn send(
    worker: &mut ChannelWorker,
    batch: OutboxBatch,
    database_id: &Arc<str>,
    now: &ZonedDateTime,
    completed: mpsc::Sender<SendCompleted>,
) {
    let message = batch_message::message_from_batch(&batch, database_id, now);
    let (alerter, channel, id) = (Arc::clone(&worker.alerter), batch.channel, batch.id);
    let database_id = Arc::clone(database_id);
    worker.in_flight.push(InFlight { batch, since: Instant::now(), result: None });
    tokio::spawn(async move {
        let unconfirmed = |message: &str| Err(Failure::new(FailureKind::Unconfirmed, message));
        let send = tokio::spawn(async move { alerter.send(&message).await });
        let result = match tokio::time::timeout(SEND_TIMEOUT, send).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => unconfirmed("sending crashed; please report this with the log"),
            Err(_) => unconfirmed("no result within a minute"),
        };
        // Fails only when the engine has stopped; the message stays unconfirmed then.
        let _ = completed.send(SendCompleted { channel, batch: id, database_id, result }).await;
    });
}

/// A channel's problem is logged when it changes, not with every attempt.
fn log_change(channel: Channel, before: Option<&str>, now: Option<&str>) {
    match now {
        now if now == before => {}
        Some(error) => tracing::warn!(%channel, error, "delivery failed"),
        None => tracing::info!(%channel, "delivery works again"),
    }
}

/// Eight random hexadecimal digits.
fn new_database_id() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{:08x}", random >> 32)
}

#[cfg(test)]
mod tests {
    #[test]
    fn database_id_is_eight_hex_digits() {
        let id = super::new_database_id();
        assert!(id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
}
