//! Resolves as a property: over random histories with outages, unconfirmed sends, crashes, pauses, quiet hours and configuration
//! changes, every channel shows each resolve once, and no open alert is lost.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::{Alert, AlertKey, Category, Facts, Monitor, Priority};
use operator::core::channel::{Channel, Routing};
use operator::core::delivery::channel_backoff::{ChannelBackoff, SendWindow};
use operator::core::delivery::failure::{Failure, FailureKind};
use operator::core::delivery::message::MessageKind;
use operator::core::policy::incident_state::Pause;
use operator::core::policy::{PolicyContext, decide};
use operator::core::rules::Evaluation;
use operator::store::outbox::claim::{ClaimOptions, OutboxBatch};
use operator::store::{CheckCommit, RetentionPolicy, Store};
use proptest::prelude::*;
use tempfile::TempDir;

const CHANNELS: [Channel; 2] = [Channel::Notification, Channel::Telegram];
const KEYS: u8 = 5;

#[derive(Debug, Clone)]
enum Event {
    Condition {
        key: u8,
        priority: Option<Priority>,
    },
    Check,
    Deliver,
    /// A check and a critical message while another message is in flight.
    SendDuringSend {
        which: usize,
        arrives_last: bool,
    },
    Channel {
        which: usize,
        mode: ChannelMode,
    },
    Crash {
        which: usize,
        seen: bool,
    },
    Restart,
    Pause(bool),
    Quiet(bool),
    Switch {
        which: usize,
        on: bool,
    },
    Acknowledge(u8),
    Snooze(u8),
    Pass(u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChannelMode {
    Works,
    Down,
    Rejects,
    /// No reply; the message was shown, or not.
    NoReply {
        seen: bool,
    },
}

/// The messages that one channel shows.
#[derive(Debug, Default)]
struct ChannelView {
    /// By message: its keys, and whether it shows them as resolved.
    messages: BTreeMap<String, BTreeMap<AlertKey, bool>>,
    next: u32,
    /// The batches that arrived, to recognise repetitions.
    arrived: BTreeMap<String, String>,
    /// Shown as open.
    open: BTreeMap<AlertKey, bool>,
    /// In a message without a confirmed result.
    unconfirmed: BTreeMap<AlertKey, bool>,
}

impl ChannelView {
    /// Shows a message and returns the id that the channel gives it.
    fn show(&mut self, batch: &OutboxBatch, keyed: bool) -> String {
        let content: BTreeMap<AlertKey, bool> =
            batch.items.iter().map(|item| (item.incident.alert.key.clone(), item.resolved)).collect();
        let known = self.arrived.get(&batch.id.to_string()).cloned();
        if let (Some(known), true) = (&known, keyed) {
            return known.clone();
        }
        let slot = match (&batch.replaces, batch.kind) {
            (Some(replaced), MessageKind::Update) => replaced.clone(),
            _ => {
                self.next += 1;
                self.next.to_string()
            }
        };
        let before = self.messages.insert(slot.clone(), content.clone()).unwrap_or_default();
        for (key, resolved) in content {
            if !resolved {
                assert!(
                    batch.kind == MessageKind::New
                        || self.open.contains_key(&key)
                        || self.unconfirmed.contains_key(&key)
                );
                self.open.insert(key, true);
            } else if before.get(&key) != Some(&true) {
                let was_open = self.open.remove(&key).is_some();
                let was_unconfirmed = self.unconfirmed.remove(&key).is_some();
                let repeated = known.is_some();
                assert!(was_open || was_unconfirmed || repeated, "{key}: resolved, and it was never shown");
            }
        }
        self.arrived.insert(batch.id.to_string(), slot.clone());
        slot
    }
}

struct World {
    _folder: TempDir,
    path: PathBuf,
    store: Option<Store>,
    now: Timestamp,
    journal_days: u32,
    conditions: BTreeMap<u8, Priority>,
    mode: [ChannelMode; 2],
    on: [bool; 2],
    paused: bool,
    quiet: bool,
    views: [ChannelView; 2],
    /// An event happened after which an open alert need not be shown.
    may_be_unseen: bool,
}

fn key(number: u8) -> AlertKey {
    AlertKey::with_entity(Category::Task, "deadline_overdue", &format!("k{number}"))
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operator.db");
        let mut world = Self {
            _folder: folder,
            path,
            store: None,
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            journal_days: 400,
            conditions: BTreeMap::new(),
            mode: [ChannelMode::Works; 2],
            on: [true; 2],
            paused: false,
            quiet: false,
            views: [ChannelView::default(), ChannelView::default()],
            may_be_unseen: false,
        };
        world.restart();
        world
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn restart(&mut self) {
        drop(self.store.take());
        let mut store = Store::open(&self.path, self.now).unwrap().store;
        let on: Vec<Channel> =
            CHANNELS.into_iter().zip(self.on).filter(|(_, on)| *on).map(|(channel, _)| channel).collect();
        store.recover_outbox(&on, self.now).unwrap();
        self.store = Some(store);
    }

    fn send_window(&self) -> SendWindow {
        if self.paused {
            SendWindow::Closed
        } else if self.quiet {
            SendWindow::CriticalOnly
        } else {
            SendWindow::Open
        }
    }

    fn check(&mut self) {
        let alert = |(number, priority): (&u8, &Priority)| Alert {
            key: key(*number),
            priority: *priority,
            title: format!("k{number}"),
            message: "because".into(),
            facts: Facts::new(),
            monitor: Monitor::Tasks,
            at: self.now,
            occasion: None,
        };
        let alerts: Vec<Alert> = self.conditions.iter().map(alert).collect();
        let fired = alerts.iter().map(|alert| alert.key.clone()).collect();
        let evaluation =
            Evaluation { alerts, evaluated: ["task:deadline_overdue".into()].into(), unknown_entities: [].into() };
        let least = [Priority::Medium, Priority::High];
        let routes = CHANNELS.into_iter().zip(least).zip(self.on).filter(|(_, on)| *on).map(|(route, _)| route);
        let routing = Routing(routes.collect());
        let (now, quiet, journal_days) = (self.now, self.quiet, self.journal_days);
        let pause = self.paused.then_some(Pause::UntilResumed);
        let store = self.store();
        store.set_pause(pause).unwrap();
        let state = store.incident_state().unwrap();
        let context = PolicyContext {
            now,
            quiet,
            in_event: false,
            min_window: SignedDuration::from_mins(10),
            max_alerts: 2,
            disabled_monitors: &[],
            routing: &routing,
        };
        let decisions = decide(vec![evaluation], &state, &context);
        let check = CheckCommit {
            at: now,
            fired_keys: &fired,
            decisions: &decisions,
            incident_state: &state,
            health_days: &[],
            rest_mode: None,
            snapshot_diffs: &[],
            aliases: None,
            circuits: &BTreeMap::new(),
            monitors: &BTreeMap::new(),
            is_final: true,
            retention: RetentionPolicy { journal_days, history_days: 3660 },
        };
        self.store().commit(&check).unwrap();
    }

    fn claim(&mut self, which: usize) -> Option<OutboxBatch> {
        self.claim_with(which, false)
    }

    fn claim_with(&mut self, which: usize, urgent_only: bool) -> Option<OutboxBatch> {
        if !self.on[which] {
            return None;
        }
        let (options, now) = (ClaimOptions { send_window: self.send_window(), urgent_only, max_separate: 2 }, self.now);
        let batch = self.store().claim_next(CHANNELS[which], options, now).unwrap()?;
        assert!(!batch.items.is_empty(), "a message without items");
        if batch.kind == MessageKind::New {
            for item in &batch.items {
                assert!(item.incident.open && !item.incident.acknowledged, "a new message about a closed alert");
            }
        }
        Some(batch)
    }

    /// The result is unknown: the message may come again, and its alerts may be shown or resolved again.
    fn mark_unconfirmed(&mut self, which: usize, batch: &OutboxBatch) {
        let shown = batch.items.iter().filter(|item| item.resolved || batch.kind == MessageKind::New);
        let keys = shown.map(|item| (item.incident.alert.key.clone(), true));
        self.views[which].unconfirmed.extend(keys);
    }

    /// Sends until nothing is pending or the channel fails.
    fn deliver(&mut self, which: usize) {
        for _ in 0..100 {
            let Some(batch) = self.claim(which) else { return };
            let mode = self.mode[which];
            let result = match mode {
                ChannelMode::Works => Ok(Some(self.views[which].show(&batch, which == 0))),
                ChannelMode::Down => Err(Failure::retryable("down")),
                ChannelMode::Rejects => {
                    self.may_be_unseen = true;
                    if batch.kind == MessageKind::Update {
                        let resolved = batch.items.iter().filter(|item| item.resolved);
                        for key in resolved.map(|item| &item.incident.alert.key) {
                            // The update failed for good; another message may resolve the alert.
                            self.views[which].open.remove(key);
                            self.views[which].unconfirmed.insert(key.clone(), true);
                        }
                    }
                    Err(Failure::permanent("no", ""))
                }
                ChannelMode::NoReply { seen } => {
                    if seen {
                        self.views[which].show(&batch, which == 0);
                    }
                    self.mark_unconfirmed(which, &batch);
                    Err(Failure::new(FailureKind::Unconfirmed, "no reply"))
                }
            };
            let (backoff, now) = (ChannelBackoff::new(0), self.now);
            self.store().record_result(&batch, &result, &backoff, now).unwrap();
            if matches!(mode, ChannelMode::Down | ChannelMode::NoReply { .. }) {
                return;
            }
        }
        panic!("the queue does not end");
    }

    fn confirm(&mut self, which: usize, batch: &OutboxBatch) {
        let result = Ok(Some(self.views[which].show(batch, which == 0)));
        let (backoff, now) = (ChannelBackoff::new(0), self.now);
        self.store().record_result(batch, &result, &backoff, now).unwrap();
    }

    /// The slow message is confirmed last, and was shown first or last.
    fn send_during_send(&mut self, which: usize, arrives_last: bool) {
        let Some(slow) = self.claim(which) else { return };
        if !arrives_last {
            self.views[which].show(&slow, which == 0);
        }
        self.check();
        if let Some(urgent) = self.claim_with(which, true) {
            self.confirm(which, &urgent);
        }
        if arrives_last {
            self.confirm(which, &slow);
        } else {
            let result = Ok(self.views[which].arrived.get(&slow.id.to_string()).cloned());
            let (backoff, now) = (ChannelBackoff::new(0), self.now);
            self.store().record_result(&slow, &result, &backoff, now).unwrap();
        }
    }

    fn apply(&mut self, event: &Event) {
        match *event {
            Event::Condition { key, priority: Some(priority) } => drop(self.conditions.insert(key, priority)),
            Event::Condition { key, priority: None } => drop(self.conditions.remove(&key)),
            Event::Check => self.check(),
            Event::Deliver => (0..2).for_each(|which| self.deliver(which)),
            Event::SendDuringSend { which, arrives_last } => self.send_during_send(which, arrives_last),
            Event::Channel { which, mode } => self.mode[which] = mode,
            Event::Crash { which, seen } => {
                if let Some(batch) = self.claim(which) {
                    if seen {
                        self.views[which].show(&batch, which == 0);
                    }
                    self.mark_unconfirmed(which, &batch);
                }
                self.restart();
            }
            Event::Restart => self.restart(),
            Event::Pause(on) => self.paused = on,
            Event::Quiet(on) => self.quiet = on,
            Event::Switch { which, on } => {
                self.may_be_unseen |= self.on[which] && !on;
                self.on[which] = on;
                self.restart();
            }
            Event::Acknowledge(number) => {
                self.may_be_unseen = true;
                let now = self.now;
                let acknowledge = |incident: &mut operator::core::policy::incident_state::Incident| {
                    let is_new = incident.open && !incident.acknowledged;
                    incident.acknowledged = incident.open;
                    is_new
                };
                self.store().update_incident(&key(number), now, acknowledge).unwrap();
            }
            Event::Snooze(number) => {
                self.may_be_unseen = true;
                let now = self.now;
                let until = now + SignedDuration::from_hours(1);
                let snooze = |incident: &mut operator::core::policy::incident_state::Incident| {
                    incident.snoozed_until = Some(until);
                    true
                };
                self.store().update_incident(&key(number), now, snooze).unwrap();
            }
            Event::Pass(minutes) => self.now += SignedDuration::from_mins(minutes.into()),
        }
    }

    /// All channels work, without a pause or quiet hours.
    fn restore_everything(&mut self) {
        (self.mode, self.on, self.paused, self.quiet) = ([ChannelMode::Works; 2], [true; 2], false, false);
        self.restart();
        // Longer than any duplicate window.
        self.now += SignedDuration::from_hours(25);
    }

    fn assert_audit_consistent(&mut self) {
        let now = self.now;
        let audit = self.store().audit(now).unwrap();
        assert!(audit.is_consistent(), "{audit:?}");
    }

    fn assert_nothing_pending(&mut self) {
        for (channel, depth) in self.store().outbox_depth().unwrap() {
            assert_eq!(depth.pending, 0, "{channel}");
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let priority = prop::sample::select(vec![Priority::Medium, Priority::High, Priority::Critical]);
    let mode = prop::sample::select(vec![
        ChannelMode::Works,
        ChannelMode::Works,
        ChannelMode::Down,
        ChannelMode::Rejects,
        ChannelMode::NoReply { seen: true },
        ChannelMode::NoReply { seen: false },
    ]);
    prop_oneof![
        6 => (0..KEYS, prop::option::of(priority)).prop_map(|(key, priority)| Event::Condition { key, priority }),
        8 => Just(Event::Check),
        8 => Just(Event::Deliver),
        3 => (0..2_usize, any::<bool>()).prop_map(|(which, arrives_last)| Event::SendDuringSend { which, arrives_last }),
        3 => (0..2_usize, mode).prop_map(|(which, mode)| Event::Channel { which, mode }),
        2 => (0..2_usize, any::<bool>()).prop_map(|(which, seen)| Event::Crash { which, seen }),
        1 => Just(Event::Restart),
        1 => any::<bool>().prop_map(Event::Pause),
        1 => any::<bool>().prop_map(Event::Quiet),
        1 => (0..2_usize, any::<bool>()).prop_map(|(which, on)| Event::Switch { which, on }),
        1 => (0..KEYS).prop_map(Event::Acknowledge),
        1 => (0..KEYS).prop_map(Event::Snooze),
        3 => (1..600_u16).prop_map(Event::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn resolves_and_alerts_reach_every_channel(events in prop::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in &events {
            world.apply(event);
            world.assert_audit_consistent();
        }
        world.restore_everything();
        world.check();
        (0..2).for_each(|which| world.deliver(which));
        world.assert_nothing_pending();
        if !world.may_be_unseen {
            for (which, least) in [(0, Priority::Medium), (1, Priority::High)] {
                let open = world.conditions.iter().filter(|(_, priority)| **priority >= least);
                for (number, _) in open {
                    prop_assert!(world.views[which].open.contains_key(&key(*number)), "{} is not shown on {}", number, CHANNELS[which]);
                }
            }
        }
        world.conditions.clear();
        world.now += SignedDuration::from_hours(2);
        world.check();
        (0..2).for_each(|which| world.deliver(which));
        world.assert_nothing_pending();
        for (which, channel) in CHANNELS.into_iter().enumerate() {
            prop_assert!(world.views[which].open.is_empty(), "{channel} still shows {:?}", world.views[which].open);
        }
    }

    /// With a clock that jumps, and a journal that is kept for one day.
    #[test]
    fn audit_stays_consistent_after_expiry(events in prop::collection::vec((-20..40_i64, event()), 1..60)) {
        let mut world = World { journal_days: 1, ..World::new() };
        for (hours, event) in &events {
            world.now += SignedDuration::from_hours(*hours);
            world.apply(event);
            world.assert_audit_consistent();
        }
    }
}
