//! What every source of tasks answers. A new one is its own file, its configuration, and a line in `engine/wiring.rs`.

use std::fmt::Debug;
use std::pin::Pin;

use jiff::ZonedDateTime;

use super::error::SourceError;
use crate::core::facts::TaskReading;

/// A reading that is under way.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<TaskReading, SourceError>> + Send + 'a>>;

/// Somewhere that tasks are kept.
pub trait TaskSource: Debug + Send + Sync {
    /// Its word in the configuration, the circuits and the status, such as `state_store`.
    fn name(&self) -> &'static str;

    /// Whether the person has said where it is. One that is not set up is asked too, and says what is missing.
    fn is_set_up(&self) -> bool;

    /// Whether it can be asked without leave of its circuit: a look at a local file costs nothing and harms nobody.
    fn is_local(&self) -> bool;

    /// The open tasks, and whatever else it knows, as of `now` and in its zone. Whoever asks bounds the time.
    fn read<'a>(&'a self, now: &'a ZonedDateTime) -> Reading<'a>;
}
