//! WorkOS: a task database on a Postgres server. Read-only, one connection per fetch.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, ZonedDateTime};
use secrecy::SecretString;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, IsolationLevel};

use self::database_url::DatabaseUrl;
use self::error::Error;
use super::{FetchFuture, TaskSource};
use crate::core::facts::TaskReading;
use crate::sources;
use crate::sys::secret_file;

mod database_url;
mod error;
mod queries;
mod schema;
mod tls;

const SOURCE: &str = "workos";

#[derive(Debug, Clone)]
pub struct Workos {
    /// The database URL, with the password.
    pub url: Option<SecretString>,
    pub url_file: Option<PathBuf>,
    /// PEM file with the certificate authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// Bounds a whole fetch, connecting included.
    pub timeout: Duration,
}

impl TaskSource for Workos {
    fn source_name(&self) -> &'static str {
        SOURCE
    }

    fn is_configured(&self) -> bool {
        self.url.is_some() || self.url_file.is_some()
    }

    fn fetch<'a>(&'a self, now: &'a ZonedDateTime) -> FetchFuture<'a> {
        Box::pin(async {
            let url = secret_file::load(self.url.as_ref(), self.url_file.as_ref()).await;
            let Some(url) = url.map_err(|error| sources::Error::from_secret_file(SOURCE, error))? else {
                let advice = "set sources.workos.url, or the variable WORKOS_DATABASE_URL";
                return Err(match self.is_configured() {
                    true => sources::Error::action_required(SOURCE, "the database URL is empty", advice),
                    false => sources::Error::not_configured(SOURCE, "no database is configured", advice),
                });
            };
            fetch(&url, self.ca_file.as_deref(), self.timeout, now).await
        })
    }
}

/// Open tasks, today's goal, thoughts and activity, as of `now` and on its local date. No error holds the password.
pub async fn fetch(
    url: &SecretString,
    ca_file: Option<&Path>,
    timeout: Duration,
    now: &ZonedDateTime,
) -> Result<TaskReading, sources::Error> {
    let url = DatabaseUrl::parse(url, ca_file)?;
    let servers = url.host_ports();
    match tokio::time::timeout(timeout, connect_and_query(&url, timeout, now)).await {
        Ok(reading) => reading.map_err(|error| error.explain(&servers)),
        Err(_) => {
            let message = format!("no complete answer within {} s ({servers})", timeout.as_secs_f32());
            Err(sources::Error::transient(SOURCE, message))
        }
    }
}

async fn connect_and_query(url: &DatabaseUrl, timeout: Duration, now: &ZonedDateTime) -> Result<TaskReading, Error> {
    match connect_with(&url.config, url, timeout, now).await {
        // libpq's `prefer`: retry without TLS on a server that cannot do TLS with us.
        Err(error) if url.allows_plaintext() && error.is_tls_related() => {
            let mut plaintext = url.config.clone();
            plaintext.ssl_mode(SslMode::Disable);
            connect_with(&plaintext, url, timeout, now).await.map_err(|_| error)
        }
        reading => reading,
    }
}

async fn connect_with(
    config: &Config,
    url: &DatabaseUrl,
    timeout: Duration,
    now: &ZonedDateTime,
) -> Result<TaskReading, Error> {
    let tls = tls::connector(&url.verify)?;
    let (client, connection) = config.connect(tls).await?;
    // The connection ends when `query` drops its client.
    match tokio::join!(query(client, timeout, now), connection) {
        // The connection's own error says why it broke; the query's says only that it is closed.
        (Err(Error::Postgres(error)), Err(cause)) if error.is_closed() => Err(cause.into()),
        (reading, _) => reading,
    }
}

/// The times that the queries compare with.
struct QueryTimes {
    now: Timestamp,
    today: Date,
    midnight: Timestamp,
    week_ago: Timestamp,
}

impl QueryTimes {
    fn new(now: &ZonedDateTime) -> Self {
        let instant = now.timestamp();
        Self {
            now: instant,
            today: now.date(),
            midnight: now.start_of_day().map_or(instant, |start| start.timestamp()),
            week_ago: instant.saturating_sub((7 * 24).hours()).unwrap_or(Timestamp::MIN),
        }
    }
}

async fn query(mut client: Client, timeout: Duration, now: &ZonedDateTime) -> Result<TaskReading, Error> {
    let times = QueryTimes::new(now);
    // Repeatable read: all queries see the same moment.
    let transaction =
        client.build_transaction().read_only(true).isolation_level(IsolationLevel::RepeatableRead).start().await?;
    queries::configure_session(&transaction, timeout).await?;
    let schema = schema::Schema::query(&transaction).await?;
    let mut notes = schema.notes();
    let reading = TaskReading {
        source: SOURCE,
        as_of: times.now,
        tasks: queries::tasks(&transaction, &schema, &mut notes).await?,
        commitments: None,
        has_dates: false,
        goal: queries::goal(&transaction, &schema, &times).await?,
        thoughts: queries::thoughts(&transaction, &schema, &times).await?,
        activity: queries::activity(&transaction, &schema, &times).await?,
        unreadable: Vec::new(),
        notes,
    };
    transaction.rollback().await?;
    Ok(reading)
}
