//! The page that shows a person what Operator knows, what it said and why it kept silent: painted from the snapshot and the database.

use crate::core::status::Status;
use crate::store::{Store, StoreError};
use jiff::ZonedDateTime;
use serde::Deserialize;
/// s
pub const STYLE: &str = "";
/// s
pub const SCRIPT: &str = "";
/// q
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Query {}
/// p
///
/// # Errors
/// e
pub fn page(_status: &Status, _store: &Store, _query: &Query, _now: &ZonedDateTime) -> Result<String, StoreError> {
    Ok("<h1>Operator</h1>".into())
}
