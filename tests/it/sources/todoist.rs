//! Reads Todoist's API from a real HTTP server, well-behaved and not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use operator::core::facts::TaskReading;
use operator::sources::TaskSource;
use operator::sources::todoist::{Todoist, TokenUser};
use operator::sources::{self, ErrorKind};
use rstest::rstest;

use crate::support::facts::at;
use crate::support::http::{Answer, Request, Server};

const TOKEN: &str = "s3cret-token";

fn todoist(server: &Server) -> Todoist {
    Todoist {
        token: Some(TOKEN.into()),
        token_file: None,
        projects: vec![],
        base_url: format!("{}/api/v1", server.url),
        timeout: Duration::from_secs(20),
        token_user: TokenUser::default(),
    }
}

async fn fetch(source: &Todoist) -> Result<TaskReading, sources::Error> {
    let reading = source.fetch(&at("2026-11-20T09:05[America/Chicago]")).await;
    if let Err(error) = &reading {
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    assert!(!format!("{source:?}").contains("s3cret"));
    reading
}

async fn fetch_error(server: &Server) -> sources::Error {
    fetch(&todoist(server)).await.expect_err("an error")
}

fn page(results: &str, next: &str) -> Answer {
    Answer::json(format!(r#"{{"results":[{results}],"next_cursor":{next},"new_field":{{"deep":[1]}}}}"#))
}

fn task(id: &str, more: &str) -> String {
    let fields = r#""content":"Pay rent","checked":false,"priority":4,"labels":[],"duration":null,"project_id":"p1""#;
    format!(r#"{{"id":"{id}",{fields}{more}}}"#)
}

/// A server that answers everything alike.
fn always(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    Server::start(move |_| answer())
}

fn ids(reading: &TaskReading) -> Vec<&str> {
    reading.tasks.iter().map(|task| task.id.as_str()).collect()
}

#[tokio::test]
async fn open_tasks_are_read_with_one_request() {
    let server = Server::start(|_| {
        page(
            &[task("a", r#","due":{"date":"2026-11-20T23:00:00Z"}"#), task("b", r#","checked":true"#)].join(","),
            "null",
        )
    });
    let reading = fetch(&todoist(&server)).await.unwrap();
    assert_eq!((reading.source, reading.has_dates, ids(&reading)), ("todoist", true, vec!["a"]));
    assert_eq!(reading.tasks[0].due.unwrap().to_string(), "2026-11-20 17:00");
    let asked = server.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].path.as_str(), asked[0].query["limit"].as_str()), ("/api/v1/tasks", "200"));
    assert_eq!(asked[0].headers["authorization"], format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn five_thousand_tasks_take_25_requests() {
    let server = Server::start(|request| {
        let number: usize = request.query.get("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let tasks: Vec<String> = (0..200).map(|index| task(&format!("t{}", number * 200 + index), "")).collect();
        let next = if number == 24 { "null".into() } else { format!("\"{}\"", number + 1) };
        page(&tasks.join(","), &next)
    });
    let reading = fetch(&todoist(&server)).await.unwrap();
    assert_eq!((reading.tasks.len(), server.requests().len()), (5000, 25));
}

#[tokio::test]
async fn task_on_two_pages_is_read_once() {
    let server = Server::start(|request| match request.query.get("cursor") {
        None => page(&task("a", ""), "\"next page/+=\""),
        Some(cursor) => {
            assert_eq!(cursor, "next+page%2F%2B%3D");
            page(&[task("a", ""), task("b", "")].join(","), "null")
        }
    });
    assert_eq!(ids(&fetch(&todoist(&server)).await.unwrap()), ["a", "b"]);
}

#[tokio::test]
async fn endless_pages_are_refused() {
    let same = always(|| page("", "\"again\""));
    assert!(fetch_error(&same).await.message.contains("the pages of tasks do not end"));
    assert_eq!(same.requests().len(), 2);
    let count = AtomicUsize::new(0);
    let endless = always(move || page("", &format!("\"{}\"", count.fetch_add(1, Ordering::SeqCst))));
    assert_eq!(fetch_error(&endless).await.kind, ErrorKind::Transient);
    assert_eq!(endless.requests().len(), 200);
}

#[tokio::test]
async fn too_many_tasks_are_refused() {
    let number = AtomicUsize::new(0);
    let next = move || format!("\"{}\"", number.fetch_add(1, Ordering::SeqCst));
    let description = format!(r#","description":"{}""#, "x".repeat(5_000_000));
    let long = always(move || page(&task("a", &description), &next()));
    let error = fetch_error(&long).await;
    assert!(error.kind == ErrorKind::Transient && error.message.contains("holds too many tasks"), "{error:?}");
    assert_eq!(long.requests().len(), 4, "20 MB");
    let many = always(|| page(&[r#"{"id":1}"#; 40_001].join(","), "null"));
    assert!(fetch_error(&many).await.message.contains("holds too many tasks"));
}

#[rstest]
#[case::wrong_token(401, ErrorKind::ActionRequired, "Copy the token")]
#[case::out_of_scope(403, ErrorKind::ActionRequired, "may not read this")]
#[case::not_found(404, ErrorKind::ActionRequired, "sources.todoist.base_url")]
#[case::gone(410, ErrorKind::ActionRequired, "update Operator")]
#[case::moved(302, ErrorKind::ActionRequired, "redirects are not followed")]
#[case::bad_request(400, ErrorKind::ActionRequired, "update Operator")]
#[case::broken(500, ErrorKind::Transient, "")]
#[case::overloaded(503, ErrorKind::Transient, "")]
#[case::too_many(429, ErrorKind::Transient, "")]
#[tokio::test]
async fn error_status_says_what_to_do(#[case] status: u16, #[case] kind: ErrorKind, #[case] advice: &str) {
    let server = always(move || Answer::Whole(status, "location: http://127.0.0.1:1/\r\n", "{}".into()));
    let error = fetch_error(&server).await;
    assert_eq!((error.source, error.kind), ("todoist", kind));
    assert!(error.message.contains(&status.to_string()) && error.advice.contains(advice), "{error:?}");
    assert_eq!(server.requests().len(), 1, "one request, no more");
}

#[rstest]
#[case::seconds("retry-after: 90\r\n", 90)]
#[case::nothing("", 60)]
#[case::a_clock_an_hour_off(
    "date: Fri, 20 Nov 2026 16:05:00 GMT\r\nretry-after: Fri, 20 Nov 2026 16:07:00 GMT\r\n",
    120
)]
#[tokio::test]
async fn retry_after_is_honoured(#[case] lines: &'static str, #[case] seconds: i64) {
    let server = always(move || Answer::Whole(429, lines, "{}".into()));
    assert_eq!(fetch_error(&server).await.retry_after, Some(SignedDuration::from_secs(seconds)));
}

#[rstest]
#[case::cut(|| Answer::Cut(r#"{"results":[],"next_cursor":null}"#.into()))]
#[case::closed(|| Answer::Close)]
#[case::no_http(|| Answer::Raw("220 mail.example ESMTP\r\n".into()))]
#[case::no_json(|| Answer::json("<html>Log in</html>"))]
#[case::half_a_document(|| Answer::json(r#"{"results":[{"id":"#))]
#[case::no_list(|| Answer::json(r#"{"results":{},"next_cursor":null}"#))]
#[case::an_older_api(|| Answer::json(r#"[{"id":"1"}]"#))]
#[case::odd_cursor(|| Answer::json(r#"{"results":[],"next_cursor":7}"#))]
#[case::ten_megabytes(|| Answer::json(format!(r#"{{"results":["{}"]}}"#, "x".repeat(10_000_000))))]
#[tokio::test]
async fn broken_answer_is_transient(#[case] answer: fn() -> Answer) {
    let error = fetch_error(&always(answer)).await;
    assert_eq!(error.kind, ErrorKind::Transient, "{error:?}");
    assert!(error.message.contains("127.0.0.1") && error.retry_after.is_none(), "{error:?}");
}

#[rstest]
#[case::silence(|| Answer::Hang)]
#[case::a_stall(|| Answer::Stall("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{".into()))]
#[tokio::test]
async fn slow_server_times_out(#[case] answer: fn() -> Answer) {
    let server = always(answer);
    let source = Todoist { timeout: Duration::from_millis(200), ..todoist(&server) };
    let error = fetch(&source).await.unwrap_err();
    assert!(error.kind == ErrorKind::Transient && error.message.contains("within 0.2 s"), "{error:?}");
}

#[tokio::test]
async fn invalid_task_does_not_hide_others() {
    let server = always(|| {
        page(
            &[task("a", r#","due":{"date":"soon"}"#), "null".into(), r#"{"id":7}"#.into(), task("b", "")].join(","),
            "null",
        )
    });
    let reading = fetch(&todoist(&server)).await.unwrap();
    assert_eq!((ids(&reading), reading.unreadable.clone()), (vec!["7", "b"], vec!["a".to_owned()]));
    assert_eq!(reading.notes.len(), 2, "{:?}", reading.notes);
    assert!(reading.is_unreadable("a@2026-11-26"), "its occurrence is unknown");
    assert!(!reading.is_unreadable("ab@2026-11-26"));
}

fn shared(request: &Request) -> Answer {
    match request.collection.as_str() {
        "tasks" => page(
            &[
                task("mine", r#","responsible_uid":"7""#),
                task("theirs", r#","responsible_uid":"8""#),
                task("anyones", r#","responsible_uid":null"#),
            ]
            .join(","),
            "null",
        ),
        "user" => Answer::json(r#"{"id":"7","email":"ada@example.org"}"#),
        _ => Answer::status(404),
    }
}

#[tokio::test]
async fn tasks_of_other_users_are_skipped() {
    let server = Server::start(shared);
    let source = todoist(&server);
    for _ in 0..2 {
        assert_eq!(ids(&fetch(&source).await.unwrap()), ["mine", "anyones"]);
    }
    assert_eq!((server.times("tasks"), server.times("user")), (2, 1));
}

#[tokio::test]
async fn only_configured_projects_are_read() {
    let server = Server::start(|request| match request.collection.as_str() {
        "projects" => page(r#"{"id":"p1","name":"Work"},{"id":"p2","name":"Home"}"#, "null"),
        _ => page(&[task("a", ""), task("b", "").replace("p1", "p2")].join(","), "null"),
    });
    let source = Todoist { projects: vec![" home".into()], ..todoist(&server) };
    assert_eq!((ids(&fetch(&source).await.unwrap()), server.requests().len()), (vec!["b"], 2));
    // A renamed or archived project must not resolve the alerts of its tasks.
    let source = Todoist { projects: vec!["Home".into(), "Garden".into()], ..todoist(&server) };
    let error = fetch(&source).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::ActionRequired, "there is no project 'Garden'"));
}

#[tokio::test]
async fn missing_token_sends_nothing() {
    let server = always(|| page("", "null"));
    let source = Todoist { token: None, ..todoist(&server) };
    assert!(!source.is_configured());
    assert_eq!(fetch(&source).await.unwrap_err().kind, ErrorKind::NotConfigured);
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn token_file_is_read() {
    let server = always(|| page("", "null"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let source = Todoist { token: None, token_file: Some(file.clone()), ..todoist(&server) };
    fetch(&source).await.unwrap();
    assert_eq!(server.requests()[0].headers["authorization"], format!("Bearer {TOKEN}"));
    for (content, message) in [("two\nlines", "the token cannot be sent"), (" \n", "the token is empty")] {
        std::fs::write(&file, content).unwrap();
        let error = fetch(&source).await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::ActionRequired, message));
    }
}

#[tokio::test]
async fn concurrent_fetches_succeed() {
    let server = Server::start(shared);
    let source = Arc::new(todoist(&server));
    let readings = (0..4).map(|_| {
        let source = Arc::clone(&source);
        tokio::spawn(async move { fetch(&source).await.unwrap().tasks.len() })
    });
    for reading in readings.collect::<Vec<_>>() {
        assert_eq!(reading.await.unwrap(), 2);
    }
}
