//! What is refused, and how it is said. Each kind is logged once: a client that insists must not fill the log.

use std::collections::BTreeSet;
use std::sync::Mutex;

use hyper::StatusCode;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// It asks for another host: a page elsewhere that had its name resolve to this machine.
    Host,
    /// It would change something and does not come from our own page.
    Origin,
    /// It has neither the token nor a cookie.
    Key,
    /// Its token or cookie is none of ours, or too old.
    WrongKey,
    /// The link was used before, or is too old.
    Ticket,
    /// Its body is too long.
    Length,
    /// It does not come whole.
    Slow,
    /// It is no HTTP.
    Garbled,
    /// Its head is too long.
    Head,
    /// There are too many at once.
    Crowd,
}

impl Refusal {
    /// The answer's code.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Key | Self::WrongKey | Self::Ticket => StatusCode::UNAUTHORIZED,
            Self::Length => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Garbled => StatusCode::BAD_REQUEST,
            Self::Head => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Crowd => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What the client is told.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Host => "This is not the host that was asked for.",
            Self::Origin => "Changes are taken from Operator's own page only, or with the token.",
            Self::Key => {
                "Open the dashboard from Operator's menu, or with `operator dashboard`. Programs send the token."
            }
            Self::WrongKey => {
                "This access has ended. Open the dashboard again from Operator's menu, or with `operator dashboard`."
            }
            Self::Ticket => {
                "This link was used before or is too old. Open the dashboard again from Operator's menu, or with \
                 `operator dashboard`."
            }
            Self::Length => "The body is longer than 16 KiB.",
            Self::Slow => "The body did not come in time.",
            Self::Garbled => "This is no HTTP.",
            Self::Head => "The head is too long.",
            Self::Crowd => "There are too many connections at once.",
        }
    }

    const fn log(self) -> &'static str {
        match self {
            Self::Host => "asked for another host",
            Self::Origin => "would change something from another page",
            Self::Key => "had no token",
            Self::WrongKey => "had a token or a cookie that is not ours or too old",
            Self::Ticket => "came by a link that was used before or is too old",
            Self::Length => "had a body longer than 16 KiB",
            Self::Slow => "did not come whole in time",
            Self::Garbled => "was no HTTP",
            Self::Head => "had a head that is too long",
            Self::Crowd => "came while too many connections were open",
        }
    }
}

/// The kinds that were logged.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeSet<Refusal>>);

impl Refusals {
    /// Log it, unless one of its kind was.
    pub(super) fn note(&self, refusal: Refusal) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.insert(refusal) {
            tracing::warn!(
                "The page refused a request that {}; others like it are refused without a word",
                refusal.log()
            );
        }
    }
}
