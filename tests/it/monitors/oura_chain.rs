//! The chain to Oura's data, with a real cache file and a real server: cache, then API, then a skip that says why.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use operator::cli::demo::health;
use operator::core::facts::{HealthDay, Night, Stress};
use operator::core::rules::thresholds::HealthThresholds;
use operator::monitors::MonitorOutcome;
use operator::monitors::health::evaluate;
use operator::monitors::oura::{OuraReading, fetch};
use operator::monitors::sources::OuraSources;
use operator::sources::ErrorKind;
use operator::sources::oura::oauth::token_store::TokenStore;
use operator::sources::oura::oauth::tokens::Tokens;
use operator::sources::oura::oauth::{Account, ClientConfig};
use rstest::rstest;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::http::{Answer, Request, Server};

const TODAY: Date = date(2026, 11, 20);
const SINCE: Date = date(2026, 11, 13);

/// Ten past eight: the cache of the made-up user was synced at 07:40 of its last day.
fn now() -> ZonedDateTime {
    "2026-11-20T08:10:00+00:00[UTC]".parse().unwrap()
}

/// The API tells of today what the cache could not: readiness 39.
fn oura(request: &Request) -> Answer {
    match request.collection.as_str() {
        "daily_readiness" => Answer::page(r#"{"id":"a","day":"2026-11-20","score":39}"#),
        "daily_stress" => Answer::page(r#"{"id":"t","day":"2026-11-20","stress_high":7000,"recovery_high":1000}"#),
        _ => Answer::page(""),
    }
}

fn setup(cache: PathBuf, api: Option<&Server>) -> OuraSources {
    OuraSources {
        cache,
        cache_is_named: true,
        token: api.map(|_| "s3cret-token".into()),
        token_file: None,
        account: None,
        base_url: api.map_or_else(|| "http://127.0.0.1:9".into(), |server| server.url.clone()),
        timeout: Duration::from_secs(5),
    }
}

fn finding(answer: &OuraReading) -> MonitorOutcome {
    let (days, rest) = answer.reading.as_ref().map_or((vec![], None), |read| (read.days.clone(), read.rest.clone()));
    evaluate(answer, &days, &rest.unwrap_or_default(), &HealthThresholds::default(), &now())
}

fn cache_until(last: Date) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oura-health.db");
    health::write(&path, last, 30).unwrap();
    (folder, path)
}

fn today(answer: &OuraReading) -> &HealthDay {
    answer.reading.as_ref().unwrap().days.iter().find(|day| day.date == TODAY).unwrap()
}

#[tokio::test]
async fn fresh_cache_gets_extras_from_the_api() {
    let (_folder, cache) = cache_until(TODAY);
    let server = Server::start(oura);
    let answer = fetch(&setup(cache, Some(&server)), true, SINCE, &now()).await;
    assert!(answer.error.is_none(), "{:?}", answer.error);
    assert_eq!(answer.reading.as_ref().unwrap().source, "oura_cache");
    assert_eq!(today(&answer).readiness, Some(48.0), "the cache's own");
    assert_eq!(today(&answer).stress, Some(Stress { high_s: 7000, recovery_s: 1000 }));
    assert_eq!((server.times("daily_readiness"), server.times("sleep"), server.times("daily_stress")), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn fresh_cache_does_not_wait_for_a_refresh() {
    let (folder, cache) = cache_until(TODAY);
    let server = Server::start(|_| Answer::Hang);
    let address = |path: &str| format!("{}/oauth/{path}", server.url);
    let long_ago = "2026-01-01T00:00:00Z".parse().unwrap();
    let over = Tokens {
        client_id: "app".into(),
        client_secret: Some("s3cret".into()),
        access_token: "a".into(),
        refresh_token: "r".into(),
        obtained_at: long_ago,
        lifetime_seconds: Some(1),
        token_url: address("token"),
        revoke_url: address("revoke"),
        connected_at: long_ago,
        revoked: false,
        wait_until: None,
    };
    let keep = TokenStore::file(folder.path());
    keep.save(&over).unwrap();
    let account = Arc::new(Account::new(keep, folder.path(), ClientConfig::default()));
    let setup = OuraSources { token: None, account: Some(account), ..setup(cache, Some(&server)) };
    let began = tokio::time::Instant::now();
    let answer = fetch(&setup, true, SINCE, &now()).await;
    assert_eq!(today(&answer).readiness, Some(48.0));
    assert!(began.elapsed() <= Duration::from_secs(6), "by the clock of the test: {:?}", began.elapsed());
    assert!(answer.reading.unwrap().notes.iter().any(|note| note.contains("stress and rest mode are unknown")));
}

#[rstest]
#[case::broken(Answer::status(500))]
#[case::closed(Answer::Close)]
#[tokio::test]
async fn failing_api_keeps_fresh_cache(#[case] failure: Answer) {
    let (_folder, cache) = cache_until(TODAY);
    let status = match failure {
        Answer::Whole(status, ..) => Some(status),
        _ => None,
    };
    let server = Server::start(move |_| status.map_or(Answer::Close, Answer::status));
    let answer = fetch(&setup(cache, Some(&server)), true, SINCE, &now()).await;
    assert!(answer.error.is_none());
    assert!(answer.reading.as_ref().unwrap().notes.iter().any(|note| note.contains("stress")), "{answer:?}");
    assert!(matches!(finding(&answer), MonitorOutcome::Evaluated { ref source, .. } if source == "oura_cache"));
}

#[tokio::test]
async fn error_to_fix_is_shown_with_fresh_cache() {
    let (_folder, cache) = cache_until(TODAY);
    let server = Server::start(|_| Answer::status(401));
    let answer = fetch(&setup(cache, Some(&server)), true, SINCE, &now()).await;
    assert_eq!(answer.error.as_ref().unwrap().kind, ErrorKind::ActionRequired);
    let MonitorOutcome::Evaluated { source, note, .. } = finding(&answer) else { panic!("judged all the same") };
    assert_eq!(source, "oura_cache");
    assert!(note.unwrap().contains("oura_api"));
}

#[tokio::test]
async fn extras_do_not_refresh_the_cache_age() {
    let (_folder, cache) = cache_until(TODAY);
    let server = Server::start(oura);
    let answer = fetch(&setup(cache, Some(&server)), true, SINCE, &now()).await;
    let synced: Timestamp = "2026-11-20T07:40:00Z".parse().unwrap();
    assert_eq!((today(&answer).as_of, answer.reading.as_ref().unwrap().synced_at), (Some(synced), Some(synced)));
}

#[tokio::test]
async fn api_fills_in_the_missing_night() {
    let (_folder, cache) = cache_until(date(2026, 11, 19));
    let server = Server::start(oura);
    let answer = fetch(&setup(cache, Some(&server)), true, SINCE, &now()).await;
    assert_eq!((answer.reading.as_ref().unwrap().source, today(&answer).readiness), ("oura_api", Some(39.0)));
}

#[tokio::test]
async fn stress_alone_is_not_synced_yet() {
    let server = Server::start(|request| match request.collection.as_str() {
        "daily_stress" => oura(request),
        _ => Answer::page(""),
    });
    let answer = fetch(&setup("/nonexistent/o.db".into(), Some(&server)), true, SINCE, &now()).await;
    assert_eq!(finding(&answer), MonitorOutcome::Skipped { reason: "not_synced_yet".into() });
}

#[tokio::test]
async fn open_circuit_allows_no_request() {
    let (_folder, cache) = cache_until(TODAY);
    let server = Server::start(oura);
    fetch(&setup(cache, Some(&server)), false, SINCE, &now()).await;
    let answer = fetch(&setup("/nonexistent/oura-health.db".into(), Some(&server)), false, SINCE, &now()).await;
    assert!(server.requests().is_empty());
    assert!(answer.error.unwrap().message.contains("circuit"), "says why");
}

fn missing(folder: &Path) -> PathBuf {
    folder.join("oura-health.db")
}

fn empty_file(folder: &Path) -> PathBuf {
    std::fs::write(missing(folder), b"").unwrap();
    missing(folder)
}

fn empty_tables(folder: &Path) -> PathBuf {
    health::write(&missing(folder), TODAY, 0).unwrap();
    missing(folder)
}

fn corrupt(folder: &Path) -> PathBuf {
    std::fs::write(missing(folder), b"SQLite format 3\0 and then nothing of the kind").unwrap();
    missing(folder)
}

fn stale(folder: &Path) -> PathBuf {
    health::write(&missing(folder), date(2026, 11, 18), 30).unwrap();
    missing(folder)
}

#[rstest]
#[case::missing(missing)]
#[case::empty_file(empty_file)]
#[case::empty_tables(empty_tables)]
#[case::corrupt(corrupt)]
#[case::stale(stale)]
#[tokio::test]
async fn failing_cache_falls_back_to_api(#[case] prepare: fn(&Path) -> PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let cache = prepare(folder.path());
    let server = Server::start(oura);
    let answer = fetch(&setup(cache.clone(), Some(&server)), true, SINCE, &now()).await;
    assert!(answer.error.is_none(), "{:?}", answer.error);
    assert_eq!(answer.reading.as_ref().unwrap().source, "oura_api");
    assert_eq!(today(&answer).readiness, Some(39.0));
    let MonitorOutcome::Evaluated { evaluation, .. } = finding(&answer) else { panic!("judged") };
    assert!(evaluation.alerts.iter().any(|alert| alert.key.as_str() == "health:readiness_low"));

    // And where both fail, the skip names both.
    let down = Server::start(|_| Answer::status(503));
    let answer = fetch(&setup(cache, Some(&down)), true, SINCE, &now()).await;
    let MonitorOutcome::Skipped { reason } = finding(&answer) else { panic!("skipped") };
    assert!(reason.contains("oura_cache") && reason.contains("oura_api"), "{reason}");
    assert!(!reason.contains("s3cret"));
}

#[tokio::test]
async fn locked_cache_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let cache = missing(folder.path());
    health::write(&cache, TODAY, 10).unwrap();
    let owner = Connection::open(&cache).unwrap();
    owner.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).unwrap();
    owner.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let server = Server::start(oura);
    let answer = fetch(&setup(cache, Some(&server)), true, SINCE, &now()).await;
    assert_eq!(answer.reading.unwrap().source, "oura_api");
}

#[tokio::test]
async fn today_is_never_judged_on_yesterday() {
    let (_folder, cache) = cache_until(date(2026, 11, 19));
    let early: ZonedDateTime = "2026-11-20T06:00:00+00:00[UTC]".parse().unwrap();
    let answer = fetch(&setup(cache, None), true, SINCE, &early).await;
    assert!(answer.error.is_none() && !answer.reading.as_ref().unwrap().days.is_empty());
    assert_eq!(finding(&answer), MonitorOutcome::Skipped { reason: "not_synced_yet".into() });
}

#[tokio::test]
async fn retry_after_reaches_the_circuit() {
    let busy = Server::start(|_| Answer::Whole(429, "retry-after: 120\r\n", String::new()));
    let answer = fetch(&setup("/nonexistent/o.db".into(), Some(&busy)), true, SINCE, &now()).await;
    assert_eq!(answer.error.unwrap().retry_after, Some(SignedDuration::from_secs(120)));
    let refused = Server::start(|_| Answer::status(403));
    let answer = fetch(&setup("/nonexistent/o.db".into(), Some(&refused)), true, SINCE, &now()).await;
    let trouble = answer.error.unwrap();
    assert_eq!(trouble.kind, ErrorKind::ActionRequired);
    assert!(!trouble.advice.is_empty());
}

#[tokio::test]
async fn unconfigured_ring_is_not_reported() {
    let nothing =
        OuraSources { cache_is_named: false, ..setup("/nonexistent/.oura-cache/oura-health.db".into(), None) };
    let answer = fetch(&nothing, true, SINCE, &now()).await;
    assert_eq!(answer.error.unwrap().kind, ErrorKind::NotConfigured);
    let named = setup("/nonexistent/oura-health.db".into(), None);
    assert_eq!(fetch(&named, true, SINCE, &now()).await.error.unwrap().kind, ErrorKind::Transient);
}

#[tokio::test]
async fn in_rest_mode_health_says_nothing() {
    let server = Server::start(|request| match request.collection.as_str() {
        "rest_mode_period" => Answer::page(r#"{"id":"1","start_day":"2026-11-19","end_day":null}"#),
        _ => oura(request),
    });
    let (_folder, cache) = cache_until(TODAY);
    let answer = fetch(&setup(cache, Some(&server)), true, SINCE, &now()).await;
    let MonitorOutcome::Evaluated { evaluation, note, .. } = finding(&answer) else { panic!("judged") };
    assert!(evaluation.alerts.is_empty() && evaluation.evaluated.is_empty(), "nothing fires, nothing resolves");
    assert_eq!(note.as_deref(), Some("rest_mode"));
}

#[tokio::test]
async fn baseline_uses_our_own_history() {
    let (_folder, cache) = cache_until(TODAY);
    let answer = fetch(&setup(cache, None), true, TODAY, &now()).await;
    let night = Night { asleep_s: None, efficiency: None, hrv_ms: Some(60.0) };
    let history: Vec<HealthDay> =
        (1..=10).map(|day| HealthDay { night: Some(night), ..HealthDay::unknown(date(2026, 11, day)) }).collect();
    let MonitorOutcome::Evaluated { evaluation, .. } =
        evaluate(&answer, &history, &[], &HealthThresholds::default(), &now())
    else {
        panic!("judged")
    };
    let hrv = evaluation.alerts.iter().find(|alert| alert.key.as_str() == "health:hrv_low").unwrap();
    assert!(hrv.message.contains("60"), "{}", hrv.message);
}
