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
    /// The status and message for the client, and the reason in the log.
    pub(crate) const fn details(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::WrongHost => (StatusCode::MISDIRECTED_REQUEST, "This server does not serve that host.", "wrong host"),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "Send changes from Operator's own page, or with the token.",
                "change from another website",
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "Open the dashboard from Operator's menu, or with `operator dashboard`. Programs send the token.",
                "no token and no cookie",
            ),
            Self::InvalidCredentials => (
                StatusCode::UNAUTHORIZED,
                "This session has ended. Open the dashboard again from Operator's menu, or with `operator dashboard`.",
                "invalid or expired token or cookie",
            ),
            Self::InvalidTicket => (
                StatusCode::UNAUTHORIZED,
                "This link was used before or has expired. Open the dashboard again from Operator's menu, or with \
                 `operator dashboard`.",
                "used or expired link",
            ),
            Self::BodyTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 16 KiB.", "body larger than 16 KiB")
            }
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.", "body timeout"),
            Self::BadRequest => (StatusCode::BAD_REQUEST, "This is not an HTTP request.", "not HTTP"),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The request head is too large.",
                "request head too large",
            ),
            Self::TooManyConnections => {
                (StatusCode::SERVICE_UNAVAILABLE, "Too many connections are open.", "too many connections")
            }
        }
    }
}

/// Logs each kind of rejection once: a client that retries must not fill the log.
#[derive(Debug, Default)]
pub(crate) struct RejectionLog(Mutex<BTreeSet<Rejection>>);

impl RejectionLog {
    pub(crate) fn record(&self, rejection: Rejection) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(rejection) {
            let (_, _, reason) = rejection.details();
            tracing::warn!(reason, "request rejected; later ones of this kind are not logged");
        }
    }
}
