//! ICS feeds on HTTP servers that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use operator::sources::ErrorKind;
use operator::sources::TaskSource;
use operator::sources::calendar::{Calendar, CalendarTasks, IcsFeed, Location};
use rstest::rstest;

use super::{assert_failed, at, calendar, ics_text, meeting_minutes, titles};
use crate::support::http::{Answer, Server};

fn feed(url: &str) -> Calendar {
    let feed = IcsFeed { url: Some(format!("{url}/s3cret/basic.ics?key=s3cret").into()), url_file: None };
    calendar(Location::Ics(feed))
}

fn serve(text: String) -> Server {
    Server::start(move |_| Answer::Whole(200, "", text.clone()))
}

#[tokio::test]
async fn feed_is_fetched() {
    let server = serve(ics_text());
    let reading = feed(&server.url).fetch(&at(0)).await.unwrap();
    assert_eq!((meeting_minutes(&reading), titles(&reading)), (Some(60), vec!["Tax"]));
}

#[tokio::test]
async fn address_may_be_in_a_file_or_webcal() {
    let server = serve(ics_text());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("address");
    std::fs::write(&file, format!("{}/s3cret.ics\n", server.url)).unwrap();
    let feed = IcsFeed { url: None, url_file: Some(file.clone()) };
    assert_eq!(meeting_minutes(&calendar(Location::Ics(feed.clone())).fetch(&at(0)).await.unwrap()), Some(60));
    std::fs::write(&file, "webcal://127.0.0.1/s3cret.ics").unwrap();
    assert_failed(calendar(Location::Ics(feed)).fetch(&at(0)).await, ErrorKind::Transient, "127.0.0.1:443");
    let unencrypted = IcsFeed { url: Some("http://ada:s3cret@192.0.2.1/".into()), url_file: None };
    assert_failed(
        calendar(Location::Ics(unencrypted)).fetch(&at(0)).await,
        ErrorKind::ActionRequired,
        "not sent without encryption",
    );
    let invalid = IcsFeed { url: Some("s3cret".into()), url_file: None };
    assert_failed(calendar(Location::Ics(invalid)).fetch(&at(0)).await, ErrorKind::ActionRequired, "not a web address");
}

#[tokio::test]
async fn unchanged_feed_is_not_downloaded_again() {
    let server = Server::start(|request| match request.headers.get("if-none-match").map(String::as_str) {
        Some("\"one\"") if request.headers.contains_key("if-modified-since") => Answer::Whole(304, "", String::new()),
        _ => Answer::Whole(200, "etag: \"one\"\r\nlast-modified: Fri, 20 Nov 2026 08:00:00 GMT\r\n", ics_text()),
    });
    let calendar = feed(&server.url);
    for minute in [0, 15, 30, 24 * 60] {
        let reading = calendar.fetch(&at(minute)).await.unwrap();
        assert_eq!((meeting_minutes(&reading), reading.as_of), (Some(60), at(minute).timestamp()));
    }
    let conditional: Vec<bool> =
        server.requests().iter().map(|request| request.headers.contains_key("if-none-match")).collect();
    assert_eq!(conditional, [false, true, true, true]);
    calendar.fetch(&at(-24 * 60)).await.unwrap();
    assert!(!server.requests()[4].headers.contains_key("if-none-match"), "events that had ended may be needed again");
}

#[rstest]
#[case::unauthorized(401, "", ErrorKind::ActionRequired, "answered 401", None)]
#[case::forbidden(403, "", ErrorKind::ActionRequired, "answered 403", None)]
#[case::gone(404, "", ErrorKind::ActionRequired, "answered 404", None)]
#[case::rate_limited(429, "retry-after: 120\r\n", ErrorKind::Transient, "answered 429", Some(120))]
#[case::rate_limited_without_delay(429, "", ErrorKind::Transient, "answered 429", Some(60))]
#[case::server_error(500, "", ErrorKind::Transient, "answered 500", None)]
#[case::busy(503, "retry-after: 3600\r\n", ErrorKind::Transient, "answered 503", Some(3600))]
#[case::web_page(200, "", ErrorKind::ActionRequired, "not an iCalendar", None)]
#[case::no_location(302, "", ErrorKind::ActionRequired, "redirects to no usable address", None)]
#[case::unencrypted(
    302,
    "location: http://192.0.2.1/s3cret\r\n",
    ErrorKind::ActionRequired,
    "redirects to no usable address",
    None
)]
#[case::file_url(
    301,
    "location: file:///etc/passwd\r\n",
    ErrorKind::ActionRequired,
    "redirects to no usable address",
    None
)]
#[tokio::test]
async fn response_maps_to_an_error(
    #[case] status: u16,
    #[case] header: &'static str,
    #[case] kind: ErrorKind,
    #[case] message: &str,
    #[case] delay: Option<i64>,
) {
    let server = Server::start(move |_| Answer::Whole(status, header, "<html>s3cret</html>".into()));
    let calendar = feed(&server.url);
    let error = assert_failed(calendar.fetch(&at(0)).await, kind, message);
    assert_eq!(error.retry_after.map(|delay| delay.as_secs()), delay);
    assert!(kind == ErrorKind::Transient || !error.advice.is_empty());
    // Until then every fetch returns the same error without a request.
    if let Some(delay) = delay.filter(|delay| *delay > 60) {
        let error = assert_failed(calendar.fetch(&at(1)).await, kind, message);
        assert_eq!((error.retry_after.unwrap().as_secs(), server.requests().len()), (delay - 60, 1));
    }
}

#[rstest]
#[case::short_body(|| Answer::Cut(ics_text()), "127.0.0.1:")]
#[case::short_body_without_length(|| Answer::Raw(format!("HTTP/1.1 200 X\r\n\r\n{}", ics_text().split("DUE").next().unwrap())), "calendar is truncated")]
#[case::closed(|| Answer::Close, "127.0.0.1:")]
#[case::not_http(|| Answer::Raw("BEGIN:VCALENDAR\r\n\r\n".into()), "127.0.0.1:")]
#[tokio::test]
async fn truncated_response_is_transient(#[case] answer: fn() -> Answer, #[case] message: &str) {
    let server = Server::start(move |_| answer());
    assert_failed(feed(&server.url).fetch(&at(0)).await, ErrorKind::Transient, message);
}

#[tokio::test]
async fn hanging_server_times_out() {
    for answer in [|| Answer::Hang, || Answer::Stall("HTTP/1.1 200 X\r\n\r\nBEGIN:VCALENDAR\r\n".into())] {
        let server = Server::start(move |_| answer());
        let calendar = Calendar { timeout: Duration::from_millis(300), ..feed(&server.url) };
        assert_failed(calendar.fetch(&at(0)).await, ErrorKind::Transient, "no complete response within");
    }
}

#[tokio::test]
async fn safe_redirect_is_followed() {
    let server = Server::start(|request| match request.collection.as_str() {
        "there.ics" => Answer::Whole(200, "", ics_text()),
        _ => Answer::Whole(302, "location: /there.ics\r\n", String::new()),
    });
    assert_eq!(meeting_minutes(&feed(&server.url).fetch(&at(0)).await.unwrap()), Some(60));
    let looping = Server::start(|_| Answer::Whole(302, "location: /s3cret\r\n", String::new()));
    assert_failed(feed(&looping.url).fetch(&at(0)).await, ErrorKind::ActionRequired, "redirects to no usable address");
    assert_eq!(looping.requests().len(), 6);
}

#[tokio::test]
async fn size_of_a_feed_is_limited() {
    let event = |n: usize| {
        let words = "x".repeat(2000);
        format!(
            "BEGIN:VEVENT\r\nUID:{n}\r\nDTSTART:20261120T130000Z\r\nDURATION:PT30M\r\nRRULE:FREQ=WEEKLY\r\nDESCRIPTION:{words}\r\nEND:VEVENT\r\n"
        )
    };
    let events: String = (0..5000).map(event).collect();
    assert!(events.len() > 10_000_000);
    let server = serve(format!("BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n"));
    let reading = feed(&server.url).fetch(&at(0)).await.unwrap();
    assert_eq!((reading.events_today, meeting_minutes(&reading), reading.notes.len()), (5000, Some(30), 0));
    let server = serve("BEGIN:VCALENDAR\r\n".to_owned() + &events.repeat(4));
    assert_failed(feed(&server.url).fetch(&at(0)).await, ErrorKind::Transient, "over 32 MB");
}

#[tokio::test]
async fn unavailable_feed_does_not_block_others() {
    let down = Arc::new(AtomicUsize::new(0));
    let is_down = Arc::clone(&down);
    let flaky = Server::start(move |_| match is_down.load(Ordering::SeqCst) {
        0 => Answer::Whole(200, "", ics_text()),
        _ => Answer::status(500),
    });
    let steady = serve(ics_text().replace("UID:t", "UID:r").replace("Tax", "Rent"));
    let (flaky, steady) = (Arc::new(feed(&flaky.url)), Arc::new(feed(&steady.url)));
    let source = CalendarTasks::new(&[Arc::clone(&flaky), Arc::clone(&steady)]);
    let titles = |reading: &operator::core::facts::TaskReading| {
        reading.tasks.iter().map(|task| task.title.clone()).collect::<Vec<_>>()
    };
    assert!(source.is_configured() && !source.is_local());
    let reading = source.fetch(&at(0)).await.unwrap();
    assert_eq!((titles(&reading), reading.notes.len()), (vec!["Tax".into(), "Rent".into()], 0));
    down.store(1, Ordering::SeqCst);
    let reading = source.fetch(&at(15)).await.unwrap();
    assert_eq!((titles(&reading), reading.as_of), (vec!["Tax".into(), "Rent".into()], at(0).timestamp()));
    assert_eq!(reading.notes.len(), 1, "{:?}", reading.notes);
    assert!(
        reading.notes[0].starts_with("to-dos of work as of 2026-11-20 12:00: the server answered 500"),
        "{:?}",
        reading.notes
    );
    // Without any successful fetch of one calendar, the tasks are incomplete.
    let never = CalendarTasks::new(&[Arc::new(feed("http://127.0.0.1:1")), steady]);
    assert_eq!(never.fetch(&at(15)).await.unwrap_err().source, "ics");
    assert_eq!(CalendarTasks::new(&[]).fetch(&at(0)).await.unwrap_err().kind, ErrorKind::NotConfigured);
}

#[tokio::test]
async fn fetches_at_the_same_time_share_a_request() {
    let server = serve(ics_text());
    let calendar = Arc::new(feed(&server.url));
    let source = CalendarTasks::new(&[Arc::clone(&calendar)]);
    let now = at(0);
    let (events, todos) = tokio::join!(calendar.fetch(&now), source.fetch(&now));
    assert_eq!(
        (meeting_minutes(&events.unwrap()), todos.unwrap().tasks.len(), server.requests().len()),
        (Some(60), 1, 1)
    );
}
