//! What is known of a connection: which may go when there are too many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is known of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    /// A request of it is being answered.
    busy: AtomicBool,
    /// It has shown a key.
    trusted: AtomicBool,
}

impl Standing {
    /// It has shown a key.
    pub(super) fn trust(&self) {
        self.0.trusted.store(true, Ordering::Relaxed);
    }

    /// A request is under way until what this gives goes.
    pub(super) fn busy(&self) -> Busy {
        self.0.busy.store(true, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Whether it may be closed to make room for another; one that has shown a key only when there is nothing else.
    pub(super) fn may_go(&self, even_trusted: bool) -> bool {
        !self.0.busy.load(Ordering::Relaxed) && (even_trusted || !self.0.trusted.load(Ordering::Relaxed))
    }
}

/// A request under way.
pub(super) struct Busy(Standing);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.busy.store(false, Ordering::Relaxed);
    }
}
