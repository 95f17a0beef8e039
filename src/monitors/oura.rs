//! Fetching health data: Oura's local cache first, then its API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};

use super::sources::OuraSources;
use crate::core::facts::{HealthDay, HealthReading};
use crate::core::history;
use crate::sources::blocking::run_blocking;
use crate::sources::oura::api::{Access, OuraApi};
use crate::sources::oura::cache;
use crate::sources::{self, ErrorKind};
use crate::sys::secret_file;

/// Has both a reading and an error if the cache was stale and the API failed.
#[derive(Debug, Clone)]
pub struct OuraReading {
    pub reading: Option<HealthReading>,
    pub error: Option<sources::Error>,
}

/// A fresh cache reading waits no longer for the data that only the API has.
const EXTRAS_TIMEOUT: Duration = Duration::from_secs(5);

/// Oura's app keeps this many days in its cache.
const CACHE_DAYS: i64 = 7;

/// Fetch the days from `since` to today. The API is called if the cache is missing, stale or failing, and only if `remote` allows
/// network access.
pub async fn fetch(sources: &OuraSources, remote: bool, since: Date, now: &ZonedDateTime) -> OuraReading {
    let (path, today) = (sources.cache.clone(), now.date());
    let cached = run_blocking("oura_cache", move || cache::fetch(&path, since, today)).await;
    let cached = match cached {
        Ok(reading) if is_fresh(&reading, now) && reaches_back(&reading, since, now) => {
            return fetch_extras(reading, sources, remote, now).await;
        }
        other => other,
    };
    match connect(sources, remote).await {
        Ok(Some(api)) => fetch_api(&api, cached, remote, since, now).await,
        Ok(None) => without_api(sources, cached, None),
        Err(error) => without_api(sources, cached, Some(error)),
    }
}

/// A configured token has precedence over a connection.
async fn connect(sources: &OuraSources, remote: bool) -> Result<Option<OuraApi>, sources::Error> {
    let token = secret_file::load(sources.token.as_ref(), sources.token_file.as_ref())
        .await
        .map_err(|error| sources::Error::from_secret_file("oura_api", error))?;
    let access = match (token, &sources.account) {
        (Some(token), _) => Some(Access::Token(token)),
        (None, Some(account)) => {
            // Tokens expire by the system clock, whatever moment the check is made for.
            let token = account.access_token(remote, Timestamp::now()).await?;
            token.map(|token| Access::Connection(token, Arc::clone(account)))
        }
        (None, None) => None,
    };
    access.map(|access| OuraApi::new(&sources.base_url, access, sources.timeout)).transpose()
}

fn without_api(
    sources: &OuraSources,
    cached: Result<HealthReading, sources::Error>,
    api: Option<sources::Error>,
) -> OuraReading {
    match cached {
        Ok(reading) => OuraReading { reading: Some(reading), error: api },
        Err(error) if api.is_none() && !sources.cache_is_named && !sources.cache.exists() => {
            let advice = "run `operator connect oura`, or set sources.oura.cache_dir";
            let message = format!("not connected, and no cache at {}", sources.cache.display());
            let not_configured = sources::Error::not_configured(error.source, message, advice);
            OuraReading { reading: None, error: Some(not_configured) }
        }
        Err(error) => OuraReading { reading: None, error: Some(combine(error, api)) },
    }
}

async fn fetch_api(
    api: &OuraApi,
    cached: Result<HealthReading, sources::Error>,
    remote: bool,
    since: Date,
    now: &ZonedDateTime,
) -> OuraReading {
    let fetched = if remote {
        api.fetch(since, now.date(), now.timestamp()).await
    } else {
        Err(sources::Error::transient("oura_api", "not called while its circuit is open"))
    };
    match (cached, fetched) {
        (Ok(old), Ok(new)) => OuraReading { reading: Some(merge_readings(old, new)), error: None },
        (Err(_), Ok(new)) => OuraReading { reading: Some(new), error: None },
        (Ok(old), Err(error)) => {
            let message = format!("nothing of today, {}", last_synced(&old, now));
            let stale = sources::Error::transient("oura_cache", message);
            OuraReading { reading: Some(old), error: Some(combine(stale, Some(error))) }
        }
        (Err(old), Err(error)) => OuraReading { reading: None, error: Some(combine(old, Some(error))) },
    }
}

/// The moment, not the age: the same error must read the same an hour later.
fn last_synced(reading: &HealthReading, now: &ZonedDateTime) -> String {
    let at = reading.synced_at.map(|at| at.to_zoned_datetime(now.time_zone().clone()));
    at.map_or_else(|| "never synced".into(), |at| format!("last synced {}", at.strftime("%Y-%m-%d %H:%M")))
}

/// Add stress and rest mode, which the cache lacks. The cache reading counts without them, so a transient error is only a note.
async fn fetch_extras(reading: HealthReading, sources: &OuraSources, remote: bool, now: &ZonedDateTime) -> OuraReading {
    let yesterday = now.date().yesterday().unwrap_or(now.date());
    let extras = async {
        match connect(sources, remote).await? {
            Some(api) if remote => api.fetch_extras(yesterday, now.date(), now.timestamp()).await.map(Some),
            _ => Ok(None),
        }
    };
    let late = |_| Err(sources::Error::transient("oura_api", "did not answer in time"));
    match tokio::time::timeout(EXTRAS_TIMEOUT, extras).await.unwrap_or_else(late) {
        Ok(Some(extras)) => OuraReading { reading: Some(with_api_extras(reading, extras)), error: None },
        Ok(None) => OuraReading { reading: Some(reading), error: None },
        Err(error) if error.kind == ErrorKind::ActionRequired || error.retry_after.is_some() => {
            OuraReading { reading: Some(reading), error: Some(error) }
        }
        Err(error) => {
            let mut reading = reading;
            reading.notes.push(format!("stress and rest mode are unknown ({error})"));
            OuraReading { reading: Some(reading), error: None }
        }
    }
}

/// The age of the data stays that of the cache.
fn with_api_extras(reading: HealthReading, mut extras: HealthReading) -> HealthReading {
    extras.days.iter_mut().for_each(|day| day.as_of = None);
    let (source, synced_at) = (reading.source, reading.synced_at);
    HealthReading { source, synced_at, ..merge_readings(reading, extras) }
}

fn merge_readings(old: HealthReading, new: HealthReading) -> HealthReading {
    HealthReading {
        source: new.source,
        synced_at: old.synced_at.max(new.synced_at),
        rest: new.rest.or(old.rest),
        notes: old.notes.into_iter().chain(new.notes).collect(),
        days: merge_days(old.days, &new.days),
    }
}

/// Two lists of days merged, `read` being the newer; by date ascending.
pub fn merge_days(known: Vec<HealthDay>, read: &[HealthDay]) -> Vec<HealthDay> {
    let mut days: BTreeMap<Date, HealthDay> = known.into_iter().map(|day| (day.date, day)).collect();
    for day in read {
        let known = days.remove(&day.date).unwrap_or_else(|| HealthDay::unknown(day.date));
        days.insert(day.date, history::merge(known, day.clone()));
    }
    days.into_values().collect()
}

/// Whether the cache has data of today.
fn is_fresh(reading: &HealthReading, now: &ZonedDateTime) -> bool {
    reading.days.iter().any(|day| day.date == now.date() && day.is_synced())
}

/// Whether the cache has the wanted days. More than `CACHE_DAYS` are wanted only while the saved history is too short for a
/// baseline, and after Oura was connected; then half of the days suffice, because days can be missing everywhere.
fn reaches_back(reading: &HealthReading, since: Date, now: &ZonedDateTime) -> bool {
    let wanted = now.date().duration_since(since).as_hours() / 24;
    wanted <= CACHE_DAYS || i64::try_from(reading.days.len()).is_ok_and(|days| 2 * days >= wanted)
}

/// One error for a failed cache and a failed API; the API's kind and advice win if it has any.
fn combine(cache: sources::Error, api: Option<sources::Error>) -> sources::Error {
    let Some(api) = api else { return cache };
    sources::Error {
        source: cache.source,
        kind: if api.kind == ErrorKind::NotConfigured { cache.kind } else { api.kind },
        message: format!("{}; {}: {}", cache.message, api.source, api.message),
        advice: if api.advice.is_empty() { cache.advice } else { api.advice },
        retry_after: api.retry_after,
    }
}
