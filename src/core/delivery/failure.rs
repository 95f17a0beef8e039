//! Why a message was not delivered, and how the dispatcher reacts.

use std::fmt;

use jiff::SignedDuration;

/// Why a message was not delivered, or may not have been. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// The error and its place: `connection refused (api.telegram.org:443)`.
    pub message: String,
    /// What the user can do about it; empty when only waiting helps.
    pub hint: String,
}

/// How the dispatcher reacts to a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The message did not arrive. Retry after a pause, or after the delay the server asked for.
    Retryable { retry_after: Option<SignedDuration> },
    /// The message may have arrived. Retry under the same id.
    Unconfirmed,
    /// The machine has no network. Retry when it may be back.
    Offline,
    /// This machine has no way to send, such as no session bus. Retry now and then.
    NoTransport,
    /// The service will never accept this message. The user must change something.
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
    /// A failure that only waiting can fix.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: String::new() }
    }

    #[must_use]
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Retryable { retry_after: None }, message)
    }

    #[must_use]
    pub fn permanent(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..Self::new(FailureKind::Permanent, message) }
    }

    #[must_use]
    pub fn no_transport(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..Self::new(FailureKind::NoTransport, message) }
    }
}

impl fmt::Display for Failure {
    /// `Telegram answered 401 Unauthorized – check alerters.telegram.token`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " – {}", self.hint) }
    }
}
