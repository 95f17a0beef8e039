//! WorkOS: a task database on a Postgres server that somebody works with. Read-only, one connection a reading.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, ZonedDateTime};
use secrecy::SecretString;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, IsolationLevel};

use self::address::Address;
use self::failure::Failure;
use super::error::SourceError;
use super::tasks::{Reading, TaskSource};
use crate::core::facts::TaskReading;
use crate::sys::secret_file;

mod address;
mod certificate;
mod failure;
mod questions;
mod schema;

const SOURCE: &str = "workos";

/// The WorkOS database.
#[derive(Debug, Clone)]
pub struct Workos {
    /// Its address, password included.
    pub url: Option<SecretString>,
    /// A file that holds the address.
    pub url_file: Option<PathBuf>,
    /// Who signed its certificate.
    pub ca_file: Option<PathBuf>,
    /// The longest that it may take.
    pub timeout: Duration,
}

impl TaskSource for Workos {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn is_set_up(&self) -> bool {
        self.url.is_some() || self.url_file.is_some()
    }

    fn is_local(&self) -> bool {
        false
    }

    fn read<'a>(&'a self, now: &'a ZonedDateTime) -> Reading<'a> {
        Box::pin(async {
            let Some(url) = secret_file::load(self.url.as_ref(), self.url_file.as_ref())
                .await
                .map_err(|error| SourceError::from_secret_file(SOURCE, error))?
            else {
                let advice = "set sources.workos.url, or the variable WORKOS_DATABASE_URL";
                return Err(match self.is_set_up() {
                    true => SourceError::needs_user(SOURCE, "the address of the database is empty", advice),
                    false => SourceError::not_set_up(SOURCE, "no database is named", advice),
                });
            };
            read(&url, self.ca_file.as_deref(), self.timeout, now).await
        })
    }
}

/// Open tasks, today's goal, what was written down and how much got done, as of `now` and on its local date.
/// `timeout` bounds everything, connecting included; `ca_file` is a PEM file with the authorities to trust.
///
/// # Errors
/// `NeedsUser` if the address, the login, the certificate or the tables are not right; `Outage` if the server cannot
/// be reached or breaks off. No message holds the password.
pub async fn read(
    url: &SecretString,
    ca_file: Option<&Path>,
    timeout: Duration,
    now: &ZonedDateTime,
) -> Result<TaskReading, SourceError> {
    let address = Address::parse(url, ca_file)?;
    let place = address.place();
    match tokio::time::timeout(timeout, connect_and_ask(&address, timeout, now)).await {
        Ok(reading) => reading.map_err(|failure| failure.explain(&place)),
        Err(_) => {
            Err(SourceError::outage(SOURCE, format!("no whole answer within {} s ({place})", timeout.as_secs_f32())))
        }
    }
}

async fn connect_and_ask(address: &Address, timeout: Duration, now: &ZonedDateTime) -> Result<TaskReading, Failure> {
    match connect_as(&address.config, address, timeout, now).await {
        // libpq's `prefer`: a server that cannot do TLS with us is asked once more without.
        Err(failure) if address.may_go_without_tls() && failure.is_about_tls() => {
            let mut plain = address.config.clone();
            plain.ssl_mode(SslMode::Disable);
            connect_as(&plain, address, timeout, now).await.map_err(|_| failure)
        }
        reading => reading,
    }
}

async fn connect_as(
    config: &Config,
    address: &Address,
    timeout: Duration,
    now: &ZonedDateTime,
) -> Result<TaskReading, Failure> {
    let tls = certificate::connector(&address.verify)?;
    let (client, connection) = config.connect(tls).await?;
    // The connection ends by itself when the client is dropped, after the last answer.
    let asking = async move { ask(client, timeout, now).await };
    match tokio::join!(asking, connection) {
        // The connection knows better why it broke than the question that was under way.
        (Err(Failure::Postgres(e)), Err(why)) if e.is_closed() => Err(why.into()),
        (reading, _) => reading,
    }
}

/// The moments that questions are asked about.
struct When {
    now: Timestamp,
    today: Date,
    midnight: Timestamp,
    week_ago: Timestamp,
}

impl When {
    fn of(now: &ZonedDateTime) -> Self {
        let instant = now.timestamp();
        Self {
            now: instant,
            today: now.date(),
            midnight: now.start_of_day().map_or(instant, |start| start.timestamp()),
            week_ago: instant.saturating_sub((7 * 24).hours()).unwrap_or(Timestamp::MIN),
        }
    }
}

async fn ask(mut client: Client, timeout: Duration, now: &ZonedDateTime) -> Result<TaskReading, Failure> {
    let when = When::of(now);
    // Repeatable read: all answers are about the same moment.
    let transaction =
        client.build_transaction().read_only(true).isolation_level(IsolationLevel::RepeatableRead).start().await?;
    questions::settle(&transaction, timeout).await?;
    let schema = schema::Schema::ask(&transaction).await?;
    let mut notes = schema.notes();
    let tasks = questions::tasks(&transaction, &schema, &mut notes).await?;
    let reading = TaskReading {
        source: SOURCE,
        as_of: when.now,
        tasks,
        commitments: None,
        has_dates: false,
        goal: questions::goal(&transaction, &schema, &when).await?,
        thoughts: questions::thoughts(&transaction, &schema, &when).await?,
        activity: questions::activity(&transaction, &schema, &when).await?,
        unreadable: Vec::new(),
        notes,
    };
    transaction.rollback().await?;
    Ok(reading)
}
