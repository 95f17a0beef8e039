//! Fetches from Oura's API v2 the days that the cache lacks or has not updated.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use crate::core::facts::{HealthReading, RestMode};
use crate::net::HttpClient;
use crate::net::host::host_port;
use crate::sources::Error;
use crate::sources::http::{self, JsonClient, PageTokens, Status, collection_url, parse_base_url, parse_page};
use crate::sources::oura::json::{DayAccumulator, MAX_DOCUMENT_BYTES, parse_rest_mode};
use crate::sources::oura::oauth::Account;

const SOURCE: &str = "oura_api";

const EXAMPLE_URL: &str = "https://api.ouraring.com/v2/usercollection";

/// A collection of a few weeks has one or two pages.
const MAX_PAGES: usize = 50;

/// Rest mode that began this long before the first day may still last.
const REST_MODE_LOOKBACK_DAYS: i64 = 60;

#[derive(Debug)]
pub enum Access {
    /// From the configuration.
    Token(SecretString),
    /// The token of an OAuth connection, and the account that refreshes it.
    Connection(SecretString, Arc<Account>),
}

#[derive(Debug)]
pub struct OuraApi {
    base: Url,
    access: Access,
    timeout: Duration,
    http: HttpClient,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
enum Collection {
    #[strum(serialize = "daily_readiness")]
    Readiness,
    #[strum(serialize = "sleep")]
    Sleep,
    #[strum(serialize = "daily_stress")]
    Stress,
    #[strum(serialize = "rest_mode_period")]
    RestMode,
}

impl Collection {
    fn as_str(self) -> &'static str {
        self.into()
    }

    /// Optional collections: the token may lack their scope.
    const fn is_optional(self) -> bool {
        matches!(self, Self::Stress | Self::RestMode)
    }

    /// The start date of a request that covers `from`.
    fn start_date(self, from: Date) -> Date {
        match self {
            Self::RestMode => from.saturating_sub(REST_MODE_LOOKBACK_DAYS.days()),
            _ => from,
        }
    }
}

impl OuraApi {
    /// `timeout` bounds a whole fetch. Sends nothing yet.
    pub fn new(base_url: &str, access: Access, timeout: Duration) -> Result<Self, Error> {
        let base = parse_base_url(SOURCE, base_url, "sources.oura.base_url", EXAMPLE_URL)?;
        Ok(Self { base, access, timeout, http: HttpClient::default() })
    }

    /// Readiness, sleep, stress and rest mode of the days `from..=to`.
    pub async fn fetch(&self, from: Date, to: Date, now: Timestamp) -> Result<HealthReading, Error> {
        let all = [Collection::Readiness, Collection::Sleep, Collection::Stress, Collection::RestMode];
        self.fetch_collections(&all, from, to, now).await
    }

    /// Stress and rest mode, which the cache does not hold. A token without their scope is a note, not an error.
    pub async fn fetch_extras(&self, from: Date, to: Date, now: Timestamp) -> Result<HealthReading, Error> {
        self.fetch_collections(&[Collection::Stress, Collection::RestMode], from, to, now).await
    }

    async fn fetch_collections(
        &self,
        collections: &[Collection],
        from: Date,
        to: Date,
        now: Timestamp,
    ) -> Result<HealthReading, Error> {
        let reading = async {
            let mut days = DayAccumulator::new(from, to);
            let mut rest = None;
            let mut bearer = Bearer::new(&self.access);
            for &collection in collections {
                match self.fetch_documents(collection, &mut bearer, (from, to), now).await {
                    Ok(documents) if collection == Collection::RestMode => {
                        rest = Some(parse_rest_modes(&documents, from, to, &mut days));
                    }
                    Ok(documents) => add_documents(collection, &documents, &mut days, now),
                    Err(failure) if collection.is_optional() && failure.is_out_of_scope => {
                        days.add_note(failure.error.message)
                    }
                    Err(failure) => return Err(failure.error),
                }
            }
            let (days, notes) = days.finish();
            Ok(HealthReading { source: SOURCE, days, synced_at: Some(now), rest, notes })
        };
        tokio::time::timeout(self.timeout, reading).await.unwrap_or_else(|_| {
            let seconds = self.timeout.as_secs_f32();
            Err(Error::transient(SOURCE, format!("no complete answer within {seconds} s ({})", host_port(&self.base))))
        })
    }

    /// All pages of a collection. The end date is inclusive for some and exclusive for others, so one day more is requested.
    async fn fetch_documents(
        &self,
        collection: Collection,
        bearer: &mut Bearer<'_>,
        (from, to): (Date, Date),
        now: Timestamp,
    ) -> Result<Vec<Value>, Failure> {
        let mut url = collection_url(&self.base, collection.as_str());
        url.query_pairs_mut()
            .append_pair("start_date", &collection.start_date(from).to_string())
            .append_pair("end_date", &to.saturating_add(1.day()).to_string());
        let mut documents = Vec::new();
        let mut page_tokens = PageTokens::default();
        loop {
            let mut page_url = url.clone();
            if let Some(token) = page_tokens.current() {
                page_url.query_pairs_mut().append_pair("next_token", token);
            }
            let client = JsonClient { http: &self.http, source: SOURCE, token: &bearer.token, now };
            let page = match client.get(&page_url).await {
                Ok((page, _)) => page,
                Err(http::Failure::Status(status)) if status.code == 401 => {
                    bearer.refresh(Failure::from_status(collection, status)).await?;
                    continue;
                }
                Err(http::Failure::Status(status)) => return Err(Failure::from_status(collection, status)),
                Err(http::Failure::Source(error)) => return Err(error.into()),
            };
            let (page, next) = parse_page(page, "data", "next_token").map_err(|problem| {
                Error::transient(SOURCE, format!("the answer to {} {problem}", collection.as_str()))
            })?;
            documents.extend(page);
            let Some(next) = next else { return Ok(documents) };
            if !page_tokens.advance(next, MAX_PAGES) {
                let message = format!("the pages of {} do not end ({})", collection.as_str(), host_port(&self.base));
                return Err(Error::transient(SOURCE, message).into());
            }
        }
    }
}

/// Why a collection could not be fetched.
struct Failure {
    error: Error,
    /// The token lacks the scope of this collection, or the collection does not exist.
    is_out_of_scope: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, is_out_of_scope: false }
    }
}

impl Failure {
    fn from_status(collection: Collection, status: Status) -> Self {
        let advice = match status.code {
            401 => "The token is wrong or has expired: remove sources.oura.token and run `operator connect oura`.",
            403 => "The Oura membership has ended or the token lacks a scope (daily, stress): see your Oura account.",
            404 => "Check sources.oura.base_url: there is no such collection.",
            426 => "Update the Oura app on your phone.",
            300..=399 => "Check sources.oura.base_url: the server redirects, and redirects are not followed.",
            _ => "Oura did not accept the request: update Operator, and check sources.oura.base_url.",
        };
        let message = format!("Oura answered {} to {}", status.code, collection.as_str());
        Self { error: status.into_error(SOURCE, message, advice), is_out_of_scope: matches!(status.code, 403 | 404) }
    }
}

/// The token of one fetch.
struct Bearer<'a> {
    token: SecretString,
    /// Refreshes the token, at most once in a fetch.
    account: Option<&'a Arc<Account>>,
    is_refreshed: bool,
}

impl<'a> Bearer<'a> {
    fn new(access: &'a Access) -> Self {
        let (token, account) = match access {
            Access::Token(token) => (token, None),
            Access::Connection(token, account) => (token, Some(account)),
        };
        Self { token: token.clone(), account, is_refreshed: false }
    }

    /// Replaces a refused token: the clocks may differ, or another process may have refreshed it.
    async fn refresh(&mut self, failure: Failure) -> Result<(), Failure> {
        let Some(account) = self.account else { return Err(failure) };
        if self.is_refreshed {
            return Err(account.fresh_token_refused().into());
        }
        self.is_refreshed = true;
        // Token lifetimes follow the wall clock, also in a check for another time.
        self.token = account.refresh(&self.token, Timestamp::now()).await?;
        Ok(())
    }
}

/// The rest mode periods that overlap the range.
fn parse_rest_modes(documents: &[Value], from: Date, to: Date, days: &mut DayAccumulator) -> Vec<RestMode> {
    let overlaps = |rest: &RestMode| rest.start <= to && rest.end.is_none_or(|end| end >= from);
    let mut periods = Vec::new();
    for document in documents {
        match parse_rest_mode(document) {
            Some(period) => periods.push(period),
            None => days.add_note("A rest mode document has no valid days and was skipped.".into()),
        }
    }
    periods.retain(overlaps);
    periods
}

fn add_documents(collection: Collection, documents: &[Value], days: &mut DayAccumulator, now: Timestamp) {
    for document in documents {
        if document.to_string().len() > MAX_DOCUMENT_BYTES as usize {
            days.add_note(format!("A document of {} is over 1 MiB and was skipped.", collection.as_str()));
            continue;
        }
        match collection {
            Collection::Readiness => days.add_readiness(document, Some(now)),
            Collection::Sleep => days.add_sleep(document, Some(now)),
            Collection::Stress => days.add_stress(document, Some(now)),
            Collection::RestMode => {}
        }
    }
}
