//! The circuit breaker under all interleavings of its events, to a depth where its states repeat.

use std::collections::{BTreeSet, HashSet};

use super::*;

const FAILURE: CallOutcome = CallOutcome::Failure { cause: Cause::Transient, retry_after: None };
const NEEDS_USER: CallOutcome = CallOutcome::Failure { cause: Cause::ActionRequired, retry_after: None };
const RETRY_LATER: CallOutcome =
    CallOutcome::Failure { cause: Cause::Transient, retry_after: Some(SignedDuration::from_secs(600)) };

fn settings(half_open_attempts: u32) -> CircuitSettings {
    CircuitSettings { failure_threshold: 2, timeout_seconds: 60, max_timeout_seconds: 240, half_open_attempts }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A circuit, the permits in use, and the time.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    circuit: Circuit,
    permits: Vec<Permit>,
    /// The permit of the probe in flight, and the end of its lease.
    probe: Option<(Permit, i64)>,
    second: i64,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Acquire,
    Result(usize, CallOutcome),
    Release(usize),
    Wait(i64),
    Reset,
    Restart,
}

fn events(world: &World) -> Vec<Event> {
    let outcomes = [CallOutcome::Success, FAILURE, NEEDS_USER, RETRY_LATER];
    let answers = (0..world.permits.len()).flat_map(|i| outcomes.map(|outcome| Event::Result(i, outcome)));
    let unused = (0..world.permits.len()).map(Event::Release);
    let waits = [1, 60, PROBE_LEASE.as_secs()].map(Event::Wait);
    [Event::Acquire, Event::Reset, Event::Restart].into_iter().chain(answers).chain(unused).chain(waits).collect()
}

fn step(world: &World, event: Event, settings: &CircuitSettings) -> World {
    let mut next = world.clone();
    let now = at(world.second);
    match event {
        Event::Acquire => acquire(&mut next, now),
        Event::Result(index, outcome) => {
            let permit = next.permits.remove(index);
            let before = next.circuit.clone();
            let change = next.circuit.record(permit, outcome, now, settings, 0.5);
            if change == Change::StalePermit {
                assert_eq!(before, next.circuit, "a late result changed the circuit");
            }
            if next.probe.is_some_and(|(probe, _)| probe == permit) {
                next.probe = None;
            }
            check_opening(&before, &next.circuit, outcome, change);
        }
        Event::Release(index) => {
            let permit = next.permits.remove(index);
            let before = next.circuit.state();
            next.circuit.release(permit);
            assert_eq!(next.circuit.state(), before, "releasing a permit changes no state");
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
            let saved = serde_json::to_string(&next.circuit).unwrap();
            next.circuit = serde_json::from_str(&saved).unwrap();
            assert_eq!(next.circuit, world.circuit, "a restart changed the circuit");
            next.permits.clear();
            next.circuit.abandon_probe();
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
            assert_ne!(before.state(), CircuitState::Closed, "a closed circuit rejects nothing");
            assert!(rejected.retry_at > now, "a rejection names a time ahead");
            assert_eq!(before, world.circuit, "a rejection changes nothing");
        }
    }
}

fn check_opening(before: &Circuit, after: &Circuit, outcome: CallOutcome, change: Change) {
    match change {
        Change::Opened => {
            assert_eq!(before.state(), CircuitState::Closed);
            assert_eq!(after.state(), CircuitState::Open);
            assert!(outcome != CallOutcome::Success);
            assert!(after.failing_since().is_some());
        }
        Change::Closed => assert_eq!((after.state(), outcome), (CircuitState::Closed, CallOutcome::Success)),
        Change::None | Change::StalePermit => {}
    }
}

/// From here, waiting and successful calls always lead back to closed.
fn assert_never_stuck(world: &World, settings: &CircuitSettings) {
    let mut circuit = world.circuit.clone();
    let mut now = at(world.second);
    for _ in 0..settings.half_open_attempts + 3 {
        now = circuit.retry_at().map_or(now, |retry| retry.max(now));
        let permit = circuit.acquire(now).expect("a permit is issued at retry_at");
        circuit.record(permit, CallOutcome::Success, now, settings, 0.5);
    }
    assert_eq!(circuit.state(), CircuitState::Closed);
}

/// Returns the number of distinct worlds.
fn explore(settings: &CircuitSettings, depth: usize) -> usize {
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
fn interleavings_keep_the_invariants() {
    assert!(explore(&settings(1), 10) > 10_000);
}

#[test]
fn interleavings_with_two_probes_keep_them() {
    assert!(explore(&settings(2), 10) > 10_000);
}

fn open_circuit(settings: &CircuitSettings) -> Circuit {
    let mut circuit = Circuit::default();
    for _ in 0..settings.failure_threshold {
        let permit = circuit.acquire(at(0)).unwrap();
        circuit.record(permit, FAILURE, at(0), settings, 0.5);
    }
    assert_eq!(circuit.state(), CircuitState::Open);
    circuit
}

#[test]
fn pauses_double_within_their_jitter() {
    let settings = CircuitSettings { max_timeout_seconds: 900, ..settings(1) };
    for (jitter, spread) in [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)] {
        let mut circuit = open_circuit(&settings);
        assert_eq!(circuit.retry_at(), Some(at(60)));
        for expected in [120.0, 240.0, 480.0, 900.0, 900.0] {
            let now = circuit.retry_at().unwrap();
            let probe = circuit.acquire(now).unwrap();
            circuit.record(probe, FAILURE, now, &settings, jitter);
            let pause = circuit.retry_at().unwrap().duration_since(now).as_secs_f64();
            let pauses = f64::min(expected * spread, 855.0);
            assert!((pause - pauses).abs() < 0.01, "{pause} for {expected} × {spread}, capped at 95 % of 900 s");
        }
        assert_eq!(circuit.failing_since(), Some(at(0)), "one outage, however many probes");
    }
}

#[test]
fn user_action_and_retry_after_open_at_once() {
    let settings = settings(1);
    let mut failed = Circuit::default();
    let permit = failed.acquire(at(0)).unwrap();
    assert_eq!(failed.record(permit, NEEDS_USER, at(0), &settings, 0.5), Change::Opened);
    assert_eq!(failed.cause(), Some(Cause::ActionRequired));

    let mut limited = Circuit::default();
    let permit = limited.acquire(at(0)).unwrap();
    assert_eq!(limited.record(permit, RETRY_LATER, at(0), &settings, 0.5), Change::Opened);
    assert_eq!(limited.retry_at(), Some(at(600)), "Retry-After is exact");
    assert_eq!(limited.cause(), Some(Cause::Transient));
}

#[test]
fn clock_set_back_allows_a_probe() {
    let settings = settings(1);
    let mut open = open_circuit(&settings);
    assert!(open.acquire(at(-3600 * 24 * 400)).is_ok(), "retry_at is years ahead");
    // Now half-open with a lease; the clock is set back once more.
    assert!(open.acquire(at(-3600 * 24 * 800)).is_ok(), "the lease ends years ahead");
}
