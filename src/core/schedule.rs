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
pub const HEARTBEAT: SignedDuration = SignedDuration::from_secs(30);

/// The self-audit is made so often: at every second beat.
pub const AUDIT_EVERY: SignedDuration = SignedDuration::from_secs(60);

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

/// Whether the self-audit is to be made. One that lies in the future means that the clock was set back.
#[must_use]
pub fn audit_is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| {
        let age = now.duration_since(last);
        age >= AUDIT_EVERY || age < -JUMP
    })
}

/// When the loop counts as stuck: the earliest moment at which a monitor has concluded nothing in twice its interval, neither
/// since its last check nor since it is watched. A check itself may take as long as its sources have `patience`. None if all
/// monitors are switched off.
#[must_use]
pub fn overdue_at(
    intervals: &Intervals,
    concluded: &LastRuns,
    since: Timestamp,
    patience: SignedDuration,
) -> Option<Timestamp> {
    let latest = |(monitor, interval): (&Monitor, &SignedDuration)| {
        let last = concluded.get(monitor).map_or(since, |at| (*at).max(since));
        last.saturating_add(*interval + (*interval).max(patience)).unwrap_or(Timestamp::MAX)
    };
    intervals.iter().map(latest).min()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[rstest]
    #[case::never(None, true)]
    #[case::just_now(Some(0), false)]
    #[case::almost(Some(-59), false)]
    #[case::a_minute_ago(Some(-60), true)]
    #[case::before_a_sleep(Some(-30_000), true)]
    #[case::clock_corrected(Some(29), false)]
    #[case::clock_set_back(Some(3600), true)]
    fn an_audit_is_due_once_a_minute(#[case] last: Option<i64>, #[case] due: bool) {
        assert_eq!(audit_is_due(last.map(at), at(0)), due);
    }

    #[rstest]
    #[case::nothing_runs(&[], &[], None)]
    #[case::just_started(&[(Monitor::Tasks, 900)], &[], Some(1800))]
    #[case::checked(&[(Monitor::Tasks, 900)], &[(Monitor::Tasks, 300)], Some(2100))]
    #[case::checked_before_it_was_watched(&[(Monitor::Tasks, 900)], &[(Monitor::Tasks, -300)], Some(1800))]
    #[case::the_earliest(&[(Monitor::Tasks, 900), (Monitor::Health, 600)], &[(Monitor::Tasks, 300)], Some(1200))]
    #[case::one_that_is_off(&[(Monitor::Tasks, 900)], &[(Monitor::Health, 1)], Some(1800))]
    #[case::shorter_than_its_sources_may_take(&[(Monitor::Tasks, 10)], &[], Some(80))]
    fn a_check_is_overdue_after_twice_its_interval(
        #[case] intervals: &[(Monitor, i64)],
        #[case] concluded: &[(Monitor, i64)],
        #[case] expected: Option<i64>,
    ) {
        let intervals =
            intervals.iter().map(|(monitor, seconds)| (*monitor, SignedDuration::from_secs(*seconds))).collect();
        let concluded = concluded.iter().map(|(monitor, second)| (*monitor, at(*second))).collect();
        let patience = SignedDuration::from_secs(70);
        assert_eq!(overdue_at(&intervals, &concluded, at(0), patience), expected.map(at));
    }
}
