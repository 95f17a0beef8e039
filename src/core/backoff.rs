//! Exponential backoff: delays that double after each failure, with a cap and jitter.

use jiff::SignedDuration;

/// Delays between attempts. Pure: the caller passes the random fraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    first: SignedDuration,
    max: SignedDuration,
    jitter: (f64, f64),
}

impl Backoff {
    /// Doubles from `first` to `max`, without jitter.
    pub const fn new(first: SignedDuration, max: SignedDuration) -> Self {
        Self { first, max, jitter: (1.0, 1.0) }
    }

    /// Multiplies each delay by a factor between `at_zero` and `at_one`, linear in the fraction. `max` limits the delay before jitter.
    pub const fn with_jitter(self, at_zero: f64, at_one: f64) -> Self {
        Self { jitter: (at_zero, at_one), ..self }
    }

    /// The delay after this many failures in a row; 0 counts as 1. `fraction` is clamped to 0–1.
    pub fn delay(&self, failures: u32, fraction: f64) -> SignedDuration {
        let doubled = self.first.saturating_mul(2_i32.pow(failures.saturating_sub(1).min(30))).min(self.max);
        let (at_zero, at_one) = self.jitter;
        let factor = at_zero + (at_one - at_zero) * fraction.clamp(0.0, 1.0);
        SignedDuration::try_from_secs_f64(doubled.as_secs_f64() * factor).unwrap_or(doubled)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const PLAIN: Backoff = Backoff::new(SignedDuration::from_secs(5), SignedDuration::from_secs(900));
    const SPREAD: Backoff = PLAIN.with_jitter(0.8, 1.2);

    #[rstest]
    #[case::no_failure(0, 5)]
    #[case::first(1, 5)]
    #[case::second(2, 10)]
    #[case::eighth(8, 640)]
    #[case::ninth_is_capped(9, 900)]
    #[case::overflow_is_capped(u32::MAX, 900)]
    fn delay_doubles_up_to_max(#[case] failures: u32, #[case] seconds: i64) {
        for fraction in [0.0, 0.5, 1.0] {
            assert_eq!(PLAIN.delay(failures, fraction), SignedDuration::from_secs(seconds));
        }
    }

    #[rstest]
    #[case::low(2, 0.0, 8.0)]
    #[case::middle(2, 0.5, 10.0)]
    #[case::high(2, 1.0, 12.0)]
    #[case::below_range(2, -3.0, 8.0)]
    #[case::above_range(2, 3.0, 12.0)]
    #[case::after_the_cap(20, 1.0, 1080.0)]
    #[case::not_a_number(2, f64::NAN, 10.0)]
    fn jitter_scales_the_delay(#[case] failures: u32, #[case] fraction: f64, #[case] seconds: f64) {
        assert!((SPREAD.delay(failures, fraction).as_secs_f64() - seconds).abs() < 1e-6);
    }

    #[rstest]
    fn jitter_may_shorten_only(#[values(0.0, 0.3, 1.0)] fraction: f64) {
        let shortened = PLAIN.with_jitter(1.0, 0.75);
        let delays: Vec<_> = (1..=8).map(|failures| shortened.delay(failures, fraction)).collect();
        assert!(delays.is_sorted() && delays.iter().all(|delay| *delay <= SignedDuration::from_secs(640)));
    }

    #[test]
    fn extreme_delay_stays_in_range() {
        let longest = Backoff::new(SignedDuration::MAX, SignedDuration::MAX).with_jitter(1.0, 1.2);
        assert_eq!(longest.delay(5, 1.0), SignedDuration::MAX);
    }
}
