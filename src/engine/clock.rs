//! The wall clock as a value, so that a check can be made at another moment.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time: the system's, or whatever it was made with.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock, to the millisecond: what the database keeps.
    #[must_use]
    pub fn system() -> Self {
        let whole = |now: Timestamp| Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        Self(Arc::new(move || whole(Timestamp::now())))
    }

    /// A clock that stands still: for `--at`.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self(Arc::new(move || at))
    }

    /// A clock that asks `tell`.
    #[must_use]
    pub fn of(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
