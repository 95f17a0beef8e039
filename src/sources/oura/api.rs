//! Oura's API v2: asked when the cache is missing or old, and for what the cache lacks.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use self::fetch::fetch_page;
use crate::core::facts::{HealthReading, RestMode};
use crate::net::HttpClient;
use crate::net::host::host_port;
use crate::sources::Error;
use crate::sources::http::JsonClient;
use crate::sources::oura::json::{Days, LONGEST_DOCUMENT, rest_mode};
use crate::sources::oura::oauth::Account;

mod fetch;

const SOURCE: &str = "oura_api";

/// A collection of a few weeks has one or two pages; one that goes on has lost its way.
const MOST_PAGES: usize = 50;

/// Rest that began this long before the first day may still last in it.
const REST_LOOK_BACK_DAYS: i64 = 60;

/// What the API lets us in by.
#[derive(Debug)]
pub enum Access {
    /// A token that the person gave.
    Token(SecretString),
    /// A connection's token, and the connection that gives out the next one when this is refused.
    Connection(SecretString, Arc<Account>),
}

/// Oura's API with one person's token.
#[derive(Debug)]
pub struct OuraApi {
    base: Url,
    access: Access,
    timeout: Duration,
    http: HttpClient,
}

/// A collection of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Collection {
    Readiness,
    Sleep,
    Stress,
    RestMode,
}

impl Collection {
    const fn name(self) -> &'static str {
        match self {
            Self::Readiness => "daily_readiness",
            Self::Sleep => "sleep",
            Self::Stress => "daily_stress",
            Self::RestMode => "rest_mode_period",
        }
    }

    /// A reading counts without these: the token may lack their scope.
    const fn is_extra(self) -> bool {
        matches!(self, Self::Stress | Self::RestMode)
    }

    /// The first day to ask for so that everything about `from` is in the answer.
    fn ask_from(self, from: Date) -> Date {
        match self {
            Self::RestMode => from.saturating_sub(REST_LOOK_BACK_DAYS.days()),
            _ => from,
        }
    }
}

impl OuraApi {
    /// `base_url` is where the collections are; `timeout` bounds a whole reading. Nothing is sent yet.
    ///
    /// # Errors
    /// `NeedsUser` if the address is none.
    pub fn new(base_url: &str, access: Access, timeout: Duration) -> Result<Self, Error> {
        let base = Url::parse(base_url.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                let advice = "Set sources.oura.base_url to an address such as \
                              https://api.ouraring.com/v2/usercollection.";
                Error::action_required(SOURCE, "the base URL is not an http(s) address", advice)
            })?;
        Ok(Self { base, access, timeout, http: HttpClient::default() })
    }

    /// Readiness, sleep, stress and rest mode of the days `from..=to`, as of `now`.
    ///
    /// # Errors
    /// `NeedsUser` if Oura refuses the token or the question; `Outage`, with the pause that the server asked for, if
    /// there was no whole answer in time.
    pub async fn read(&self, from: Date, to: Date, now: Timestamp) -> Result<HealthReading, Error> {
        let all = [Collection::Readiness, Collection::Sleep, Collection::Stress, Collection::RestMode];
        self.within_timeout(&all, from, to, now).await
    }

    /// Stress and rest mode only: what the cache does not hold.
    ///
    /// # Errors
    /// As `read`; a token without the scope is a note, not an error.
    pub async fn read_extras(&self, from: Date, to: Date, now: Timestamp) -> Result<HealthReading, Error> {
        self.within_timeout(&[Collection::Stress, Collection::RestMode], from, to, now).await
    }

    async fn within_timeout(
        &self,
        collections: &[Collection],
        from: Date,
        to: Date,
        now: Timestamp,
    ) -> Result<HealthReading, Error> {
        let reading = self.ask(collections, from, to, now);
        tokio::time::timeout(self.timeout, reading).await.unwrap_or_else(|_| {
            let what = format!("no whole answer within {} s ({})", self.timeout.as_secs_f32(), self.place());
            Err(Error::transient(SOURCE, what))
        })
    }

    async fn ask(
        &self,
        collections: &[Collection],
        from: Date,
        to: Date,
        now: Timestamp,
    ) -> Result<HealthReading, Error> {
        let mut days = Days::new(from, to);
        let mut rest = None;
        let mut pass = Pass::of(&self.access);
        for &collection in collections {
            match self.collection(collection, &mut pass, (from, to), now).await {
                Ok(documents) if collection == Collection::RestMode => {
                    rest = Some(rest_periods(&documents, from, to, &mut days));
                }
                Ok(documents) => take(collection, &documents, &mut days, now),
                Err(failure) if collection.is_extra() && failure.out_of_scope => days.note(failure.error.message),
                Err(failure) => return Err(failure.error),
            }
        }
        let (days, notes) = days.finish();
        Ok(HealthReading { source: SOURCE, days, synced_at: Some(now), rest, notes })
    }

    /// All pages of a collection. The end date is inclusive for some and exclusive for others: one day more is asked.
    async fn collection(
        &self,
        collection: Collection,
        pass: &mut Pass<'_>,
        (from, to): (Date, Date),
        now: Timestamp,
    ) -> Result<Vec<Value>, fetch::Failure> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(collection.name());
        }
        url.query_pairs_mut()
            .append_pair("start_date", &collection.ask_from(from).to_string())
            .append_pair("end_date", &to.saturating_add(1.day()).to_string());
        let mut documents = Vec::new();
        let mut tokens: Vec<String> = Vec::new();
        loop {
            let mut page_url = url.clone();
            if let Some(token) = tokens.last() {
                page_url.query_pairs_mut().append_pair("next_token", token);
            }
            let client = JsonClient { http: &self.http, source: SOURCE, token: &pass.token, now };
            let page = match fetch_page(&client, collection.name(), &page_url).await {
                Err(failure) if failure.token_refused => {
                    pass.renew(failure).await?;
                    continue;
                }
                page => page?,
            };
            documents.extend(page.documents);
            match page.next {
                None => return Ok(documents),
                Some(next) if tokens.contains(&next) || tokens.len() + 1 >= MOST_PAGES => {
                    let what = format!("the pages of {} do not end ({})", collection.name(), self.place());
                    return Err(Error::transient(SOURCE, what).into());
                }
                Some(next) => tokens.push(next),
            }
        }
    }

    /// The server's name and port, without anything secret that the address may hold.
    fn place(&self) -> String {
        host_port(&self.base)
    }
}

/// The token that one reading goes by.
struct Pass<'a> {
    token: SecretString,
    /// The connection that may give out another, once in a reading.
    connection: Option<&'a Arc<Account>>,
    renewed: bool,
}

impl<'a> Pass<'a> {
    fn of(access: &'a Access) -> Self {
        let (token, connection) = match access {
            Access::Token(token) => (token, None),
            Access::Connection(token, account) => (token, Some(account)),
        };
        Self { token: token.clone(), connection, renewed: false }
    }

    /// Another token in the place of one that was refused: the clocks may differ, or another process may have been faster.
    async fn renew(&mut self, failure: fetch::Failure) -> Result<(), fetch::Failure> {
        let Some(account) = self.connection else { return Err(failure) };
        if self.renewed {
            return Err(account.refused_again().into());
        }
        self.renewed = true;
        // Tokens go by the clock on the wall, whatever moment the check is made for.
        self.token = account.renewed(&self.token, Timestamp::now()).await?;
        Ok(())
    }
}

/// The periods that touch the range; a document without usable days is passed over with a note.
fn rest_periods(documents: &[Value], from: Date, to: Date, days: &mut Days) -> Vec<RestMode> {
    let touches = |rest: &RestMode| rest.start <= to && rest.end.is_none_or(|end| end >= from);
    let mut periods = Vec::new();
    for document in documents {
        match rest_mode(document) {
            Some(period) => periods.push(period),
            None => days.note("A rest mode document has no usable days and was passed over.".into()),
        }
    }
    periods.retain(touches);
    periods
}

/// Sorts a collection's documents in; one that is too long is passed over with a note.
fn take(collection: Collection, documents: &[Value], days: &mut Days, now: Timestamp) {
    for document in documents {
        if document.to_string().len() > LONGEST_DOCUMENT as usize {
            days.note(format!("A document of {} is over 1 MiB and was passed over.", collection.name()));
            continue;
        }
        match collection {
            Collection::Readiness => days.readiness(document, Some(now)),
            Collection::Sleep => days.sleep(document, Some(now)),
            Collection::Stress => days.stress(document, Some(now)),
            Collection::RestMode => {}
        }
    }
}
