//! The wall clock as a value, so that a check can be made for another time.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

#[derive(Clone)]
pub struct Clock {
    read: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    is_fixed: bool,
}

impl Clock {
    /// The system clock in whole milliseconds, the precision of the database.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(|| truncate_to_millis(Timestamp::now()))
    }

    /// A stopped clock, for `--at`.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self { is_fixed: true, ..Self::from_fn(move || at) }
    }

    #[must_use]
    pub fn from_fn(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { read: Arc::new(read), is_fixed: false }
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.read)()
    }

    /// The same clock; a fixed one starts to run.
    #[must_use]
    pub fn ticking(&self) -> Self {
        if !self.is_fixed {
            return self.clone();
        }
        let (from, started) = (self.now(), Instant::now());
        Self::from_fn(move || {
            let elapsed = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX);
            truncate_to_millis(from.saturating_add(elapsed).unwrap_or(Timestamp::MAX))
        })
    }
}

fn truncate_to_millis(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
