//! What a failure of the Postgres server means, and what to do about it.

use std::error::Error;
use std::io;

use tokio_postgres::error::DbError;

use super::SOURCE;
use crate::sources::error::SourceError;

/// Why there is no reading.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The driver or the server said so.
    Postgres(tokio_postgres::Error),
    /// We said so.
    Source(SourceError),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl Failure {
    /// Whether TLS itself failed, or the server does not let this login in over TLS.
    pub(crate) fn is_about_tls(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        is_handshake(error) || error.code().is_some_and(|code| code.code() == "28000")
    }

    /// The same for people; `place` is where the server is.
    pub(crate) fn explain(self, place: &str) -> SourceError {
        let error = match self {
            Self::Source(error) => return error,
            Self::Postgres(error) => error,
        };
        if let Some(answer) = error.as_db_error() {
            return refusal(answer, place);
        }
        if is_handshake(&error) {
            return handshake(&error, place);
        }
        if let Some(broken) = cause::<io::Error>(&error) {
            return SourceError::outage(SOURCE, format!("{} ({place})", connection_trouble(broken)));
        }
        match error.to_string().as_str() {
            "authentication error" | "invalid configuration" => {
                let advice = "Check user and password in sources.workos.url.";
                SourceError::needs_user(SOURCE, format!("cannot log in: {} ({place})", deepest(&error)), advice)
            }
            other => SourceError::outage(SOURCE, format!("{other} ({place})")),
        }
    }
}

/// The server's own refusal, by its SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn refusal(answer: &DbError, place: &str) -> SourceError {
    let what = format!("{} ({place})", answer.message());
    let advice = match answer.code().code() {
        "28P01" => "Check user and password in sources.workos.url.",
        "28000" => "Check the user in sources.workos.url, whether the server lets it in from here, and sslmode.",
        "3D000" => "Check the database's name in sources.workos.url.",
        "42501" => "Let the user of sources.workos.url read the tables: GRANT SELECT.",
        // Out of connections, starting up, shutting down, cancelled for time, a conflict on a standby, …
        _ => return SourceError::outage(SOURCE, what),
    };
    SourceError::needs_user(SOURCE, what, advice)
}

fn is_handshake(error: &tokio_postgres::Error) -> bool {
    // The driver keeps the kind to itself; its words are all there is.
    error.to_string() == "error performing TLS handshake"
}

fn handshake(error: &tokio_postgres::Error, place: &str) -> SourceError {
    let what = |why: &dyn std::fmt::Display| format!("no TLS connection: {why} ({place})");
    // tokio-rustls wraps its errors into those of std.
    let broken = cause::<io::Error>(error);
    let tls = broken.and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, broken) {
        (Some(rustls::Error::InvalidCertificate(_)), _) => SourceError::needs_user(
            SOURCE,
            what(&deepest(error)),
            "If you trust this server, set sources.workos.ca_file to a PEM file with the authority of its certificate.",
        ),
        (Some(tls), _) => SourceError::needs_user(SOURCE, what(tls), "Check the server's TLS settings and sslmode."),
        (None, Some(broken)) => SourceError::outage(SOURCE, what(&connection_trouble(broken))),
        (None, None) => SourceError::needs_user(
            SOURCE,
            what(&deepest(error)),
            "Turn on TLS at the server, or lower sslmode in sources.workos.url if the way to it is safe.",
        ),
    }
}

fn connection_trouble(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "the connection broke".into()
        }
        io::ErrorKind::TimedOut => "no answer in time".into(),
        _ => error.to_string(),
    }
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

fn deepest(error: &(dyn Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |&error| error.source()).last();
    last.map(ToString::to_string).unwrap_or_default()
}
