//! The trait of every task source. A new source is its own file, its configuration, and a line in the wiring.

use std::fmt::Debug;
use std::pin::Pin;

use jiff::ZonedDateTime;

use super::Error;
use crate::core::facts::TaskReading;

pub type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<TaskReading, Error>> + Send + 'a>>;

pub trait TaskSource: Debug + Send + Sync {
    /// Its name in the configuration, the circuits and the status, such as `state_store`.
    fn source_name(&self) -> &'static str;

    /// A source that is not configured is fetched too: its error says what is missing.
    fn is_configured(&self) -> bool;

    /// Whether a fetch needs no permit of the circuit, because it reads local files only.
    fn is_local(&self) -> bool {
        false
    }

    /// The open tasks and whatever else the source knows, as of `now` and in its time zone. The caller bounds the time.
    fn fetch<'a>(&'a self, now: &'a ZonedDateTime) -> FetchFuture<'a>;
}
