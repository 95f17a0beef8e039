//! The circuit breaker over all interleavings of its events, to a depth where its states repeat.

use std::collections::{BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};
use operator::core::circuit::{BreakerSettings, Cause, Change, Circuit, CircuitState, Outcome, PROBE_LEASE, Permit};

const FAILURE: Outcome = Outcome::Failure { cause: Cause::Outage, retry_after: None };
const REFUSED: Outcome = Outcome::Failure { cause: Cause::NeedsUser, retry_after: None };
const COME_LATER: Outcome =
    Outcome::Failure { cause: Cause::Outage, retry_after: Some(SignedDuration::from_secs(600)) };

fn settings(half_open_attempts: u32) -> BreakerSettings {
    BreakerSettings { failure_threshold: 2, timeout_seconds: 60, max_timeout_seconds: 240, half_open_attempts }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A circuit, the permits that callers hold, and the time.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    circuit: Circuit,
    permits: Vec<Permit>,
    /// The permit of the probe that is out, and when its lease ends.
    probe: Option<(Permit, i64)>,
    second: i64,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Acquire,
    SourceReading(usize, Outcome),
    GiveBack(usize),
    Wait(i64),
    Reset,
    Restart,
}

fn events(world: &World) -> Vec<Event> {
    let outcomes = [Outcome::Success, FAILURE, REFUSED, COME_LATER];
    let answers = (0..world.permits.len()).flat_map(|i| outcomes.map(|outcome| Event::SourceReading(i, outcome)));
    let unused = (0..world.permits.len()).map(Event::GiveBack);
    let waits = [1, 60, PROBE_LEASE.as_secs()].map(Event::Wait);
    [Event::Acquire, Event::Reset, Event::Restart].into_iter().chain(answers).chain(unused).chain(waits).collect()
}

fn step(world: &World, event: Event, settings: &BreakerSettings) -> World {
    let mut next = world.clone();
    let now = at(world.second);
    match event {
        Event::Acquire => acquire(&mut next, now),
        Event::SourceReading(index, outcome) => {
            let permit = next.permits.remove(index);
            let before = next.circuit.clone();
            let change = next.circuit.record(permit, outcome, now, settings, 0.5);
            if change == Change::Late {
                assert_eq!(before, next.circuit, "a late result changed the circuit");
            }
            if next.probe.is_some_and(|(probe, _)| probe == permit) {
                next.probe = None;
            }
            check_opening(&before, &next.circuit, outcome, change);
        }
        Event::GiveBack(index) => {
            let permit = next.permits.remove(index);
            let before = next.circuit.state();
            next.circuit.give_back(permit);
            assert_eq!(next.circuit.state(), before, "giving back says nothing of the source");
            if next.probe.is_some_and(|(probe, _)| probe == permit) {
                next.probe = None;
            }
        }
        Event::Wait(seconds) => next.second += seconds,
        Event::Reset => {
            next.circuit.reset();
            assert_eq!(next.circuit.state(), CircuitState::Closed);
            next.probe = None;
        }
        Event::Restart => {
            let kept = serde_json::to_string(&next.circuit).unwrap();
            next.circuit = serde_json::from_str(&kept).unwrap();
            assert_eq!(next.circuit, world.circuit, "a restart changed the circuit");
            next.permits.clear();
            next.circuit.forget_probe();
            next.probe = None;
        }
    }
    next
}

fn acquire(world: &mut World, now: Timestamp) {
    let before = world.circuit.clone();
    match world.circuit.acquire(now) {
        Ok(permit) => {
            if world.circuit.state() == CircuitState::HalfOpen {
                let live = world.probe.filter(|(_, until)| world.second < *until);
                assert!(live.is_none(), "two probes at a time");
                world.probe = Some((permit, world.second + PROBE_LEASE.as_secs()));
            }
            world.permits.push(permit);
        }
        Err(rejected) => {
            assert_ne!(before.state(), CircuitState::Closed, "a closed circuit lets everyone through");
            assert!(rejected.retry_at > now, "a rejection names a time ahead");
            assert_eq!(before, world.circuit, "a rejection changes nothing");
        }
    }
}

fn check_opening(before: &Circuit, after: &Circuit, outcome: Outcome, change: Change) {
    match change {
        Change::Opened => {
            assert_eq!(before.state(), CircuitState::Closed);
            assert_eq!(after.state(), CircuitState::Open);
            assert!(outcome != Outcome::Success);
            assert!(after.troubled_since().is_some());
        }
        Change::Closed => assert_eq!((after.state(), outcome), (CircuitState::Closed, Outcome::Success)),
        Change::None | Change::Late => {}
    }
}

/// From here, waiting and a source that answers always lead back to closed.
fn assert_never_stuck(world: &World, settings: &BreakerSettings) {
    let mut circuit = world.circuit.clone();
    let mut now = at(world.second);
    for _ in 0..settings.half_open_attempts + 3 {
        now = circuit.retry_at().map_or(now, |retry| retry.max(now));
        let permit = circuit.acquire(now).expect("leave is given when the time that was named has come");
        circuit.record(permit, Outcome::Success, now, settings, 0.5);
    }
    assert_eq!(circuit.state(), CircuitState::Closed);
}

/// Permits that nobody will accept any more, and time before which nothing can change, do not tell worlds apart.
fn explore(settings: &BreakerSettings, depth: usize) -> usize {
    let start = World { circuit: Circuit::default(), permits: Vec::new(), probe: None, second: 0 };
    let mut seen = HashSet::from([start.clone()]);
    let mut frontier = vec![start];
    let mut states = BTreeSet::new();
    for _ in 0..depth {
        let mut next = Vec::new();
        for world in &frontier {
            for event in events(world).into_iter().filter(|e| !matches!(e, Event::Acquire) || world.permits.len() < 2) {
                let reached = step(world, event, settings);
                assert_never_stuck(&reached, settings);
                states.insert(reached.circuit.state().as_str());
                if seen.insert(reached.clone()) {
                    next.push(reached);
                }
            }
        }
        frontier = next;
    }
    assert_eq!(states.len(), 3, "closed, open and half-open were all reached");
    seen.len()
}

#[test]
fn every_interleaving_keeps_the_promises() {
    assert!(explore(&settings(1), 10) > 10_000);
}

#[test]
fn several_probes_to_close_keep_them_too() {
    assert!(explore(&settings(2), 10) > 10_000);
}

fn open_circuit(settings: &BreakerSettings) -> Circuit {
    let mut circuit = Circuit::default();
    for _ in 0..settings.failure_threshold {
        let permit = circuit.acquire(at(0)).unwrap();
        circuit.record(permit, FAILURE, at(0), settings, 0.5);
    }
    assert_eq!(circuit.state(), CircuitState::Open);
    circuit
}

#[test]
fn the_first_pause_is_exact_and_later_ones_grow_within_their_spread() {
    let settings = BreakerSettings { max_timeout_seconds: 900, ..settings(1) };
    for (chance, spread) in [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)] {
        let mut circuit = open_circuit(&settings);
        assert_eq!(circuit.retry_at(), Some(at(60)));
        for expected in [120.0, 240.0, 480.0, 900.0, 900.0] {
            let now = circuit.retry_at().unwrap();
            let probe = circuit.acquire(now).unwrap();
            circuit.record(probe, FAILURE, now, &settings, chance);
            let pause = circuit.retry_at().unwrap().duration_since(now).as_secs_f64();
            let pauses = f64::min(expected * spread, 855.0);
            assert!(
                (pause - pauses).abs() < 0.01,
                "{pause} for {expected} × {spread}: under what is asked every 900 s"
            );
        }
        assert_eq!(circuit.troubled_since(), Some(at(0)), "one outage, however many probes");
    }
}

#[test]
fn what_needs_the_user_and_what_a_server_asks_for_opens_at_once() {
    let settings = settings(1);
    let mut refused = Circuit::default();
    let permit = refused.acquire(at(0)).unwrap();
    assert_eq!(refused.record(permit, REFUSED, at(0), &settings, 0.5), Change::Opened);
    assert_eq!(refused.cause(), Some(Cause::NeedsUser));

    let mut asked = Circuit::default();
    let permit = asked.acquire(at(0)).unwrap();
    assert_eq!(asked.record(permit, COME_LATER, at(0), &settings, 0.5), Change::Opened);
    assert_eq!(asked.retry_at(), Some(at(600)), "Retry-After is kept to the second");
    assert_eq!(asked.cause(), Some(Cause::Outage));
}

#[test]
fn a_clock_set_back_does_not_keep_a_source_away() {
    let settings = settings(1);
    let mut open = open_circuit(&settings);
    assert!(open.acquire(at(-3600 * 24 * 400)).is_ok(), "open until a time that is years ahead");
    // Now half-open with a lease; the clock is set back once more.
    assert!(open.acquire(at(-3600 * 24 * 800)).is_ok(), "leased until a time that is years ahead");
}
