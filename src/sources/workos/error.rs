//! Classifies failures of the Postgres server, and says what the user can do about each.

use std::io;

use tokio_postgres::error::DbError;

use super::SOURCE;
use crate::net::error::root_cause;
use crate::sources;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// From the driver or the server.
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Source(#[from] sources::Error),
}

impl Error {
    /// Whether TLS failed, or the server refuses this login over TLS (28000).
    pub(crate) fn is_tls_related(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        is_handshake_error(error) || error.code().is_some_and(|code| code.code() == "28000")
    }

    /// `servers` is shown to the user.
    pub(crate) fn explain(self, servers: &str) -> sources::Error {
        let error = match self {
            Self::Source(error) => return error,
            Self::Postgres(error) => error,
        };
        if let Some(error) = error.as_db_error() {
            return explain_sqlstate(error, servers);
        }
        if is_handshake_error(&error) {
            return explain_handshake(&error, servers);
        }
        if let Some(error) = find_cause::<io::Error>(&error) {
            return sources::Error::transient(SOURCE, format!("{} ({servers})", describe_io(error)));
        }
        match error.to_string().as_str() {
            "authentication error" | "invalid configuration" => {
                let advice = "Check user and password in sources.workos.url.";
                let message = format!("cannot log in: {} ({servers})", root_cause(&error));
                sources::Error::action_required(SOURCE, message, advice)
            }
            other => sources::Error::transient(SOURCE, format!("{other} ({servers})")),
        }
    }
}

/// SQLSTATE codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn explain_sqlstate(error: &DbError, servers: &str) -> sources::Error {
    let message = format!("{} ({servers})", error.message());
    let advice = match error.code().code() {
        "28P01" => "Check user and password in sources.workos.url.",
        "28000" => "Check the user in sources.workos.url, the server's access rules, and sslmode.",
        "3D000" => "Check the database's name in sources.workos.url.",
        "42501" => "Let the user of sources.workos.url read the tables: GRANT SELECT.",
        // Out of connections, starting up, shutting down, cancelled for time, a conflict on a standby, …
        _ => return sources::Error::transient(SOURCE, message),
    };
    sources::Error::action_required(SOURCE, message, advice)
}

fn is_handshake_error(error: &tokio_postgres::Error) -> bool {
    // The driver does not expose the kind of its errors.
    error.to_string() == "error performing TLS handshake"
}

fn explain_handshake(error: &tokio_postgres::Error, servers: &str) -> sources::Error {
    let message = |reason: &dyn std::fmt::Display| format!("no TLS connection: {reason} ({servers})");
    // tokio-rustls wraps its errors into those of std.
    let io = find_cause::<io::Error>(error);
    let tls = io.and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let (reason, advice) = match (tls, io) {
        (Some(rustls::Error::InvalidCertificate(_)), _) => (
            root_cause(error),
            "If you trust this server, set sources.workos.ca_file to a PEM file with the authority of its certificate.",
        ),
        (Some(tls), _) => (tls.to_string(), "Check the server's TLS settings and sslmode."),
        (None, Some(io)) => return sources::Error::transient(SOURCE, message(&describe_io(io))),
        (None, None) => (
            root_cause(error),
            "Turn on TLS at the server, or lower sslmode in sources.workos.url if the network to it is trusted.",
        ),
    };
    sources::Error::action_required(SOURCE, message(&reason), advice)
}

fn describe_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "the connection broke".into()
        }
        io::ErrorKind::TimedOut => "no answer in time".into(),
        _ => error.to_string(),
    }
}

fn find_cause<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
