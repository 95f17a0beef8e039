//! When things are looked at: what is due, when to wake next, and whether the machine slept or its clock was set.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::alert::Monitor;

/// How often each monitor that is switched on runs.
pub type Intervals = BTreeMap<Monitor, SignedDuration>;

/// When each monitor last ran.
pub type LastRuns = BTreeMap<Monitor, Timestamp>;

/// The engine looks at the wall clock at least this often, so that it notices a wake from sleep within as much:
/// timers stand still while a machine sleeps.
pub const HEARTBEAT: SignedDuration = SignedDuration::from_secs(40);

/// A wall clock that strays this far from the steady one has been set, or the machine has slept.
pub const JUMP: SignedDuration = SignedDuration::from_secs(30);

/// The monitors whose interval has passed, each once however long ago that was.
///
/// A last run that lies in the future means that the clock was set back: such a monitor is due.
#[must_use]
pub fn due(intervals: &Intervals, last: &LastRuns, now: Timestamp) -> Vec<Monitor> {
    let is_due = |(monitor, interval): &(&Monitor, &SignedDuration)| {
        last.get(monitor).is_none_or(|ran| {
            let age = now.duration_since(*ran);
            age >= **interval || age < -JUMP
        })
    };
    intervals.iter().filter(is_due).map(|(monitor, _)| *monitor).collect()
}

/// When the next monitor is due; none if all are switched off.
#[must_use]
pub fn next_due(intervals: &Intervals, last: &LastRuns, now: Timestamp) -> Option<Timestamp> {
    let next = |(monitor, interval): (&Monitor, &SignedDuration)| {
        last.get(monitor).map_or(now, |ran| ran.saturating_add(*interval).unwrap_or(Timestamp::MAX))
    };
    intervals.iter().map(next).min()
}

/// How long to sleep at `now`: to the next of `moments`, at most a heartbeat, never less than nothing.
#[must_use]
pub fn pause_until(moments: impl IntoIterator<Item = Timestamp>, now: Timestamp) -> SignedDuration {
    let left = moments.into_iter().map(|moment| moment.duration_since(now)).min().unwrap_or(HEARTBEAT);
    left.clamp(SignedDuration::ZERO, HEARTBEAT)
}

/// Whether the wall clock went another way than the steady one between two looks.
#[must_use]
pub fn jumped(before: Timestamp, now: Timestamp, steady: SignedDuration) -> bool {
    (now.duration_since(before) - steady).abs() >= JUMP
}
