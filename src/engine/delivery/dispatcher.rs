//! The dispatcher: hands what waits in the outbox to the alerters, one message a channel at a time, and writes down what became of it.
//!
//! Only what is critical goes beside a message that is under way, for a slow server may take its time over that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::alerters::{Alerter, Failure, FailureKind, Inbound};
use crate::core::channel::Channel;
use crate::core::delivery::channel_backoff::{ChannelBackoff, SendWindow};
use crate::core::delivery::message::MessageKind;
use crate::core::status::{ChannelHealth, ChannelState};
use crate::engine::Engine;
use crate::engine::check::chance;
use crate::engine::delivery::batch_message;
use crate::engine::delivery::worker::{ChannelWorker, InFlight, is_resting, rest};
use crate::store;
use crate::store::outbox::claim::{ClaimOptions, OutboxBatch};

/// Alerters have limits of their own; one that forgot them does not hold up its channel for longer.
const LONGEST_SEND: Duration = Duration::from_secs(60);

/// After the database failed the post.
const REST: Duration = Duration::from_secs(30);

/// After a start, and when a silence ends, what waited gives the first check so long to add what it finds: all of it is one
/// message then. What is critical does not wait.
const LINGER: Duration = Duration::from_secs(10);

/// What an alerter said of a message.
pub(crate) type SendResult = Result<Option<String>, Failure>;

/// A message that came back from its alerter.
#[derive(Debug)]
pub(crate) struct SendCompleted {
    channel: Channel,
    parcel: i64,
    /// The database that it came from.
    mark: Arc<str>,
    fate: SendResult,
}

/// The alerters with what each has in hand.
#[derive(Debug, Default)]
pub(crate) struct Dispatcher {
    carriers: BTreeMap<Channel, ChannelWorker>,
    /// What the ids of our messages begin with; none until the database has been asked.
    mark: Option<Arc<str>>,
    /// Who waits for the outcome of a test.
    testers: Vec<(Channel, oneshot::Sender<SendResult>)>,
    rests_until: Option<Instant>,
    lingers_until: Option<Instant>,
    /// Those of a new configuration.
    successors: Option<Vec<Arc<dyn Alerter>>>,
}

impl Dispatcher {
    pub(crate) fn new(alerters: Vec<Arc<dyn Alerter>>) -> Self {
        let carrier = |alerter: Arc<dyn Alerter>| (alerter.channel(), ChannelWorker::new(alerter));
        Self { carriers: alerters.into_iter().map(carrier).collect(), ..Self::default() }
    }

    /// Have other alerters from now on. Nothing more is handed to the old ones.
    pub(crate) fn replace_by(&mut self, alerters: Vec<Arc<dyn Alerter>>) {
        self.successors = Some(alerters);
    }

    /// Change over to the new alerters, if there are any and nothing is in the old ones' hands: so the change is like a restart,
    /// and the fate of every message is known. Tells whether it was done.
    pub(crate) fn change_over(&mut self) -> bool {
        if !self.carriers.values().all(ChannelWorker::is_free) {
            return false;
        }
        let Some(alerters) = self.successors.take() else { return false };
        *self = Self { testers: std::mem::take(&mut self.testers), ..Self::new(alerters) };
        true
    }

    /// All that are switched on.
    pub(crate) fn alerters(&self) -> impl Iterator<Item = Arc<dyn Alerter>> {
        self.carriers.values().map(|carrier| Arc::clone(&carrier.alerter))
    }

    /// How a channel does.
    pub(crate) fn lane_of(&mut self, channel: Channel) -> Option<&mut ChannelBackoff> {
        self.carriers.get_mut(&channel).map(|carrier| &mut carrier.lane)
    }

    /// The channels that are switched on.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.carriers.keys().copied().collect()
    }

    /// Another database takes over: what is in hand is not its business.
    pub(crate) fn start_over(&mut self) {
        self.mark = None;
        for carrier in self.carriers.values_mut() {
            carrier.hands.clear();
        }
    }

    /// Let what waits come together with what the next check finds.
    pub(crate) fn linger(&mut self) {
        self.lingers_until = Some(Instant::now() + LINGER);
    }

    /// That check is over.
    pub(crate) fn go_on(&mut self) {
        self.lingers_until = None;
    }

    /// The machine woke or the person wants to know: pauses end, unless a server asked for them.
    pub(crate) fn hurry(&mut self) {
        self.carriers.values_mut().for_each(|carrier| carrier.lane.reset());
    }

    /// Whether something is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.carriers.values().any(ChannelWorker::is_busy)
    }

    pub(crate) fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }
}

impl Engine {
    /// Nothing leaves the house in a dry run.
    pub(crate) fn may_send(&self) -> bool {
        !self.dry_run && !self.store.is_ephemeral()
    }

    /// InFlight over what waits, as far as channels are free and the time is right.
    pub(crate) fn send_waiting(&mut self, returns: &mpsc::Sender<SendCompleted>) {
        if !self.may_send() || is_resting(self.dispatcher.rests_until) {
            return;
        }
        if let Err(error) = self.try_sending(returns) {
            tracing::error!("Messages wait: {error}");
            self.dispatcher.rests_until = Some(Instant::now() + REST);
        }
    }

    fn try_sending(&mut self, returns: &mpsc::Sender<SendCompleted>) -> Result<(), store::Error> {
        self.open_post()?;
        for channel in self.dispatcher.channels() {
            self.write_down(channel)?;
            if self.dispatcher.successors.is_some() {
                continue;
            }
            if let Some(parcel) = self.take_for(channel)? {
                self.hand_over(parcel, returns);
            }
        }
        Ok(())
    }

    /// At the first use of a database: what its last process left, and what has changed in the alerters' settings.
    pub(crate) fn open_post(&mut self) -> Result<(), store::Error> {
        if self.dispatcher.mark.is_some() {
            return Ok(());
        }
        let mark = self.store.database_id(fresh_mark)?;
        self.store.recover_outbox(&self.dispatcher.channels(), self.clock.now())?;
        let mut lanes = self.store.channel_backoffs()?;
        for (channel, carrier) in &mut self.dispatcher.carriers {
            let settings = carrier.alerter.config_hash();
            carrier.lane = match lanes.remove(channel) {
                Some(lane) if lane.config_hash == settings => lane,
                known => {
                    let lane = ChannelBackoff::new(settings);
                    if known.is_some() {
                        self.store.requeue_failed(*channel)?;
                    }
                    self.store.save_channel_backoff(*channel, &lane)?;
                    lane
                }
            };
        }
        self.dispatcher.mark = Some(mark.into());
        Ok(())
    }

    fn take_for(&mut self, channel: Channel) -> Result<Option<OutboxBatch>, store::Error> {
        let (now, gate) = (self.clock.now(), self.gate());
        let Some(carrier) = self.dispatcher.carriers.get_mut(&channel) else { return Ok(None) };
        if is_resting(carrier.rests_until) || !carrier.may_take(self.store.pending_summary(channel, gate)?, now) {
            return Ok(None);
        }
        let most = self.config.deduplication.max_alerts_per_run;
        let only_urgent = !(carrier.is_free() && carrier.lane.is_open(now));
        let parcel = self.store.claim_next(
            channel,
            ClaimOptions { send_window: gate, urgent_only: only_urgent, max_separate: most },
            now,
        )?;
        let rest = match &parcel {
            Some(_) => carrier.alerter.min_interval(),
            // What waited needs not be told any more: nothing that comes now waits for it.
            None if !carrier.may_take(self.store.pending_summary(channel, gate)?, now) => Duration::ZERO,
            // Whatever waits and cannot be taken must not be looked at without end.
            None => REST,
        };
        carrier.rests_until = Some(Instant::now() + rest);
        Ok(parcel)
    }

    /// A task of its own, so that a panic in an alerter is a failure of that message and of nothing else.
    fn hand_over(&mut self, parcel: OutboxBatch, returns: &mpsc::Sender<SendCompleted>) {
        let zone = self.config.quiet_hours.timezone.now();
        let Some(mark) = self.dispatcher.mark.clone() else { return };
        let message = batch_message::written(&parcel, &mark, &self.clock.now().to_zoned_datetime(zone));
        let Some(carrier) = self.dispatcher.carriers.get_mut(&parcel.channel) else { return };
        let (alerter, channel, returns) = (Arc::clone(&carrier.alerter), parcel.channel, returns.clone());
        let number = parcel.id;
        carrier.hands.push(InFlight { parcel, since: Instant::now(), fate: None });
        tokio::spawn(async move {
            let sending = tokio::spawn(async move { alerter.send(&message).await });
            let fate = match tokio::time::timeout(LONGEST_SEND, sending).await {
                Ok(Ok(fate)) => fate,
                Ok(Err(_)) => {
                    Err(Failure::new(FailureKind::Unconfirmed, "sending broke off; please report this with the log"))
                }
                Err(_) => Err(Failure::new(FailureKind::Unconfirmed, "no outcome within a minute")),
            };
            // Nobody is there to be told when the engine stops; the message stays in doubt then.
            let _ = returns.send(SendCompleted { channel, parcel: number, mark, fate }).await;
        });
    }

    /// Take in what became of a message.
    pub(crate) fn take_back(&mut self, returned: SendCompleted) {
        let now = self.clock.now();
        if self.dispatcher.mark.as_deref() != Some(&*returned.mark) {
            return;
        }
        let Some(carrier) = self.dispatcher.carriers.get_mut(&returned.channel) else { return };
        let of = |hand: &&mut InFlight| hand.parcel.id == returned.parcel;
        let Some(InFlight { parcel, fate, since }) = carrier.hands.iter_mut().find(of) else { return };
        self.metrics.count_delivery(returned.channel, returned.fate.as_ref().err(), since.elapsed());
        let before = carrier.lane.last_error.clone();
        match &returned.fate {
            Ok(_) => carrier.lane.record_success(now),
            Err(failure) if parcel.kind != MessageKind::Test => carrier.lane.record_failure(failure, now, chance()),
            Err(_) => {}
        }
        tell_change(returned.channel, before.as_deref(), carrier.lane.last_error.as_deref());
        if parcel.kind == MessageKind::Test {
            let testers = &mut self.dispatcher.testers;
            if let Some(place) = testers.iter().position(|(channel, _)| *channel == returned.channel) {
                // Whoever asked may have gone away.
                let _ = testers.swap_remove(place).1.send(returned.fate.clone());
            }
        }
        *fate = Some(returned.fate);
        if let Err(error) = self.write_down(returned.channel) {
            tracing::error!("A message to {} is not written down yet: {error}", returned.channel);
            self.dispatcher.rests_until = Some(Instant::now() + REST);
        }
    }

    /// Until its fate is written down a message stays in hand: otherwise it would be sent again.
    fn write_down(&mut self, channel: Channel) -> Result<(), store::Error> {
        let now = self.clock.now();
        let Some(carrier) = self.dispatcher.carriers.get_mut(&channel) else { return Ok(()) };
        while let Some(place) = carrier.hands.iter().position(|hand| hand.fate.is_some()) {
            if let Some(InFlight { parcel, fate: Some(fate), .. }) = carrier.hands.get(place) {
                self.store.record_result(parcel, fate, &carrier.lane, now)?;
            }
            carrier.hands.remove(place);
        }
        Ok(())
    }

    /// The last chance before the end: what is not written down now is sent again by the next process.
    pub(crate) fn write_down_all(&mut self) {
        for channel in self.dispatcher.channels() {
            if let Err(error) = self.write_down(channel) {
                tracing::error!("A message to {channel} will be sent again: {error}");
            }
        }
    }

    /// How long until the post has something to do by itself; none: not before something new comes.
    pub(crate) fn post_pause(&self) -> Option<Duration> {
        if !self.may_send() {
            return None;
        }
        let (now, gate) = (self.clock.now(), self.gate());
        let soonest = self.dispatcher.carriers.iter().filter_map(|(channel, carrier)| {
            // A database that cannot be read is somebody else's to report; the heartbeat looks again.
            let waiting = self.store.pending_summary(*channel, gate).ok().filter(|waiting| waiting.any)?;
            carrier.pause(waiting, now)
        });
        let lingers = self.dispatcher.lingers_until.map(|until| rest(Some(until))).filter(|left| !left.is_zero());
        let soonest = soonest.chain(lingers);
        soonest.min().map(|pause| pause.max(rest(self.dispatcher.rests_until)))
    }

    /// Which news may be told now.
    fn gate(&self) -> SendWindow {
        let now = self.now();
        let waits =
            self.is_quiet(&now) || self.in_event_until(&now).is_some() || is_resting(self.dispatcher.lingers_until);
        match (self.pause.is_some_and(|pause| pause.in_force(now.timestamp())), waits) {
            (true, _) => SendWindow::Closed,
            (_, true) => SendWindow::CriticalOnly,
            _ => SendWindow::Open,
        }
    }

    /// Send until nothing waits that could go out in time: what `--once` does before it ends.
    pub async fn deliver(&mut self, patience: Duration) {
        // A check may stand still at a moment, but pauses pass.
        self.clock = self.clock.going();
        let deadline = Instant::now() + patience;
        let (returns, mut returned) = mpsc::channel(8);
        loop {
            self.send_waiting(&returns);
            let next = if self.is_hopeless() { None } else { self.post_pause() };
            let next = next.map(|pause| Instant::now() + pause).filter(|at| *at < deadline);
            let until = match (next, self.dispatcher.is_busy()) {
                (None, false) => break,
                (next, true) => next.unwrap_or(deadline),
                (Some(next), false) => next,
            };
            tokio::select! {
                Some(back) = returned.recv() => self.take_back(back),
                () = tokio::time::sleep_until(until) => if until >= deadline { break },
            }
        }
        self.write_down_all();
    }

    /// Whether all that waits, waits for a channel that is not there at all.
    fn is_hopeless(&self) -> bool {
        let gate = self.gate();
        self.dispatcher.carriers.iter().all(|(channel, carrier)| match self.store.pending_summary(*channel, gate) {
            Ok(waiting) => !waiting.any || carrier.lane.has_no_transport() && !waiting.test,
            Err(_) => true,
        })
    }

    /// Listen on every channel; the listeners end when the tasks are dropped. A dry run leaves no trace, and what is pressed is for
    /// the one that spoke: it does not listen.
    pub(crate) fn listen(&self, ears: &mpsc::Sender<Inbound>) -> tokio::task::JoinSet<()> {
        let mut listeners = tokio::task::JoinSet::new();
        if self.dry_run {
            return listeners;
        }
        for (channel, carrier) in &self.dispatcher.carriers {
            let bookmark = self.store.cursor(*channel).unwrap_or_default();
            listeners.spawn(Arc::clone(&carrier.alerter).listen(bookmark, ears.clone()));
        }
        listeners
    }

    /// Put a test on its way on these channels; each tells its outcome.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) fn begin_tests(
        &mut self,
        channels: &[Channel],
    ) -> Result<Vec<(Channel, oneshot::Receiver<SendResult>)>, store::Error> {
        self.open_post()?;
        let mut outcomes = Vec::new();
        for channel in channels {
            self.store.queue_test(*channel, self.clock.now())?;
            let (tester, outcome) = oneshot::channel();
            self.dispatcher.testers.push((*channel, tester));
            outcomes.push((*channel, outcome));
        }
        Ok(outcomes)
    }

    /// Nobody will bring the tests back that are still out.
    pub(crate) fn give_up_tests(&mut self) {
        self.dispatcher.testers.clear();
    }

    /// How each channel does.
    pub(crate) fn channel_states(&self) -> Result<BTreeMap<Channel, ChannelState>, store::Error> {
        let known = if self.dispatcher.mark.is_some() { BTreeMap::new() } else { self.store.channel_backoffs()? };
        let state = |channel: Channel| {
            let Some(carrier) = self.dispatcher.carriers.get(&channel) else { return ChannelState::default() };
            let lane = known.get(&channel).unwrap_or(&carrier.lane);
            ChannelState {
                state: if lane.last_error.is_some() { ChannelHealth::Failing } else { ChannelHealth::Ok },
                reason: lane.last_error.clone(),
                next_try: lane.opens_at(),
                last_delivered: lane.delivered_at,
            }
        };
        Ok(Channel::OUTSIDE.into_iter().map(|channel| (channel, state(channel))).collect())
    }
}

/// A channel's trouble is logged when it changes, not at every try.
pub(crate) fn tell_change(channel: Channel, before: Option<&str>, now: Option<&str>) {
    match now {
        now if now == before => {}
        Some(trouble) => tracing::warn!("{channel}: {trouble}"),
        None => tracing::info!("{channel}: messages get through again"),
    }
}

/// Eight letters and digits by chance.
fn fresh_mark() -> String {
    use std::hash::{BuildHasher, Hasher};
    let random = std::hash::RandomState::new().build_hasher().finish();
    format!("{:08x}", random >> 32)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_mark_is_eight_letters_and_digits() {
        let mark = super::fresh_mark();
        assert!(mark.len() == 8 && mark.bytes().all(|b| b.is_ascii_hexdigit()), "{mark}");
    }
}
