//! The wall clock as a value, so that a check can be made at another moment.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Tells the time: the system's, or whatever it was made with.
#[derive(Clone)]
pub struct Clock {
    tell: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    stands_still: bool,
}

impl Clock {
    /// The system's clock, to the millisecond: what the database keeps.
    #[must_use]
    pub fn system() -> Self {
        Self::of(|| whole(Timestamp::now()))
    }

    /// A clock that stands still: for `--at`.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self { stands_still: true, ..Self::of(move || at) }
    }

    /// A clock that asks `tell`.
    #[must_use]
    pub fn of(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell), stands_still: false }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.tell)()
    }

    /// The same clock; one that stood still goes on from where it stood.
    #[must_use]
    pub fn going(&self) -> Self {
        if !self.stands_still {
            return self.clone();
        }
        let (from, started) = (self.now(), Instant::now());
        Self::of(move || {
            let passed = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX);
            whole(from.saturating_add(passed).unwrap_or(Timestamp::MAX))
        })
    }
}

fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
