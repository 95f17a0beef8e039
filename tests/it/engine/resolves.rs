//! The resolve contract as a property: over random histories with outages, doubts, crashes, pauses, quiet hours and changes of
//! the configuration, whatever was told on a channel is taken back there exactly once, and nothing that holds is lost.

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

/// What can happen.
#[derive(Debug, Clone)]
enum Event {
    Condition {
        key: u8,
        priority: Option<Priority>,
    },
    Check,
    Deliver,
    /// A message goes to a slow server; a check and something critical go beside it.
    Beside {
        which: usize,
        seen_late: bool,
    },
    Channel {
        which: usize,
        weather: Weather,
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

/// How a channel answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fine,
    Down,
    Refuses,
    /// No answer comes; the message was shown, or not.
    Mute {
        seen: bool,
    },
}

/// What a person sees on one channel.
#[derive(Debug, Default)]
struct Screen {
    /// Message by message, the keys that it shows, and whether as resolved.
    messages: BTreeMap<String, BTreeMap<AlertKey, bool>>,
    next: u32,
    /// Ids that arrived, to tell repetitions.
    arrived: BTreeMap<String, String>,
    /// By key: told and not taken back.
    standing: BTreeMap<AlertKey, bool>,
    /// By key: in a message that nobody knows the fate of.
    doubted: BTreeMap<AlertKey, bool>,
}

impl Screen {
    /// Show a message; gives what the channel calls it.
    fn show(&mut self, parcel: &OutboxBatch, keyed: bool) -> String {
        let content: BTreeMap<AlertKey, bool> =
            parcel.items.iter().map(|member| (member.incident.alert.key.clone(), member.resolved)).collect();
        let known = self.arrived.get(&parcel.id.to_string()).cloned();
        if let (Some(known), true) = (&known, keyed) {
            return known.clone();
        }
        let place = match (&parcel.replaces, parcel.kind) {
            (Some(place), MessageKind::Update) => place.clone(),
            _ => {
                self.next += 1;
                self.next.to_string()
            }
        };
        let before = self.messages.insert(place.clone(), content.clone()).unwrap_or_default();
        for (key, resolved) in content {
            if !resolved {
                assert!(
                    parcel.kind == MessageKind::New
                        || self.standing.contains_key(&key)
                        || self.doubted.contains_key(&key)
                );
                self.standing.insert(key, true);
            } else if before.get(&key) != Some(&true) {
                let stood = self.standing.remove(&key).is_some();
                let doubted = self.doubted.remove(&key).is_some();
                let repeated = known.is_some();
                assert!(stood || doubted || repeated, "{key}: taken back, and it was never told");
            }
        }
        self.arrived.insert(parcel.id.to_string(), place.clone());
        place
    }
}

struct World {
    _folder: TempDir,
    path: PathBuf,
    store: Option<Store>,
    now: Timestamp,
    /// How long the journal is kept (days).
    keep: u32,
    conditions: BTreeMap<u8, Priority>,
    weather: [Weather; 2],
    on: [bool; 2],
    paused: bool,
    quiet: bool,
    screens: [Screen; 2],
    /// Whether anything happened after which an alert need not be seen.
    excused: bool,
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
            keep: 400,
            conditions: BTreeMap::new(),
            weather: [Weather::Fine; 2],
            on: [true; 2],
            paused: false,
            quiet: false,
            screens: [Screen::default(), Screen::default()],
            excused: false,
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

    fn gate(&self) -> SendWindow {
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
        let found = alerts.iter().map(|alert| alert.key.clone()).collect();
        let evaluation =
            Evaluation { alerts, evaluated: ["task:deadline_overdue".into()].into(), unknown_entities: [].into() };
        let least = [Priority::Medium, Priority::High];
        let routes = CHANNELS.into_iter().zip(least).zip(self.on).filter(|(_, on)| *on).map(|(route, _)| route);
        let routing = Routing(routes.collect());
        let (now, quiet, journal_days) = (self.now, self.quiet, self.keep);
        let pause = self.paused.then_some(Pause::UntilResumed);
        let store = self.store();
        store.set_pause(pause).unwrap();
        let memory = store.incident_state().unwrap();
        let circumstances = PolicyContext {
            now,
            quiet,
            in_event: false,
            min_window: SignedDuration::from_mins(10),
            max_alerts: 2,
            disabled_monitors: &[],
            routing: &routing,
        };
        let verdicts = decide(vec![evaluation], &memory, &circumstances);
        let record = CheckCommit {
            at: now,
            fired_keys: &found,
            decisions: &verdicts,
            incident_state: &memory,
            health_days: &[],
            rest_mode: None,
            snapshot_diffs: &[],
            aliases: None,
            circuits: &BTreeMap::new(),
            monitors: &BTreeMap::new(),
            is_final: true,
            retention: RetentionPolicy { journal_days, history_days: 3660 },
        };
        self.store().commit(&record).unwrap();
    }

    fn take(&mut self, which: usize) -> Option<OutboxBatch> {
        self.take_some(which, false)
    }

    fn take_some(&mut self, which: usize, only_urgent: bool) -> Option<OutboxBatch> {
        if !self.on[which] {
            return None;
        }
        let (access, now) =
            (ClaimOptions { send_window: self.gate(), urgent_only: only_urgent, max_separate: 2 }, self.now);
        let parcel = self.store().claim_next(CHANNELS[which], access, now).unwrap()?;
        assert!(!parcel.items.is_empty(), "a message that tells nothing");
        if parcel.kind == MessageKind::New {
            for member in &parcel.items {
                assert!(member.incident.open && !member.incident.acknowledged, "told, and it does not hold");
            }
        }
        Some(parcel)
    }

    /// Nobody knows whether it was seen: it may come again, and what it told or took back may be told or taken back again.
    fn doubt(&mut self, which: usize, parcel: &OutboxBatch) {
        let told = parcel.items.iter().filter(|member| member.resolved || parcel.kind == MessageKind::New);
        let keys = told.map(|member| (member.incident.alert.key.clone(), true));
        self.screens[which].doubted.extend(keys);
    }

    /// Send until nothing waits or the channel fails.
    fn deliver(&mut self, which: usize) {
        for _ in 0..100 {
            let Some(parcel) = self.take(which) else { return };
            let weather = self.weather[which];
            let fate = match weather {
                Weather::Fine => Ok(Some(self.screens[which].show(&parcel, which == 0))),
                Weather::Down => Err(Failure::retryable("down")),
                Weather::Refuses => {
                    self.excused = true;
                    if parcel.kind == MessageKind::Update {
                        let over = parcel.items.iter().filter(|member| member.resolved);
                        for key in over.map(|member| &member.incident.alert.key) {
                            // It is parked; something else may take it back.
                            self.screens[which].standing.remove(key);
                            self.screens[which].doubted.insert(key.clone(), true);
                        }
                    }
                    Err(Failure::permanent("no", ""))
                }
                Weather::Mute { seen } => {
                    if seen {
                        self.screens[which].show(&parcel, which == 0);
                    }
                    self.doubt(which, &parcel);
                    Err(Failure::new(FailureKind::Unconfirmed, "mute"))
                }
            };
            let (lane, now) = (ChannelBackoff::new(0), self.now);
            self.store().record_result(&parcel, &fate, &lane, now).unwrap();
            if matches!(weather, Weather::Down | Weather::Mute { .. }) {
                return;
            }
        }
        panic!("the queue does not end");
    }

    fn arrive(&mut self, which: usize, parcel: &OutboxBatch) {
        let fate = Ok(Some(self.screens[which].show(parcel, which == 0)));
        let (lane, now) = (ChannelBackoff::new(0), self.now);
        self.store().record_result(parcel, &fate, &lane, now).unwrap();
    }

    /// The slow one is answered last, and was seen first or last.
    fn send_beside(&mut self, which: usize, seen_late: bool) {
        let Some(slow) = self.take(which) else { return };
        if !seen_late {
            self.screens[which].show(&slow, which == 0);
        }
        self.check();
        if let Some(urgent) = self.take_some(which, true) {
            self.arrive(which, &urgent);
        }
        if seen_late {
            self.arrive(which, &slow);
        } else {
            let fate = Ok(self.screens[which].arrived.get(&slow.id.to_string()).cloned());
            let (lane, now) = (ChannelBackoff::new(0), self.now);
            self.store().record_result(&slow, &fate, &lane, now).unwrap();
        }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Condition { key, priority: Some(priority) } => drop(self.conditions.insert(key, priority)),
            Event::Condition { key, priority: None } => drop(self.conditions.remove(&key)),
            Event::Check => self.check(),
            Event::Deliver => (0..2).for_each(|which| self.deliver(which)),
            Event::Beside { which, seen_late } => self.send_beside(which, seen_late),
            Event::Channel { which, weather } => self.weather[which] = weather,
            Event::Crash { which, seen } => {
                if let Some(parcel) = self.take(which) {
                    if seen {
                        self.screens[which].show(&parcel, which == 0);
                    }
                    self.doubt(which, &parcel);
                }
                self.restart();
            }
            Event::Restart => self.restart(),
            Event::Pause(on) => self.paused = on,
            Event::Quiet(on) => self.quiet = on,
            Event::Switch { which, on } => {
                self.excused |= self.on[which] && !on;
                self.on[which] = on;
                self.restart();
            }
            Event::Acknowledge(number) => {
                self.excused = true;
                let now = self.now;
                let acknowledge = |incident: &mut operator::core::policy::incident_state::Incident| {
                    let news = incident.open && !incident.acknowledged;
                    incident.acknowledged = incident.open;
                    news
                };
                self.store().update_incident(&key(number), now, acknowledge).unwrap();
            }
            Event::Snooze(number) => {
                self.excused = true;
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

    /// Everything works and nothing holds anything back.
    fn fair_weather(&mut self) {
        (self.weather, self.on, self.paused, self.quiet) = ([Weather::Fine; 2], [true; 2], false, false);
        self.restart();
        // Longer than any window in which what came back would be a duplicate.
        self.now += SignedDuration::from_hours(25);
    }

    fn all_is_accounted_for(&mut self) {
        let now = self.now;
        let audit = self.store().audit(now).unwrap();
        assert!(audit.is_consistent(), "{audit:?}");
    }

    fn nothing_waits(&mut self) {
        for (channel, depth) in self.store().outbox_depth().unwrap() {
            assert_eq!(depth.pending, 0, "{channel}");
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let priority = prop::sample::select(vec![Priority::Medium, Priority::High, Priority::Critical]);
    let weather = prop::sample::select(vec![
        Weather::Fine,
        Weather::Fine,
        Weather::Down,
        Weather::Refuses,
        Weather::Mute { seen: true },
        Weather::Mute { seen: false },
    ]);
    prop_oneof![
        6 => (0..KEYS, prop::option::of(priority)).prop_map(|(key, priority)| Event::Condition { key, priority }),
        8 => Just(Event::Check),
        8 => Just(Event::Deliver),
        3 => (0..2_usize, any::<bool>()).prop_map(|(which, seen_late)| Event::Beside { which, seen_late }),
        3 => (0..2_usize, weather).prop_map(|(which, weather)| Event::Channel { which, weather }),
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
            world.happen(event);
            world.all_is_accounted_for();
        }
        world.fair_weather();
        world.check();
        (0..2).for_each(|which| world.deliver(which));
        world.nothing_waits();
        if !world.excused {
            for (which, least) in [(0, Priority::Medium), (1, Priority::High)] {
                let held = world.conditions.iter().filter(|(_, priority)| **priority >= least);
                for (number, _) in held {
                    prop_assert!(world.screens[which].standing.contains_key(&key(*number)), "{} is not told on {}", number, CHANNELS[which]);
                }
            }
        }
        world.conditions.clear();
        world.now += SignedDuration::from_hours(2);
        world.check();
        (0..2).for_each(|which| world.deliver(which));
        world.nothing_waits();
        for (which, channel) in CHANNELS.into_iter().enumerate() {
            prop_assert!(world.screens[which].standing.is_empty(), "{channel} still shows {:?}", world.screens[which].standing);
        }
    }

    /// The same histories on a clock that strays, with a journal that forgets after a day.
    #[test]
    fn audit_stays_consistent_after_expiry(events in prop::collection::vec((-20..40_i64, event()), 1..60)) {
        let mut world = World { keep: 1, ..World::new() };
        for (hours, event) in &events {
            world.now += SignedDuration::from_hours(*hours);
            world.happen(event);
            world.all_is_accounted_for();
        }
    }
}
