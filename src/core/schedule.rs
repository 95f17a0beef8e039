//! The schedule: due monitors, the next wake-up, and detection of sleep and clock changes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::alert::Monitor;

/// The enabled monitors.
pub type Intervals = BTreeMap<Monitor, SignedDuration>;

pub type LastRuns = BTreeMap<Monitor, Timestamp>;

/// The event loop reads the wall clock at least this often. Timers stop while the machine sleeps, so this is how it detects a wake.
pub const MAX_SLEEP: SignedDuration = SignedDuration::from_secs(30);

pub const AUDIT_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// A larger difference between the wall clock and the monotonic clock means that the clock was set or the machine slept.
pub const MAX_CLOCK_DRIFT: SignedDuration = SignedDuration::from_secs(30);

/// The monitors whose interval has passed. A last run in the future means that the clock was set back: the monitor is due.
pub fn due(intervals: &Intervals, last: &LastRuns, now: Timestamp) -> Vec<Monitor> {
    let is_due = |(monitor, interval): &(&Monitor, &SignedDuration)| {
        last.get(monitor).is_none_or(|ran| {
            let age = now.duration_since(*ran);
            age >= **interval || age < -MAX_CLOCK_DRIFT
        })
    };
    intervals.iter().filter(is_due).map(|(monitor, _)| *monitor).collect()
}

/// When the next monitor is due; None if all are disabled.
pub fn next_due(intervals: &Intervals, last: &LastRuns, now: Timestamp) -> Option<Timestamp> {
    let next = |(monitor, interval): (&Monitor, &SignedDuration)| {
        last.get(monitor).map_or(now, |ran| ran.saturating_add(*interval).unwrap_or(Timestamp::MAX))
    };
    intervals.iter().map(next).min()
}

/// Whether the self-audit is due. A last audit in the future means that the clock was set back.
pub fn audit_is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| {
        let age = now.duration_since(last);
        age >= AUDIT_INTERVAL || age < -MAX_CLOCK_DRIFT
    })
}

/// When the event loop counts as stuck: the earliest moment at which a monitor has completed no check in twice its interval, counted
/// from its last check or from `since`. A check may take `source_timeout`. None if all monitors are disabled.
pub fn overdue_at(
    intervals: &Intervals,
    completed: &LastRuns,
    since: Timestamp,
    source_timeout: SignedDuration,
) -> Option<Timestamp> {
    let latest = |(monitor, interval): (&Monitor, &SignedDuration)| {
        let last = completed.get(monitor).map_or(since, |at| (*at).max(since));
        last.saturating_add(*interval + (*interval).max(source_timeout)).unwrap_or(Timestamp::MAX)
    };
    intervals.iter().map(latest).min()
}

/// The time from `now` to the first of `moments`, at most `MAX_SLEEP`.
pub fn sleep_until(moments: impl IntoIterator<Item = Timestamp>, now: Timestamp) -> SignedDuration {
    let left = moments.into_iter().map(|moment| moment.duration_since(now)).min().unwrap_or(MAX_SLEEP);
    left.clamp(SignedDuration::ZERO, MAX_SLEEP)
}

/// Whether the wall clock and the monotonic clock disagree. `elapsed` is the monotonic time from `before` to `now`.
pub fn clock_jumped(before: Timestamp, now: Timestamp, elapsed: SignedDuration) -> bool {
    (now.duration_since(before) - elapsed).abs() >= MAX_CLOCK_DRIFT
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[rstest]
    #[case::never(None, true)]
    #[case::just_now(Some(0), false)]
    #[case::almost(Some(-59), false)]
    #[case::minute_ago(Some(-60), true)]
    #[case::before_a_sleep(Some(-30_000), true)]
    #[case::clock_corrected(Some(29), false)]
    #[case::clock_set_back(Some(3600), true)]
    fn audit_is_due_once_a_minute(#[case] last: Option<i64>, #[case] due: bool) {
        assert_eq!(audit_is_due(last.map(at), at(0)), due);
    }

    #[rstest]
    #[case::all_disabled(&[], &[], None)]
    #[case::just_started(&[(Monitor::Tasks, 900)], &[], Some(1800))]
    #[case::checked(&[(Monitor::Tasks, 900)], &[(Monitor::Tasks, 300)], Some(2100))]
    #[case::checked_before_start(&[(Monitor::Tasks, 900)], &[(Monitor::Tasks, -300)], Some(1800))]
    #[case::earliest_counts(&[(Monitor::Tasks, 900), (Monitor::Health, 600)], &[(Monitor::Tasks, 300)], Some(1200))]
    #[case::disabled_monitor(&[(Monitor::Tasks, 900)], &[(Monitor::Health, 1)], Some(1800))]
    #[case::source_timeout_exceeds_interval(&[(Monitor::Tasks, 10)], &[], Some(80))]
    fn check_is_overdue_after_twice_its_interval(
        #[case] intervals: &[(Monitor, i64)],
        #[case] completed: &[(Monitor, i64)],
        #[case] expected: Option<i64>,
    ) {
        let intervals =
            intervals.iter().map(|(monitor, seconds)| (*monitor, SignedDuration::from_secs(*seconds))).collect();
        let completed = completed.iter().map(|(monitor, second)| (*monitor, at(*second))).collect();
        let source_timeout = SignedDuration::from_secs(70);
        assert_eq!(overdue_at(&intervals, &completed, at(0), source_timeout), expected.map(at));
    }
}
