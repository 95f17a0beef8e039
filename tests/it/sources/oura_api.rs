//! Reads Oura's API from a real HTTP server, well-behaved and not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use operator::core::facts::{HealthReading, RestMode, Stress};
use operator::sources::oura::api::{Access, OuraApi};
use operator::sources::{self, ErrorKind};
use rstest::rstest;

use crate::support::http::{Answer, Request, Server};

const TOKEN: &str = "s3cret-token";
const FROM: Date = date(2026, 11, 14);
const TO: Date = date(2026, 11, 20);

fn now() -> Timestamp {
    "2026-11-20T15:05:00Z".parse().unwrap()
}

fn api(server: &Server, timeout: Duration) -> OuraApi {
    OuraApi::new(&format!("{}/v2/usercollection/", server.url), Access::Token(TOKEN.into()), timeout).unwrap()
}

async fn fetch(server: &Server) -> Result<HealthReading, sources::Error> {
    let reading = api(server, Duration::from_secs(20)).fetch(FROM, TO, now()).await;
    if let Err(error) = &reading {
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    reading
}

fn good(request: &Request) -> Answer {
    match request.collection.as_str() {
        "daily_readiness" => Answer::page(
            r#"{"id":"a","day":"2026-11-19","score":71},{"id":"b","day":"2026-11-20","score":null},{"id":"c","day":"2026-11-21","score":9}"#,
        ),
        "sleep" => Answer::page(
            r#"{"id":"s","day":"2026-11-20","type":"long_sleep","total_sleep_duration":25200,"average_hrv":45,"efficiency":90}"#,
        ),
        "daily_stress" => {
            Answer::page(r#"{"id":"t","day":"2026-11-20","stress_high":5400,"recovery_high":1800,"day_summary":"new"}"#)
        }
        "rest_mode_period" => Answer::page(
            r#"{"id":"1","start_day":"2026-11-18","end_day":null},{"id":"2","start_day":"2026-10-01","end_day":"2026-10-05"},
               {"id":"3","start_day":"2026-11-10","end_day":"2026-11-14"},{"id":"4","end_day":"2026-11-14"}"#,
        ),
        _ => Answer::status(404),
    }
}

/// A server that answers one collection in another way.
fn server_with(collection: &'static str, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Server {
    Server::start(move |request| if request.collection == collection { answer(request) } else { good(request) })
}

#[tokio::test]
async fn four_collections_make_one_reading() {
    let server = Server::start(good);
    let reading = fetch(&server).await.unwrap();
    assert_eq!((reading.source, reading.synced_at), ("oura_api", Some(now())));
    let dates: Vec<_> = reading.days.iter().map(|day| (day.date, day.readiness)).collect();
    assert_eq!(dates, [(date(2026, 11, 19), Some(71.0)), (TO, None)], "the day past the range is filtered out");
    let today = &reading.days[1];
    assert_eq!((today.slept_s, today.night.unwrap().hrv_ms), (Some(25_200), Some(45.0)));
    assert_eq!((today.stress, today.as_of), (Some(Stress { high_s: 5400, recovery_s: 1800 }), Some(now())));
    let lasting = RestMode { start: date(2026, 11, 18), end: None };
    let ending = RestMode { start: date(2026, 11, 10), end: Some(date(2026, 11, 14)) };
    assert_eq!(reading.rest.unwrap(), [lasting, ending]);
    assert_eq!(reading.notes.len(), 1, "the rest period without a start: {:?}", reading.notes);
}

#[tokio::test]
async fn requests_carry_token_and_one_day_more() {
    let server = Server::start(good);
    fetch(&server).await.unwrap();
    let asked = server.requests();
    assert_eq!(asked.len(), 4);
    for request in asked {
        assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(request.query["end_date"], "2026-11-21");
        let from: Date = request.query["start_date"].parse().unwrap();
        assert!(if request.collection == "rest_mode_period" { from < FROM } else { from == FROM });
    }
}

#[tokio::test]
async fn extras_request_stress_and_rest_mode_only() {
    let server = Server::start(good);
    let reading = api(&server, Duration::from_secs(20)).fetch_extras(FROM, TO, now()).await.unwrap();
    assert_eq!(
        server.requests().iter().map(|r| r.collection.clone()).collect::<Vec<_>>(),
        ["daily_stress", "rest_mode_period"]
    );
    assert_eq!((reading.days.len(), reading.rest.map(|rest| rest.len())), (1, Some(2)));
    assert!(reading.days[0].stress.is_some() && reading.days[0].night.is_none());
}

#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let server = server_with("daily_readiness", |request| match request.query.get("next_token").map(String::as_str) {
        None => Answer::json(r#"{"data":[{"day":"2026-11-18","score":61}],"next_token":"p2+/="}"#),
        Some("p2%2B%2F%3D") => Answer::json(r#"{"data":[{"day":"2026-11-19","score":62}],"next_token":"p3"}"#),
        Some("p3") => Answer::json(r#"{"data":[{"day":"2026-11-20","score":63}],"next_token":""}"#),
        Some(_) => Answer::status(400),
    });
    let days = fetch(&server).await.unwrap().days;
    assert_eq!(days.iter().map(|day| day.readiness.unwrap()).collect::<Vec<_>>(), [61.0, 62.0, 63.0]);
    assert!(
        server.requests().iter().all(|request| request.query.contains_key("end_date")),
        "the range is asked on each page"
    );
}

#[tokio::test]
async fn endless_pages_are_refused() {
    let server = server_with("sleep", |_| Answer::json(r#"{"data":[],"next_token":"again"}"#));
    let error = fetch(&server).await.unwrap_err();
    assert!(error.kind == ErrorKind::Transient && error.message.contains("do not end"), "{error}");
    assert_eq!(server.times("sleep"), 2);

    let count = AtomicUsize::new(0);
    let server = server_with("sleep", move |_| {
        Answer::json(format!(r#"{{"data":[],"next_token":"{}"}}"#, count.fetch_add(1, Ordering::Relaxed)))
    });
    assert!(fetch(&server).await.unwrap_err().message.contains("do not end"));
    assert_eq!(server.times("sleep"), 50);
}

#[rstest]
#[case(401, "token")]
#[case(403, "membership")]
#[case(404, "base_url")]
#[case(426, "phone")]
#[case(400, "update Operator")]
#[case(422, "update Operator")]
#[case(418, "update Operator")]
#[tokio::test]
async fn refused_request_needs_the_user(#[case] status: u16, #[case] advice: &str) {
    let server = server_with("daily_readiness", move |_| Answer::status(status));
    let error = fetch(&server).await.unwrap_err();
    assert_eq!((error.source, error.kind), ("oura_api", ErrorKind::ActionRequired));
    assert!(error.message.contains(&status.to_string()), "{error}");
    assert!(error.advice.contains(advice), "{}", error.advice);
    assert_eq!(server.requests().len(), 1);
}

#[rstest]
#[case("daily_stress", 403)]
#[case("daily_stress", 404)]
#[case("rest_mode_period", 403)]
#[tokio::test]
async fn missing_scope_loses_one_collection(#[case] collection: &'static str, #[case] status: u16) {
    let reading = fetch(&server_with(collection, move |_| Answer::status(status))).await.unwrap();
    assert_eq!(reading.days[1].slept_s, Some(25_200));
    assert!(reading.notes.iter().any(|note| note.contains(collection)), "{:?}", reading.notes);
}

#[tokio::test]
async fn expired_token_fails_for_any_collection() {
    let error = fetch(&server_with("daily_stress", |_| Answer::status(401))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
}

#[rstest]
#[case("retry-after: 17\r\n", 17)]
#[case("retry-after: Fri, 20 Nov 2026 15:06:30 GMT\r\n", 90)]
#[case("retry-after: Fri, 20 Nov 2026 15:00:00 GMT\r\n", 0)]
#[case("date: Fri, 20 Nov 2026 16:00:00 GMT\r\nretry-after: Fri, 20 Nov 2026 16:01:30 GMT\r\n", 90)]
#[case("retry-after: -5\r\n", 0)]
#[case("retry-after: 99999999999\r\n", 86_400)]
#[case("retry-after: a while\r\n", 60)]
#[case("", 60)]
#[tokio::test]
async fn retry_after_of_429_is_honoured(#[case] header: &'static str, #[case] seconds: i64) {
    let server = server_with("daily_readiness", move |_| Answer::Whole(429, header, "{}".into()));
    let error = fetch(&server).await.unwrap_err();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::Transient, Some(SignedDuration::from_secs(seconds))));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn retry_after_of_503_is_honoured() {
    let server = server_with("daily_readiness", |_| Answer::Whole(503, "retry-after: 1800\r\n", "{}".into()));
    let error = fetch(&server).await.unwrap_err();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::Transient, Some(SignedDuration::from_mins(30))));
    assert_eq!(server.requests().len(), 1);
}

fn broken(kind: &str) -> Answer {
    match kind {
        "500" => Answer::status(500),
        "503" => Answer::status(503),
        "close" => Answer::Close,
        "cut" => Answer::Cut(r#"{"data":[{"day":"2026-11-20","score":70}],"next_token":null}"#.into()),
        "cut JSON" => Answer::json(r#"{"data":[{"day":"2026-11-20","score":"#),
        "page of HTML" => Answer::json("<html>Sign in to the Wi-Fi</html>"),
        "list" => Answer::json("[]"),
        "no data" => Answer::json(r#"{"next_token":null}"#),
        "data null" => Answer::json(r#"{"data":null}"#),
        "odd page token" => Answer::json(r#"{"data":[],"next_token":5}"#),
        _ => panic!("{kind}"),
    }
}

#[rstest]
#[tokio::test]
async fn broken_answer_is_transient(
    #[values(
        "500",
        "503",
        "close",
        "cut",
        "cut JSON",
        "page of HTML",
        "list",
        "no data",
        "data null",
        "odd page token"
    )]
    kind: &'static str,
) {
    let server = server_with("daily_readiness", move |_| broken(kind));
    let error = fetch(&server).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient, "{error}");
    assert!(error.retry_after.is_none());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn fetch_recovers_after_errors() {
    let count = AtomicUsize::new(0);
    let server = server_with("daily_readiness", move |request| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::status(502),
        1 => broken("cut"),
        _ => good(request),
    });
    assert!(fetch(&server).await.is_err() && fetch(&server).await.is_err());
    assert_eq!(fetch(&server).await.unwrap().days[0].readiness, Some(71.0));
}

#[tokio::test]
async fn invalid_documents_are_skipped_one_by_one() {
    let long = "x".repeat(1_100_000);
    let documents = format!(
        r#"null,7,"text",[],{{}},{{"day":5}},{{"day":"2026-11-18","score":"66"}},{{"day":"2026-11-19","score":1,"x":"{long}"}}"#
    );
    let reading = fetch(&server_with("daily_readiness", move |_| Answer::page(&documents))).await.unwrap();
    assert_eq!(reading.days[0].readiness, Some(66.0));
    assert_eq!(reading.days.len(), 2, "the 18th and the night of the 20th");
    assert_eq!(reading.notes.len(), 8, "{:?}", reading.notes);
}

#[tokio::test]
async fn answer_over_ten_megabytes_is_refused() {
    let documents = format!(r#"{{"day":"2026-11-20","score":70}},"{}""#, "x".repeat(10_000_000));
    let server = server_with("daily_readiness", move |_| Answer::page(&documents));
    let error = fetch(&server).await.unwrap_err();
    assert!(error.kind == ErrorKind::Transient && error.message.contains("10 MB"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn silent_server_times_out() {
    let server = server_with("sleep", |_| Answer::Hang);
    let error = api(&server, Duration::from_millis(400)).fetch(FROM, TO, now()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains("within"), "{error}");
}

#[tokio::test]
async fn refused_connection_is_transient() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let api = OuraApi::new(&format!("http://127.0.0.1:{port}"), Access::Token(TOKEN.into()), Duration::from_secs(20))
        .unwrap();
    let error = api.fetch(FROM, TO, now()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(error.message.to_lowercase().contains("refused"), "{error}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = Server::start(good);
    let location: &'static str = Box::leak(format!("location: {}/daily_readiness\r\n", other.url).into_boxed_str());
    let server = server_with("daily_readiness", move |_| Answer::Whole(302, location, String::new()));
    assert_eq!(fetch(&server).await.unwrap_err().kind, ErrorKind::ActionRequired);
    assert!(other.requests().is_empty());
}

#[rstest]
#[case("")]
#[case("api.ouraring.com/v2")]
#[case("ftp://api.ouraring.com")]
#[case("https://")]
#[case("http://[half")]
fn invalid_base_url_needs_the_user(#[case] url: &str) {
    let error = OuraApi::new(url, Access::Token(TOKEN.into()), Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.advice.contains("base_url"));
}

#[tokio::test]
async fn unsendable_token_is_not_shown() {
    let server = Server::start(good);
    let api = OuraApi::new(&server.url, Access::Token("s3cret\ntoken".into()), Duration::from_secs(5)).unwrap();
    let error = api.fetch(FROM, TO, now()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(!format!("{error:?}{api:?}").contains("s3cret"));
    assert!(server.requests().is_empty());
}
