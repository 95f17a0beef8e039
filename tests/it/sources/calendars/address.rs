//! Calendars at secret addresses, on servers of every temper.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use operator::sources::ErrorKind;
use operator::sources::TaskSource;
use operator::sources::calendar::{Address, Calendar, CalendarTasks, Place};
use rstest::rstest;

use super::{at, calendar, failed, meeting, tasks, text};
use crate::support::http::{Answer, Server};

fn at_address(url: &str) -> Calendar {
    let address = Address { url: Some(format!("{url}/s3cret/basic.ics?key=s3cret").into()), url_file: None };
    calendar(Place::Address(address))
}

fn served(text: String) -> Server {
    Server::start(move |_| Answer::Whole(200, "", text.clone()))
}

#[tokio::test]
async fn a_secret_address_is_read() {
    let server = served(text());
    let reading = at_address(&server.url).read(&at(0)).await.unwrap();
    assert_eq!((meeting(&reading), tasks(&reading)), (Some(60), vec!["Tax"]));
}

#[tokio::test]
async fn it_may_stand_in_a_file_and_begin_with_webcal() {
    let server = served(text());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("address");
    std::fs::write(&file, format!("{}/s3cret.ics\n", server.url)).unwrap();
    let address = Address { url: None, url_file: Some(file.clone()) };
    assert_eq!(meeting(&calendar(Place::Address(address.clone())).read(&at(0)).await.unwrap()), Some(60));
    std::fs::write(&file, "webcal://127.0.0.1/s3cret.ics").unwrap();
    failed(calendar(Place::Address(address)).read(&at(0)).await, ErrorKind::Transient, "127.0.0.1:443");
    let open = Address { url: Some("http://ada:s3cret@192.0.2.1/".into()), url_file: None };
    failed(calendar(Place::Address(open)).read(&at(0)).await, ErrorKind::ActionRequired, "not sent in the open");
    let none = Address { url: Some("s3cret".into()), url_file: None };
    failed(calendar(Place::Address(none)).read(&at(0)).await, ErrorKind::ActionRequired, "no web address");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let server = Server::start(|asked| match asked.headers.get("if-none-match").map(String::as_str) {
        Some("\"one\"") if asked.headers.contains_key("if-modified-since") => Answer::Whole(304, "", String::new()),
        _ => Answer::Whole(200, "etag: \"one\"\r\nlast-modified: Fri, 20 Nov 2026 08:00:00 GMT\r\n", text()),
    });
    let calendar = at_address(&server.url);
    for minute in [0, 15, 30, 24 * 60] {
        let reading = calendar.read(&at(minute)).await.unwrap();
        assert_eq!((meeting(&reading), reading.as_of), (Some(60), at(minute).timestamp()));
    }
    let asked: Vec<bool> = server.requests().iter().map(|asked| asked.headers.contains_key("if-none-match")).collect();
    assert_eq!(asked, [false, true, true, true]);
    calendar.read(&at(-24 * 60)).await.unwrap();
    assert!(!server.requests()[4].headers.contains_key("if-none-match"), "what was over then may not be over now");
}

#[rstest]
#[case::refused(401, "", ErrorKind::ActionRequired, "answered 401", None)]
#[case::forbidden(403, "", ErrorKind::ActionRequired, "answered 403", None)]
#[case::gone(404, "", ErrorKind::ActionRequired, "answered 404", None)]
#[case::too_often(429, "retry-after: 120\r\n", ErrorKind::Transient, "answered 429", Some(120))]
#[case::too_often_for_whatever_time(429, "", ErrorKind::Transient, "answered 429", Some(60))]
#[case::broken(500, "", ErrorKind::Transient, "answered 500", None)]
#[case::busy(503, "retry-after: 3600\r\n", ErrorKind::Transient, "answered 503", Some(3600))]
#[case::a_page(200, "", ErrorKind::ActionRequired, "no iCalendar", None)]
#[case::nowhere(302, "", ErrorKind::ActionRequired, "elsewhere", None)]
#[case::in_the_open(302, "location: http://192.0.2.1/s3cret\r\n", ErrorKind::ActionRequired, "elsewhere", None)]
#[case::a_file(301, "location: file:///etc/passwd\r\n", ErrorKind::ActionRequired, "elsewhere", None)]
#[tokio::test]
async fn answers_that_mean_failure(
    #[case] status: u16,
    #[case] header: &'static str,
    #[case] fault: ErrorKind,
    #[case] what: &str,
    #[case] pause: Option<i64>,
) {
    let server = Server::start(move |_| Answer::Whole(status, header, "<html>s3cret</html>".into()));
    let calendar = at_address(&server.url);
    let error = failed(calendar.read(&at(0)).await, fault, what);
    assert_eq!(error.retry_after.map(|pause| pause.as_secs()), pause);
    assert!(fault == ErrorKind::Transient || !error.advice.is_empty());
    // Whoever asks meanwhile, run-now included, is told the same, and the server is left alone.
    if let Some(pause) = pause.filter(|pause| *pause > 60) {
        let error = failed(calendar.read(&at(1)).await, fault, what);
        assert_eq!((error.retry_after.unwrap().as_secs(), server.requests().len()), (pause - 60, 1));
    }
}

#[rstest]
#[case::cut(|| Answer::Cut(text()), "127.0.0.1:")]
#[case::cut_without_a_length(|| Answer::Raw(format!("HTTP/1.1 200 X\r\n\r\n{}", text().split("DUE").next().unwrap())), "cut off")]
#[case::closed(|| Answer::Close, "127.0.0.1:")]
#[case::no_http(|| Answer::Raw("BEGIN:VCALENDAR\r\n\r\n".into()), "127.0.0.1:")]
#[tokio::test]
async fn answers_that_break_off(#[case] answer: fn() -> Answer, #[case] what: &str) {
    let server = Server::start(move |_| answer());
    failed(at_address(&server.url).read(&at(0)).await, ErrorKind::Transient, what);
}

#[tokio::test]
async fn a_server_that_hangs_is_waited_for_no_longer_than_allowed() {
    for answer in [|| Answer::Hang, || Answer::Stall("HTTP/1.1 200 X\r\n\r\nBEGIN:VCALENDAR\r\n".into())] {
        let server = Server::start(move |_| answer());
        let calendar = Calendar { timeout: Duration::from_millis(300), ..at_address(&server.url) };
        failed(calendar.read(&at(0)).await, ErrorKind::Transient, "no whole answer within");
    }
}

#[tokio::test]
async fn a_safe_redirect_is_followed() {
    let server = Server::start(|asked| match asked.collection.as_str() {
        "there.ics" => Answer::Whole(200, "", text()),
        _ => Answer::Whole(302, "location: /there.ics\r\n", String::new()),
    });
    assert_eq!(meeting(&at_address(&server.url).read(&at(0)).await.unwrap()), Some(60));
    let round = Server::start(|_| Answer::Whole(302, "location: /s3cret\r\n", String::new()));
    failed(at_address(&round.url).read(&at(0)).await, ErrorKind::ActionRequired, "elsewhere");
    assert_eq!(round.requests().len(), 6);
}

#[tokio::test]
async fn ten_megabytes_and_five_thousand_events_are_read_and_forty_are_not() {
    let event = |n: usize| {
        let words = "x".repeat(2000);
        format!(
            "BEGIN:VEVENT\r\nUID:{n}\r\nDTSTART:20261120T130000Z\r\nDURATION:PT30M\r\nRRULE:FREQ=WEEKLY\r\nDESCRIPTION:{words}\r\nEND:VEVENT\r\n"
        )
    };
    let events: String = (0..5000).map(event).collect();
    assert!(events.len() > 10_000_000);
    let server = served(format!("BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n"));
    let reading = at_address(&server.url).read(&at(0)).await.unwrap();
    assert_eq!((reading.today, meeting(&reading), reading.notes.len()), (5000, Some(30), 0));
    let server = served("BEGIN:VCALENDAR\r\n".to_owned() + &events.repeat(4));
    failed(at_address(&server.url).read(&at(0)).await, ErrorKind::Transient, "over 32 MB");
}

#[tokio::test]
async fn its_to_dos_are_tasks_and_one_that_is_away_does_not_freeze_the_others() {
    let down = Arc::new(AtomicUsize::new(0));
    let is_down = Arc::clone(&down);
    let flaky = Server::start(move |_| match is_down.load(Ordering::SeqCst) {
        0 => Answer::Whole(200, "", text()),
        _ => Answer::status(500),
    });
    let steady = served(text().replace("UID:t", "UID:r").replace("Tax", "Rent"));
    let (flaky, steady) = (Arc::new(at_address(&flaky.url)), Arc::new(at_address(&steady.url)));
    let source = CalendarTasks::of(&[Arc::clone(&flaky), Arc::clone(&steady)]);
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
    // One that never answered leaves the whole unknown: the last copy of it is used then.
    let never = CalendarTasks::of(&[Arc::new(at_address("http://127.0.0.1:1")), steady]);
    assert_eq!(never.fetch(&at(15)).await.unwrap_err().source, "ics");
    assert_eq!(CalendarTasks::of(&[]).fetch(&at(0)).await.unwrap_err().kind, ErrorKind::NotConfigured);
}

#[tokio::test]
async fn both_who_ask_at_one_moment_send_one_question() {
    let server = served(text());
    let calendar = Arc::new(at_address(&server.url));
    let source = CalendarTasks::of(&[Arc::clone(&calendar)]);
    let now = at(0);
    let (events, todos) = tokio::join!(calendar.read(&now), source.fetch(&now));
    assert_eq!((meeting(&events.unwrap()), todos.unwrap().tasks.len(), server.requests().len()), (Some(60), 1, 1));
}
