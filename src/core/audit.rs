//! The self-audit: what became of every alert that fired, and whether that is all of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::AlertKey;

/// What the database says became of every alert that fired, over all that the journal keeps. A reminder that fires again counts again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// When it was made.
    pub at: Timestamp,
    /// What the rules found.
    pub fired: u64,
    /// Told, on a channel of its own or in the journal alone.
    pub delivered: u64,
    /// Waits to be told.
    pub pending: u64,
    /// Not told, with a reason: acknowledged, snoozed, a duplicate, or over before it went out.
    pub suppressed: u64,
    /// Waits for the end of quiet hours or a pause.
    pub held: u64,
    /// Told in a digest.
    pub coalesced: u64,
    /// Refused for good.
    pub failed: u64,
    /// Keys of which something is missing, at most `ASTRAY_NAMED`.
    pub astray: Vec<AlertKey>,
    /// How many such keys there are.
    pub astray_count: u64,
}

/// An audit names so many keys; the others are counted.
pub const ASTRAY_NAMED: usize = 20;

impl Audit {
    /// Whether every alert that fired has come to something that is known.
    #[must_use]
    pub const fn adds_up(&self) -> bool {
        let known = self.delivered + self.pending + self.suppressed + self.held + self.coalesced + self.failed;
        self.fired == known && self.astray_count == 0
    }
}
