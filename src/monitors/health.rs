//! The health monitor: Oura's cache, then its API; today's facts against their own history.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};

use super::MonitorOutcome;
use crate::core::facts::{HealthDay, HealthReading, RestMode};
use crate::core::history;
use crate::core::rules::health::{HealthFacts, judge as judge_rules};
use crate::core::rules::thresholds::HealthThresholds;
use crate::monitors::sources::OuraSources;
use crate::sources::blocking::run_blocking;
use crate::sources::oura::api::{Access, OuraApi};
use crate::sources::oura::cache;
use crate::sources::{self, ErrorKind};
use crate::sys::secret_file;

/// What came out of the chain: both, when an old cache was read and the API failed.
#[derive(Debug, Clone)]
pub struct OuraReading {
    /// What was read.
    pub reading: Option<HealthReading>,
    /// Why nothing better was.
    pub trouble: Option<sources::Error>,
}

/// What the cache has told does not wait longer for what only the API knows.
const EXTRAS_LIMIT: Duration = Duration::from_secs(5);

/// In days.
const A_CACHE_HOLDS: i64 = 7;

/// Ask the cache; where it is missing, stale or failing, the API, if `remote` allows it.
pub async fn read(sources: &OuraSources, remote: bool, since: Date, now: &ZonedDateTime) -> OuraReading {
    let (path, today) = (sources.cache.clone(), now.date());
    let cached = run_blocking("oura_cache", move || cache::fetch(&path, since, today)).await;
    let cached = match cached {
        Ok(reading) if is_fresh(&reading, now) && reaches_back(&reading, since, now) => {
            return with_extras(reading, sources, remote, now).await;
        }
        other => other,
    };
    match connect(sources, remote).await {
        Ok(Some(api)) => ask_api(&api, cached, remote, since, now).await,
        Ok(None) => without_api(sources, cached, None),
        Err(error) => without_api(sources, cached, Some(error)),
    }
}

/// A token that the person gave goes before a connection: whoever writes one down wants it to be used.
async fn connect(sources: &OuraSources, remote: bool) -> Result<Option<OuraApi>, sources::Error> {
    let given = secret_file::load(sources.token.as_ref(), sources.token_file.as_ref())
        .await
        .map_err(|error| sources::Error::from_secret_file("oura_api", error))?;
    let access = match (given, &sources.account) {
        (Some(token), _) => Some(Access::Token(token)),
        (None, Some(account)) => {
            // Tokens go by the clock on the wall, whatever moment the check is made for.
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
        Ok(reading) => OuraReading { reading: Some(reading), trouble: api },
        Err(error) if api.is_none() && !sources.cache_is_named && !sources.cache.exists() => {
            let advice = "run `operator connect oura`, or set sources.oura.cache_dir";
            let what = format!("not connected, and no cache at {}", sources.cache.display());
            OuraReading {
                reading: None,
                trouble: Some(sources::Error {
                    source: error.source,
                    ..sources::Error::not_configured("oura", what, advice)
                }),
            }
        }
        Err(error) => OuraReading { reading: None, trouble: Some(both(Some(&error), api)) },
    }
}

async fn ask_api(
    api: &OuraApi,
    cached: Result<HealthReading, sources::Error>,
    remote: bool,
    since: Date,
    now: &ZonedDateTime,
) -> OuraReading {
    let answer = if remote {
        api.fetch(since, now.date(), now.timestamp()).await
    } else {
        Err(sources::Error::transient("oura_api", "left alone for now, its circuit is open"))
    };
    match (cached, answer) {
        (Ok(old), Ok(new)) => OuraReading { reading: Some(joined(old, new)), trouble: None },
        (Err(_), Ok(new)) => OuraReading { reading: Some(new), trouble: None },
        (Ok(old), Err(error)) => {
            let stale =
                sources::Error::transient("oura_cache", format!("nothing of today, {}", last_synced(&old, now)));
            OuraReading { reading: Some(old), trouble: Some(both(Some(&stale), Some(error))) }
        }
        (Err(old), Err(error)) => OuraReading { reading: None, trouble: Some(both(Some(&old), Some(error))) },
    }
}

/// The moment and not the age, so that the same trouble reads the same an hour later.
fn last_synced(reading: &HealthReading, now: &ZonedDateTime) -> String {
    let at = reading.synced_at.map(|at| at.to_zoned_datetime(now.time_zone().clone()));
    at.map_or_else(|| "never synced".into(), |at| format!("last synced {}", at.strftime("%Y-%m-%d %H:%M")))
}

/// The cache knows neither stress nor rest mode: ask the API for these alone. Without them the rest still counts, so an
/// outage is only noted; what a person must mend, and a server that wants to be left alone, is told as trouble.
async fn with_extras(reading: HealthReading, sources: &OuraSources, remote: bool, now: &ZonedDateTime) -> OuraReading {
    let yesterday = now.date().yesterday().unwrap_or(now.date());
    let asked = async {
        match connect(sources, remote).await? {
            Some(api) if remote => api.fetch_extras(yesterday, now.date(), now.timestamp()).await.map(Some),
            _ => Ok(None),
        }
    };
    let late = |_| Err(sources::Error::transient("oura_api", "did not answer in time"));
    match tokio::time::timeout(EXTRAS_LIMIT, asked).await.unwrap_or_else(late) {
        Ok(Some(extras)) => OuraReading { reading: Some(completed(reading, extras)), trouble: None },
        Ok(None) => OuraReading { reading: Some(reading), trouble: None },
        Err(error) if error.kind == ErrorKind::ActionRequired || error.retry_after.is_some() => {
            OuraReading { reading: Some(reading), trouble: Some(error) }
        }
        Err(error) => {
            let mut reading = reading;
            reading.notes.push(format!("stress and rest mode are unknown ({error})"));
            OuraReading { reading: Some(reading), trouble: None }
        }
    }
}

/// The cache's reading with what only the API knows; its age stays that of the cache.
fn completed(reading: HealthReading, mut extras: HealthReading) -> HealthReading {
    extras.days.iter_mut().for_each(|day| day.as_of = None);
    let (source, synced_at) = (reading.source, reading.synced_at);
    HealthReading { source, synced_at, ..joined(reading, extras) }
}

fn joined(old: HealthReading, new: HealthReading) -> HealthReading {
    HealthReading {
        source: new.source,
        synced_at: old.synced_at.max(new.synced_at),
        rest: new.rest.or(old.rest),
        notes: old.notes.into_iter().chain(new.notes).collect(),
        days: merged(old.days, &new.days),
    }
}

/// Two tellings of the same days, the second the newer; ascending.
#[must_use]
pub fn merged(known: Vec<HealthDay>, read: &[HealthDay]) -> Vec<HealthDay> {
    let mut days: std::collections::BTreeMap<Date, HealthDay> = known.into_iter().map(|day| (day.date, day)).collect();
    for day in read {
        let known = days.remove(&day.date).unwrap_or_else(|| HealthDay::unknown(day.date));
        days.insert(day.date, history::merge_day(known, day.clone()));
    }
    days.into_values().collect()
}

/// A cache that has nothing of today is asked no more than for its history when the API may know better.
fn is_fresh(reading: &HealthReading, now: &ZonedDateTime) -> bool {
    reading.days.iter().any(|day| day.date == now.date() && day.is_synced())
}

/// Whether it tells of the days that are wanted. A week is what a cache holds; more is wanted only while our own history is too short for
/// a baseline, and after Oura was connected.
fn reaches_back(reading: &HealthReading, since: Date, now: &ZonedDateTime) -> bool {
    let wanted = now.date().duration_since(since).as_hours() / 24;
    wanted <= A_CACHE_HOLDS || i64::try_from(reading.days.len()).is_ok_and(|days| 2 * days >= wanted)
}

fn both(first: Option<&sources::Error>, second: Option<sources::Error>) -> sources::Error {
    match (first, second) {
        (Some(first), Some(second)) => {
            let advice = if second.advice.is_empty() { first.advice.clone() } else { second.advice.clone() };
            let kind = if second.kind == ErrorKind::NotConfigured { first.kind } else { second.kind };
            let message = format!("{}; {}: {}", first.message, second.source, second.message);
            sources::Error { source: first.source, kind, message, advice, retry_after: second.retry_after }
        }
        (Some(only), None) => only.clone(),
        (None, Some(only)) => only,
        (None, None) => sources::Error::transient("oura", "no answer"),
    }
}

/// Judge today, against the days before it. Without a document of today nothing is judged, least of all yesterday's.
#[must_use]
pub fn judge(
    answer: &OuraReading,
    days: &[HealthDay],
    rest: &[RestMode],
    limits: &HealthThresholds,
    now: &ZonedDateTime,
) -> MonitorOutcome {
    let Some(reading) = &answer.reading else { return MonitorOutcome::skipped(answer.trouble.as_ref()) };
    let today = reading.days.iter().find(|day| day.date == now.date() && day.is_synced());
    let resting = rest.iter().any(|rest| covers(rest, now.date()));
    match (today, &answer.trouble) {
        (None, Some(trouble)) => MonitorOutcome::skipped([trouble]),
        (None, None) => MonitorOutcome::Skipped { reason: "not_synced_yet".into() },
        (Some(today), trouble) => {
            let before = days.partition_point(|day| day.date < now.date());
            let history = days.get(..before).unwrap_or_default();
            let facts = HealthFacts { source: reading.source, today: Some(today), history, resting };
            let note = if resting { Some("rest_mode".into()) } else { trouble.as_ref().map(ToString::to_string) };
            MonitorOutcome::Evaluated {
                evaluation: judge_rules(&facts, limits, now),
                source: reading.source.into(),
                note,
            }
        }
    }
}

fn covers(rest: &RestMode, today: Date) -> bool {
    rest.start <= today && rest.end.is_none_or(|end| today <= end)
}
