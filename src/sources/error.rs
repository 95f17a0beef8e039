//! Why a source gave nothing, sorted by what can be done about it.

use std::fmt;

use jiff::SignedDuration;

/// What kind of failure it was: what the caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is configured and nothing is at the default place: not a failure at all.
    NotSetUp,
    /// It may work again by itself: try later.
    Outage,
    /// It will not work until a person changes something: a refused token, a bad address, a wrong file.
    NeedsUser,
}

/// A source's failure, in words that hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// `oura_cache`, `oura_api`, `workos`, `state_store` or `focus_file`.
    pub source: &'static str,
    /// What can be done about it.
    pub fault: Fault,
    /// What happened and where: `connection refused (127.0.0.1:5432)`.
    pub what: String,
    /// What the person should do; empty when waiting is all there is to do.
    pub advice: String,
    /// How long the server asked us to wait.
    pub retry_after: Option<SignedDuration>,
}

impl SourceError {
    /// An outage: try again later.
    #[must_use]
    pub fn outage(source: &'static str, what: impl Into<String>) -> Self {
        Self { source, fault: Fault::Outage, what: what.into(), advice: String::new(), retry_after: None }
    }

    /// Something a person has to mend.
    #[must_use]
    pub fn needs_user(source: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { source, fault: Fault::NeedsUser, what: what.into(), advice: advice.into(), retry_after: None }
    }

    /// Nothing is configured.
    #[must_use]
    pub fn not_set_up(source: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { source, fault: Fault::NotSetUp, what: what.into(), advice: advice.into(), retry_after: None }
    }
}

impl fmt::Display for SourceError {
    /// `workos: connection refused (127.0.0.1:5432)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.what)
    }
}

impl std::error::Error for SourceError {}
