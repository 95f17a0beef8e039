//! Why a message was not handed over, and what follows from it.

use std::fmt;

use jiff::SignedDuration;

/// Why a message was not handed over, or may not have been. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What follows from it.
    pub kind: FailureKind,
    /// What happened and where: `connection refused (api.telegram.org:443)`.
    pub what: String,
    /// What the person should do; empty when waiting is all there is to do.
    pub advice: String,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It did not arrive and may later: try again, not before the time the server asked for.
    Retryable {
        /// How long the server wants us to wait.
        retry_after: Option<SignedDuration>,
    },
    /// It may have arrived: try again under the same id.
    Unconfirmed,
    /// The machine has no network: wait for it.
    Offline,
    /// There is nothing here to send it by, such as no session bus: look again now and then.
    NoTransport,
    /// It will never be taken as it is: the person must change something.
    Permanent,
}

impl FailureKind {
    /// `retryable`, `unconfirmed`, `offline`, `no_transport` or `permanent`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retryable { .. } => "retryable",
            Self::Unconfirmed => "unconfirmed",
            Self::Offline => "offline",
            Self::NoTransport => "no_transport",
            Self::Permanent => "permanent",
        }
    }
}

impl Failure {
    /// A failure with nothing to do about it but to wait.
    #[must_use]
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), advice: String::new() }
    }

    /// It did not arrive and may later.
    #[must_use]
    pub fn later(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Retryable { retry_after: None }, what)
    }

    /// Refused for good.
    #[must_use]
    pub fn refused(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { kind: FailureKind::Permanent, what: what.into(), advice: advice.into() }
    }

    /// Nothing to send it by.
    #[must_use]
    pub fn unavailable(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { kind: FailureKind::NoTransport, what: what.into(), advice: advice.into() }
    }
}

impl fmt::Display for Failure {
    /// `Telegram answered 401 Unauthorized – check alerters.telegram.token`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, " – {}", self.advice) }
    }
}
