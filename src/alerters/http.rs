//! HTTP errors and statuses as delivery failures.

use super::{Failure, FailureKind};
use crate::net::client::Response;
use crate::net::{Error, ErrorKind};
use crate::sys::secret_file;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::Setup | ErrorKind::Connect => FailureKind::Retryable { retry_after: None },
            ErrorKind::Offline => FailureKind::Offline,
            ErrorKind::Timeout | ErrorKind::Cut | ErrorKind::TooLarge => FailureKind::Unconfirmed,
        };
        Self::new(kind, error.message)
    }
}

impl From<secret_file::Error> for Failure {
    fn from(error: secret_file::Error) -> Self {
        Self::permanent(error.message, error.hint)
    }
}

/// The failure kind of an unsuccessful status; `None` if a retry would get the same response.
///
/// `is_certain`: the server itself says that it did nothing. Another server error may come after the message was accepted.
pub(super) fn retryable(response: &Response, is_certain: bool) -> Option<FailureKind> {
    let retry_after = response.retry_after();
    match response.status.as_u16() {
        // Wait, a duplicate in progress, or no space left.
        408 | 409 | 425 | 429 | 503 | 507 => Some(FailureKind::Retryable { retry_after }),
        500.. if is_certain => Some(FailureKind::Retryable { retry_after }),
        500.. => Some(FailureKind::Unconfirmed),
        _ => None,
    }
}
