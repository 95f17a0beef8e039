//! Policy: every reason in a table, and its promises as properties over random histories.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use strum::VariantArray;

use jiff::{SignedDuration, Timestamp};
use operator::core::alert::{Alert, AlertKey, Category, Facts, Monitor, Priority};
use operator::core::channel::{Channel, Routing};
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::core::policy::incident_state::{IncidentState, Pause};
use operator::core::policy::{PolicyContext, decide};
use operator::core::rules::Evaluation;
use proptest::prelude::*;
use rstest::rstest;

const HOUR: i64 = 3600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn key(category: Category, name: &str) -> AlertKey {
    let kind = match category {
        Category::Health => "readiness_low",
        Category::Task => "deadline_overdue",
        Category::Pattern => "procrastination",
        Category::System => "source_unavailable",
        Category::Exec => "disk",
    };
    AlertKey::with_entity(category, kind, name)
}

fn rule(category: Category) -> Cow<'static, str> {
    Cow::Borrowed(match category {
        Category::Health => "health:readiness_low",
        Category::Task => "task:deadline_overdue",
        Category::Pattern => "pattern:procrastination",
        Category::System => "system:source_unavailable",
        Category::Exec => "exec:disk",
    })
}

fn alert(category: Category, name: &str, priority: Priority) -> Alert {
    Alert {
        key: key(category, name),
        priority,
        title: format!("{name} {priority}"),
        message: "because".into(),
        facts: Facts::new(),
        monitor: Monitor::Tasks,
        at: at(0),
        occasion: None,
    }
}

fn slot(alert: Alert, occasion: &str) -> Alert {
    Alert { occasion: Some(occasion.into()), ..alert }
}

fn routing() -> Routing {
    Routing(vec![(Channel::Notification, Priority::Medium), (Channel::Telegram, Priority::High)])
}

/// What a test plays with: policy and its memory over time.
struct User {
    memory: IncidentState,
    quiet: bool,
    in_event: bool,
    max_alerts: usize,
    min_window: i64,
    disabled_monitors: Vec<Monitor>,
}

impl User {
    fn new() -> Self {
        Self {
            memory: IncidentState::default(),
            quiet: false,
            in_event: false,
            max_alerts: 20,
            min_window: HOUR,
            disabled_monitors: vec![],
        }
    }

    fn check(&mut self, second: i64, alerts: Vec<Alert>) -> Vec<PolicyDecision> {
        self.evaluate(second, &[Evaluation { alerts, evaluated: all_rules(), unknown_entities: BTreeSet::new() }])
    }

    fn evaluate(&mut self, second: i64, evaluations: &[Evaluation]) -> Vec<PolicyDecision> {
        let routing = routing();
        let circumstances = PolicyContext {
            now: at(second),
            quiet: self.quiet,
            in_event: self.in_event,
            min_window: SignedDuration::from_secs(self.min_window),
            max_alerts: self.max_alerts,
            disabled_monitors: &self.disabled_monitors,
            routing: &routing,
        };
        let outcomes = decide(evaluations.to_vec(), &self.memory, &circumstances);
        for outcome in &outcomes {
            let incident = self.memory.incident_after(outcome, at(second));
            self.memory.incidents.insert(outcome.alert.key.clone(), incident);
        }
        outcomes
    }

    fn one(&mut self, second: i64, alert: Alert) -> (Decision, Reason) {
        let outcomes = self.check(second, vec![alert]);
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
        (outcomes[0].decision, outcomes[0].reason)
    }
}

fn all_rules() -> BTreeSet<Cow<'static, str>> {
    Category::VARIANTS.iter().copied().map(rule).collect()
}

use Decision::{Coalesce, Deliver, Hold, Resolve, Suppress};

#[rstest]
#[case::critical(Category::Task, Priority::Critical, HOUR)]
#[case::health(Category::Health, Priority::High, 4 * HOUR)]
#[case::task(Category::Task, Priority::High, 24 * HOUR)]
#[case::pattern(Category::Pattern, Priority::Medium, 7 * 24 * HOUR)]
#[case::system(Category::System, Priority::Medium, 24 * HOUR)]
#[case::program(Category::Exec, Priority::High, 4 * HOUR)]
fn window_ends_to_the_second(#[case] category: Category, #[case] priority: Priority, #[case] window: i64) {
    let mut user = User::new();
    let alert = || alert(category, "a", priority);
    assert_eq!(user.one(0, alert()), (Deliver, Reason::First));
    assert_eq!(user.one(1, alert()), (Suppress, Reason::Duplicate));
    assert_eq!(user.one(window - 1, alert()), (Suppress, Reason::Duplicate));
    assert_eq!(user.one(window, alert()), (Deliver, Reason::Repeat));
}

#[test]
fn no_window_is_under_the_least() {
    let mut user = User { min_window: 6 * HOUR, ..User::new() };
    let critical = || alert(Category::Health, "a", Priority::Critical);
    user.one(0, critical());
    assert_eq!(user.one(5 * HOUR, critical()), (Suppress, Reason::Duplicate));
    assert_eq!(user.one(6 * HOUR, critical()), (Deliver, Reason::Repeat));
}

#[test]
fn escalation_in_window_is_sent() {
    let mut user = User::new();
    let health = |priority| alert(Category::Health, "a", priority);
    user.one(0, health(Priority::Medium));
    assert_eq!(user.one(60, health(Priority::High)), (Deliver, Reason::Escalated));
    assert_eq!(user.one(120, health(Priority::Medium)), (Suppress, Reason::Duplicate));
    assert_eq!(user.one(180, health(Priority::High)), (Suppress, Reason::Duplicate));
    assert_eq!(user.one(240, health(Priority::Critical)), (Deliver, Reason::Escalated));
}

#[test]
fn occasion_is_sent_once() {
    let mut user = User::new();
    let task = |occasion| slot(alert(Category::Task, "a", Priority::Medium), occasion);
    assert_eq!(user.one(0, task("2026-11-20T09")), (Deliver, Reason::First));
    assert_eq!(user.one(4 * HOUR, task("2026-11-20T09")), (Suppress, Reason::Duplicate));
    assert_eq!(user.one(5 * HOUR, task("2026-11-20T14")), (Deliver, Reason::Repeat));
    assert_eq!(user.one(40 * HOUR, task("2026-11-20T14")), (Suppress, Reason::Duplicate));
    assert_eq!(user.one(48 * HOUR, task("2026-11-21T09")), (Deliver, Reason::Repeat));
    assert_eq!(user.one(48 * HOUR + 600, task("2026-11-21T14")), (Suppress, Reason::Duplicate));
    assert_eq!(user.one(49 * HOUR, task("2026-11-21T14")), (Deliver, Reason::Repeat));
}

#[test]
fn flapping_alert_is_sent_once_per_window() {
    let mut user = User::new();
    let health = || alert(Category::Health, "a", Priority::High);
    user.one(0, health());
    assert_eq!(user.check(60, vec![])[0].decision, Resolve);
    assert_eq!(user.one(120, health()), (Suppress, Reason::Duplicate));
    assert_eq!(user.check(180, vec![])[0].decision, Resolve);
    assert_eq!(user.one(4 * HOUR, health()), (Deliver, Reason::First), "a new incident, notified for the first time");
}

#[test]
fn acknowledgement_ends_with_incident() {
    let mut user = User::new();
    let task = || alert(Category::Task, "a", Priority::High);
    user.one(0, task());
    user.memory.incidents.get_mut(&key(Category::Task, "a")).unwrap().acknowledged = true;
    assert_eq!(user.one(25 * HOUR, task()), (Suppress, Reason::Acknowledged));
    assert_eq!(user.one(26 * HOUR, alert(Category::Task, "a", Priority::Critical)), (Suppress, Reason::Acknowledged));
    assert_eq!(user.check(27 * HOUR, vec![])[0].decision, Resolve);
    assert_eq!(user.one(28 * HOUR, task()), (Deliver, Reason::First));
}

#[test]
fn snoozed_alert_is_sent_after_its_time() {
    let mut user = User::new();
    let task = || alert(Category::Task, "a", Priority::High);
    user.one(0, task());
    user.memory.incidents.get_mut(&key(Category::Task, "a")).unwrap().snoozed_until = Some(at(HOUR));
    assert_eq!(user.one(HOUR - 1, task()), (Suppress, Reason::Snoozed));
    assert_eq!(user.one(HOUR, task()), (Deliver, Reason::Repeat), "though its window is a day");
    assert_eq!(user.one(HOUR + 1, task()), (Suppress, Reason::Duplicate));
}

#[test]
fn quiet_hours_hold_until_one_digest() {
    let mut user = User { quiet: true, ..User::new() };
    let high = || alert(Category::Task, "high", Priority::High);
    let medium = || alert(Category::Health, "medium", Priority::Medium);
    let critical = || alert(Category::Health, "critical", Priority::Critical);
    let gone = alert(Category::Task, "gone", Priority::High);
    let night = user.check(0, vec![medium(), high(), critical(), gone]);
    assert_eq!(
        decisions(&night),
        [
            ("health:readiness_low:critical", Deliver, Reason::First),
            ("task:deadline_overdue:gone", Hold, Reason::QuietHours),
            ("task:deadline_overdue:high", Hold, Reason::QuietHours),
            ("health:readiness_low:medium", Hold, Reason::QuietHours),
        ]
    );
    user.quiet = false;
    let morning = user.check(60, vec![medium(), high(), critical()]);
    assert_eq!(
        decisions(&morning),
        [
            ("health:readiness_low:critical", Suppress, Reason::Duplicate),
            ("task:deadline_overdue:high", Coalesce, Reason::Digest),
            ("health:readiness_low:medium", Coalesce, Reason::Digest),
            ("task:deadline_overdue:gone", Resolve, Reason::Resolved),
        ]
    );
    assert_eq!(morning[1].channels, [Channel::Journal, Channel::Notification, Channel::Telegram]);
    assert_eq!(morning[2].channels, morning[1].channels, "a digest goes where its most urgent member goes");
    assert_eq!(morning[3].channels, [Channel::Journal], "what was never notified needs no update");
    let later = user.check(120, vec![medium(), high(), critical()]);
    assert!(later.iter().all(|v| v.reason == Reason::Duplicate), "a digest is an announcement");
}

fn decisions(outcomes: &[PolicyDecision]) -> Vec<(&str, Decision, Reason)> {
    outcomes.iter().map(|v| (v.alert.key.as_str(), v.decision, v.reason)).collect()
}

#[test]
fn pause_holds_everything() {
    let mut user = User::new();
    user.memory.pause = Some(Pause::Until(at(HOUR)));
    let critical = || alert(Category::Health, "a", Priority::Critical);
    assert_eq!(user.one(0, critical()), (Hold, Reason::Paused));
    assert_eq!(user.one(HOUR - 1, critical()), (Hold, Reason::Paused));
    assert_eq!(user.one(HOUR, critical()), (Coalesce, Reason::Digest));
    user.memory.pause = Some(Pause::UntilResumed);
    assert_eq!(user.one(1000 * HOUR, critical()), (Hold, Reason::Paused));
}

#[test]
fn storm_sends_urgent_alerts_and_one_digest() {
    let mut user = User { max_alerts: 2, ..User::new() };
    let mut alerts: Vec<Alert> = ["d", "c", "b", "a"].map(|n| alert(Category::Task, n, Priority::Medium)).into();
    alerts.push(alert(Category::Health, "h", Priority::High));
    alerts.extend(["x", "y", "z"].map(|n| alert(Category::Health, n, Priority::Critical)));
    let outcomes = user.check(0, alerts);
    let coalesced: Vec<&str> =
        outcomes.iter().filter(|v| v.decision == Coalesce).map(|v| v.alert.key.as_str()).collect();
    assert_eq!(coalesced, ["task:deadline_overdue:b", "task:deadline_overdue:c", "task:deadline_overdue:d"]);
    assert!(outcomes.iter().filter(|v| v.decision == Coalesce).all(|v| v.reason == Reason::Storm));
    assert_eq!(outcomes.iter().filter(|v| v.decision == Deliver).count(), 5);
    assert!(outcomes[..3].iter().all(|v| v.alert.priority == Priority::Critical), "the most urgent first");
}

#[test]
fn resolve_goes_to_the_notified_channels() {
    let mut user = User::new();
    user.one(0, alert(Category::Task, "a", Priority::High));
    let over = user.check(60, vec![]);
    assert_eq!((over[0].decision, over[0].reason), (Resolve, Reason::Resolved));
    assert_eq!(over[0].channels, [Channel::Journal, Channel::Notification, Channel::Telegram]);
    assert!(user.check(120, vec![]).is_empty(), "once");
}

#[test]
fn unevaluated_alert_is_not_resolved() {
    let mut user = User::new();
    user.one(0, alert(Category::Task, "a", Priority::High));
    assert!(user.evaluate(60, &[]).is_empty(), "no evaluation");
    let other = Evaluation { evaluated: BTreeSet::from([rule(Category::Health)]), ..Evaluation::default() };
    assert!(user.evaluate(60, &[other]).is_empty(), "another rule's evaluation");
    let except =
        Evaluation { evaluated: all_rules(), unknown_entities: BTreeSet::from(["a".to_owned()]), alerts: vec![] };
    assert!(user.evaluate(60, &[except]).is_empty(), "a row that could not be read");
    assert_eq!(user.check(60, vec![])[0].decision, Resolve);
}

#[test]
fn event_holds_alerts_until_one_digest() {
    let mut user = User { in_event: true, ..User::new() };
    let high = || alert(Category::Task, "high", Priority::High);
    assert_eq!(user.one(0, alert(Category::Health, "critical", Priority::Critical)), (Deliver, Reason::First));
    user.memory = IncidentState::default();
    assert_eq!(user.one(0, high()), (Hold, Reason::InEvent));
    assert_eq!(user.one(60, high()), (Hold, Reason::InEvent), "a meeting goes on");
    (user.quiet, user.in_event) = (true, false);
    assert_eq!(user.one(120, high()), (Hold, Reason::QuietHours), "and ends at night");
    user.quiet = false;
    assert_eq!(user.one(180, high()), (Coalesce, Reason::Digest));
    assert_eq!(user.one(240, high()), (Suppress, Reason::Duplicate));
}

#[test]
fn critical_escalation_passes_quiet_hours() {
    let mut user = User { quiet: true, ..User::new() };
    assert_eq!(user.one(0, alert(Category::Task, "a", Priority::High)), (Hold, Reason::QuietHours));
    assert_eq!(user.one(60, alert(Category::Task, "a", Priority::Critical)), (Deliver, Reason::First));
}

#[test]
fn disabled_monitor_resolves_its_alerts() {
    let mut user = User::new();
    user.one(0, alert(Category::Task, "a", Priority::High));
    user.disabled_monitors = vec![Monitor::Health];
    assert!(user.evaluate(60, &[]).is_empty());
    user.disabled_monitors = vec![Monitor::Tasks];
    assert_eq!(decisions(&user.evaluate(60, &[])), [("task:deadline_overdue:a", Resolve, Reason::Resolved)]);
}

#[test]
fn clock_set_back_does_not_silence() {
    let mut user = User::new();
    let task = || alert(Category::Task, "a", Priority::High);
    user.one(0, task());
    assert_eq!(user.one(-60, task()), (Suppress, Reason::Duplicate));
    assert_eq!(user.one(-400 * 24 * HOUR, task()).0, Deliver);
}

// --- properties over random histories ---

#[derive(Debug, Clone)]
enum Act {
    Pass(i64),
    Check(Vec<(u8, u8)>),
    Quiet(bool),
    Pause(Option<i64>),
    Resume,
    Acknowledge(u8),
    Snooze(u8, i64),
}

const CATEGORIES: [Category; 3] = [Category::Health, Category::Task, Category::Pattern];
const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Medium, Priority::High, Priority::Critical];

fn alert_of(number: u8, priority: u8) -> Alert {
    alert(CATEGORIES[usize::from(number) % 3], &format!("{number}"), PRIORITIES[usize::from(priority) % 4])
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let fired = prop::collection::btree_map(0u8..9, 0u8..4, 0..9).prop_map(|map| map.into_iter().collect());
    let act = prop_oneof![
        6 => fired.prop_map(Act::Check),
        6 => prop_oneof![Just(60), Just(900), Just(HOUR), Just(5 * HOUR), Just(30 * HOUR)].prop_map(Act::Pass),
        2 => any::<bool>().prop_map(Act::Quiet),
        1 => prop::option::of(60..8 * HOUR).prop_map(Act::Pause),
        1 => Just(Act::Resume),
        1 => (0u8..9).prop_map(Act::Acknowledge),
        1 => (0u8..9, 60..40 * HOUR).prop_map(|(n, t)| Act::Snooze(n, t)),
    ];
    prop::collection::vec(act, 1..60)
}

/// What an observer keeps to judge policy by, apart from policy's own memory.
#[derive(Default)]
struct Observer {
    notified: BTreeMap<AlertKey, (i64, Priority)>,
    held: BTreeMap<AlertKey, i64>,
    snoozes: BTreeMap<AlertKey, i64>,
}

impl Observer {
    fn see(&mut self, second: i64, user: &User, fired: &[Alert], outcomes: &[PolicyDecision]) {
        for alert in fired {
            let about: Vec<_> = outcomes.iter().filter(|v| v.alert.key == alert.key).collect();
            assert_eq!(about.len(), 1, "each fired alert has exactly one outcome");
            self.see_outcome(second, user, about[0]);
        }
        for over in outcomes.iter().filter(|v| v.decision == Resolve) {
            assert!(!fired.iter().any(|alert| alert.key == over.alert.key));
            self.held.remove(&over.alert.key);
        }
        let digests: BTreeSet<_> =
            outcomes.iter().filter(|v| v.decision == Coalesce).map(|v| v.channels.clone()).collect();
        assert!(digests.len() <= 1, "one digest a check, everywhere the same members");
    }

    fn see_outcome(&mut self, second: i64, user: &User, outcome: &PolicyDecision) {
        let key = outcome.alert.key.clone();
        let notified = matches!(outcome.decision, Deliver | Coalesce);
        if notified {
            self.not_twice_in_a_window(second, outcome);
            assert!(!user.memory.is_paused(at(second)), "notified in a pause");
            assert!(!user.quiet || outcome.alert.priority == Priority::Critical, "notified at night");
            self.notified.insert(key.clone(), (second, outcome.alert.priority));
        }
        match outcome.decision {
            Hold => drop(self.held.entry(key).or_insert(second)),
            _ if notified => {
                let waited = self.held.remove(&key).is_some();
                let together = outcome.decision == Coalesce;
                assert!(waited || !together || outcome.reason == Reason::Storm, "a digest of what did not wait");
                assert!(
                    !waited || together || user.quiet,
                    "what waited is notified together, but for the critical at night"
                );
            }
            Suppress if outcome.reason == Reason::Duplicate => {
                assert!(self.notified.contains_key(&key), "a duplicate of what was never notified");
            }
            _ => drop(self.held.remove(&key)),
        }
    }

    fn not_twice_in_a_window(&self, second: i64, outcome: &PolicyDecision) {
        let Some((before, priority)) = self.notified.get(&outcome.alert.key) else { return };
        let snoozed = self.snoozes.get(&outcome.alert.key).is_some_and(|until| before < until && *until <= second);
        let window = match (outcome.alert.priority, outcome.alert.key.category()) {
            (Priority::Critical, _) => HOUR,
            (_, Category::Health) => 4 * HOUR,
            (_, Category::Pattern) => 168 * HOUR,
            _ => 24 * HOUR,
        };
        let rose = outcome.alert.priority > *priority;
        assert!(rose || snoozed || second - before >= window, "notified twice within its window");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_is_notified_twice_or_lost(acts in acts()) {
        let mut user = User::new();
        let mut observer = Observer::default();
        let mut second = 0;
        for act in acts {
            match act {
                Act::Pass(seconds) => second += seconds,
                Act::Check(fired) => {
                    let fired: Vec<Alert> = fired.into_iter().map(|(n, p)| alert_of(n, p)).collect();
                    let before = user.memory.clone();
                    let outcomes = user.check(second, fired.clone());
                    for outcome in outcomes.iter().filter(|v| v.decision == Resolve) {
                        prop_assert!(before.incidents[&outcome.alert.key].open, "resolved without having been open");
                    }
                    observer.see(second, &user, &fired, &outcomes);
                }
                Act::Quiet(quiet) => user.quiet = quiet,
                Act::Pause(time) => user.memory.pause = Some(time.map_or(Pause::UntilResumed, |t| Pause::Until(at(second + t)))),
                Act::Resume => user.memory.pause = None,
                Act::Acknowledge(number) => {
                    if let Some(incident) = user.memory.incidents.get_mut(&alert_of(number, 0).key) {
                        incident.acknowledged = incident.open;
                    }
                }
                Act::Snooze(number, seconds) => {
                    let key = alert_of(number, 0).key;
                    if let Some(incident) = user.memory.incidents.get_mut(&key) {
                        incident.snoozed_until = Some(at(second + seconds));
                        observer.snoozes.insert(key, second + seconds);
                    }
                }
            }
        }
        // Whatever still waits is notified in the first check after the night and the pause, if it still holds.
        user.quiet = false;
        user.memory.pause = None;
        let waiting: Vec<Alert> = user.memory.incidents.values().filter(|i| i.held).map(|i| i.alert.clone()).collect();
        let outcomes = user.check(second + 1, waiting.clone());
        for alert in waiting {
            let outcome = outcomes.iter().find(|v| v.alert.key == alert.key).unwrap();
            prop_assert!(matches!((outcome.decision, outcome.reason),
                (Coalesce, Reason::Digest | Reason::Storm) | (Suppress, _)), "{:?}", (outcome.decision, outcome.reason));
        }
    }

    #[test]
    fn alert_order_changes_nothing(
        fired in prop::collection::btree_map(0u8..40, 0u8..4, 0..40),
        held in prop::collection::btree_set(0u8..40, 0..20),
        quiet in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let alerts: Vec<Alert> = fired.into_iter().map(|(n, p)| alert_of(n, p)).collect();
        let mut shuffled = alerts.clone();
        let mut state = seed;
        shuffled.sort_by_cached_key(|_| { state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); state });
        let prepared = || {
            let mut user = User { quiet: true, max_alerts: 5, ..User::new() };
            user.check(0, held.iter().map(|n| alert_of(*n, 1)).collect());
            user.quiet = quiet;
            user
        };
        let (split_a, split_b) = shuffled.split_at(shuffled.len() / 2);
        let halves = [split_b, split_a].map(|half| Evaluation { alerts: half.to_vec(), evaluated: all_rules(), unknown_entities: BTreeSet::new() });
        prop_assert_eq!(prepared().check(60, alerts), prepared().evaluate(60, &halves));
    }
}
