//! Rejected requests: their status, message and log line.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use hyper::StatusCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rejection {
    /// The host is not ours, as in DNS rebinding.
    WrongHost,
    /// A change that another website sent.
    ForeignOrigin,
    /// No token and no cookie.
    Unauthorized,
    /// A forged or expired token or cookie.
    InvalidCredentials,
    /// A used or expired one-time link.
    InvalidTicket,
    BodyTooLarge,
    Timeout,
    BadRequest,
    HeadersTooLarge,
    TooManyConnections,
}

impl Rejection {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::Unauthorized | Self::InvalidCredentials | Self::InvalidTicket => StatusCode::UNAUTHORIZED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooManyConnections => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// For the client.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::WrongHost => "This server does not serve that host.",
            Self::ForeignOrigin => "Send changes from Operator's own page, or with the token.",
            Self::Unauthorized => {
                "Open the dashboard from Operator's menu, or with `operator dashboard`. Programs send the token."
            }
            Self::InvalidCredentials => {
                "This session has ended. Open the dashboard again from Operator's menu, or with `operator dashboard`."
            }
            Self::InvalidTicket => {
                "This link was used before or has expired. Open the dashboard again from Operator's menu, or with \
                 `operator dashboard`."
            }
            Self::BodyTooLarge => "The body is larger than 16 KiB.",
            Self::Timeout => "The body did not arrive in time.",
            Self::BadRequest => "This is not an HTTP request.",
            Self::HeadersTooLarge => "The request head is too large.",
            Self::TooManyConnections => "Too many connections are open.",
        }
    }

    const fn log_reason(self) -> &'static str {
        match self {
            Self::WrongHost => "wrong host",
            Self::ForeignOrigin => "change from another website",
            Self::Unauthorized => "no token and no cookie",
            Self::InvalidCredentials => "invalid or expired token or cookie",
            Self::InvalidTicket => "used or expired link",
            Self::BodyTooLarge => "body larger than 16 KiB",
            Self::Timeout => "body timeout",
            Self::BadRequest => "not HTTP",
            Self::HeadersTooLarge => "request head too large",
            Self::TooManyConnections => "too many connections",
        }
    }
}

/// Logs each kind of rejection once: a client that retries must not fill the log.
#[derive(Debug, Default)]
pub(crate) struct RejectionLog(Mutex<BTreeSet<Rejection>>);

impl RejectionLog {
    pub(crate) fn record(&self, rejection: Rejection) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(rejection) {
            tracing::warn!(reason = rejection.log_reason(), "request rejected; later ones of this kind are not logged");
        }
    }
}
