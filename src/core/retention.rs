//! How long records are kept.

use jiff::{SignedDuration, Timestamp};

/// The retention of the configuration, in days.
#[derive(Debug, Clone, Copy)]
pub struct RetentionPolicy {
    /// Journal entries and sent messages.
    pub journal_days: u32,
    /// Health days, closed tasks, postponements.
    pub history_days: u32,
}

/// A closed incident matters no longer than this; a longer window or snooze ends with it.
const CLOSED_INCIDENT_DAYS: u32 = 60;

/// A clock this far ahead of the last check may be wrong. Nothing is deleted before the next check confirms it.
const MAX_CLOCK_JUMP: SignedDuration = SignedDuration::from_hours(24 * 3);

/// Records from before these times are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    pub journal: Timestamp,
    pub history: Timestamp,
    pub closed_incidents: Timestamp,
}

impl RetentionPolicy {
    /// `None` while the clock is not trusted.
    #[must_use]
    pub fn cutoffs(&self, now: Timestamp, last_check: Option<Timestamp>) -> Option<Cutoffs> {
        if last_check.is_some_and(|last| now.duration_since(last) > MAX_CLOCK_JUMP) {
            return None;
        }
        let before =
            |days: u32| now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
        Some(Cutoffs {
            journal: before(self.journal_days),
            history: before(self.history_days),
            closed_incidents: before(CLOSED_INCIDENT_DAYS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetentionPolicy = RetentionPolicy { journal_days: 10, history_days: 100 };

    fn day(day: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
    }

    #[test]
    fn cutoffs_lie_the_kept_days_back() {
        let expected = Cutoffs { journal: day(990), history: day(900), closed_incidents: day(940) };
        assert_eq!(POLICY.cutoffs(day(1000), Some(day(997))), Some(expected));
        assert_eq!(POLICY.cutoffs(day(1000), None), Some(expected));
    }

    #[test]
    fn clock_jump_deletes_nothing() {
        assert_eq!(POLICY.cutoffs(day(1000), Some(day(996))), None);
        assert!(POLICY.cutoffs(day(1000), Some(day(2000))).is_some(), "a clock that was set back");
    }

    #[test]
    fn extreme_retention_keeps_everything() {
        let policy = RetentionPolicy { journal_days: u32::MAX, history_days: u32::MAX };
        assert_eq!(policy.cutoffs(day(0), None).map(|cutoffs| cutoffs.journal), Some(Timestamp::MIN));
    }
}
