//! The heartbeat requests its URL every minute while the engine is healthy, and only then.

use operator::engine::commands::Command;
use operator::engine::heartbeat::Heartbeat;
use rstest::rstest;
use serde_json::json;

use crate::support::engine_harness::{EngineHarness, pass};
use crate::support::home::Home;
use crate::support::http::{Answer, Server};
use crate::support::screen::Screen;

const MINUTE: u64 = 60;

fn server() -> Server {
    Server::start(|_| Answer::json("OK"))
}

fn home(server: &Server) -> Home {
    let home = Home::new();
    home.set(json!({
        "intervals": {"health_check": 3600, "task_check": 3600, "pattern_check": 3600},
        "http": {"heartbeat_url": format!("{}/ping/s3cret-beat?key=s3cret-query", server.url)},
    }));
    home
}

/// Waits for this many requests. The paused clock does not advance while a task is ready to run.
async fn wait_for(server: &Server, times: usize) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while server.requests().len() < times {
        assert!(std::time::Instant::now() < deadline, "fewer than {times} heartbeats");
        tokio::task::yield_now().await;
    }
    assert_eq!(server.requests().len(), times);
}

/// Lets requests in flight complete while the clock is paused.
async fn settle() {
    let until = std::time::Instant::now() + std::time::Duration::from_millis(200);
    while std::time::Instant::now() < until {
        tokio::task::yield_now().await;
    }
}

/// An engine that has sent one heartbeat. The clock is then half a second past each minute: the next request has started and no
/// timeout is over.
async fn started(home: Home, time: &str, server: &Server) -> EngineHarness {
    let harness = EngineHarness::start(home, time);
    wait_for(server, 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    harness
}

/// Lets minutes pass and expects one heartbeat in each.
async fn expect_beats(server: &Server, minutes: usize) {
    let before = server.requests().len();
    for minute in 1..=minutes {
        pass(MINUTE).await;
        wait_for(server, before + minute).await;
    }
}

fn hide_outbox(harness: &EngineHarness) {
    let take = "CREATE TABLE aside AS SELECT * FROM outbox; DELETE FROM outbox";
    harness.home.database().execute_batch(take).unwrap();
}

fn restore_outbox(harness: &EngineHarness) {
    let back = "INSERT INTO outbox SELECT * FROM aside; DROP TABLE aside";
    harness.home.database().execute_batch(back).unwrap();
}

#[tokio::test(start_paused = true)]
async fn healthy_engine_beats_at_night_and_in_pause() {
    let server = server();
    let harness = started(home(&server), "21:58", &server).await;
    expect_beats(&server, 5).await;
    assert!(harness.status().is_quiet_hours);
    assert!(harness.request(Command::Pause { until: None }).await.ok);
    expect_beats(&server, 3).await;
    for request in server.requests() {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/ping/s3cret-beat"));
        assert_eq!((request.query["key"].as_str(), request.body.len()), ("s3cret-query", 0), "the configured query");
        let agent = request.headers["user-agent"].clone();
        assert!(agent.starts_with("operator/") && request.headers.len() <= 4, "no personal data: {request:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn failing_audit_stops_the_heartbeat() {
    let server = server();
    let harness = started(home(&server), "09:00", &server).await;
    expect_beats(&server, 2).await;
    hide_outbox(&harness);
    pass(10 * MINUTE).await;
    assert_eq!(server.requests().len(), 3, "no heartbeat");
    restore_outbox(&harness);
    expect_beats(&server, 2).await;
}

#[tokio::test(start_paused = true)]
async fn failing_database_stops_the_heartbeat() {
    let server = server();
    let harness = EngineHarness::start(home(&server), "09:00");
    harness.home.database().execute_batch("ALTER TABLE task_items RENAME TO elsewhere").unwrap();
    wait_for(&server, 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    pass(10 * MINUTE).await;
    assert_eq!(server.requests().len(), 1, "no heartbeat");
    harness.home.database().execute_batch("ALTER TABLE elsewhere RENAME TO task_items").unwrap();
    // The next check is recorded within a minute; that minute's audit may run before it.
    for _ in 0..2 {
        pass(MINUTE).await;
        settle().await;
    }
    expect_beats(&server, 2).await;
}

#[tokio::test(start_paused = true)]
async fn dry_run_sends_no_heartbeat() {
    let server = server();
    let harness = started(home(&server), "09:00", &server).await;
    assert!(harness.request(Command::DryRun { on: true }).await.ok);
    pass(10 * MINUTE).await;
    assert_eq!(server.requests().len(), 1);
    assert!(harness.request(Command::DryRun { on: false }).await.ok);
    expect_beats(&server, 2).await;
}

#[tokio::test(start_paused = true)]
async fn new_url_is_used_from_the_next_minute() {
    let (first, second) = (server(), server());
    let harness = started(home(&first), "09:00", &first).await;
    harness.home.set(json!({"http": {"heartbeat_url": null, "heartbeat_url_file": harness.home.path("address")}}));
    std::fs::write(harness.home.path("address"), format!("{}/other\n", second.url)).unwrap();
    harness.reload().await;
    expect_beats(&second, 2).await;
    harness.home.set(json!({"http": {"heartbeat_url_file": null}}));
    harness.reload().await;
    pass(5 * MINUTE).await;
    assert_eq!((first.requests().len(), second.requests().len()), (1, 2));
}

#[rstest]
#[case::broken(|| Answer::status(500))]
#[case::hangs(|| Answer::Hang)]
#[case::closes(|| Answer::Close)]
#[case::nonsense(|| Answer::Raw("no HTTP".into()))]
#[tokio::test(start_paused = true)]
async fn failing_server_gets_every_heartbeat(#[case] answer: fn() -> Answer) {
    let server = Server::start(move |_| answer());
    let harness = started(home(&server), "09:00", &server).await;
    expect_beats(&server, 4).await;
    assert!(harness.status().audit.unwrap().is_consistent() && !harness.engine.is_finished());
}

fn heartbeat(url: &str) -> std::sync::Arc<Heartbeat> {
    let mut config = operator::config::schema::HttpConfig::default();
    assert!(Heartbeat::new(&config, &std::sync::Arc::default()).is_none(), "no URL, no heartbeat");
    config.heartbeat_url = Some(url.into());
    assert!(!format!("{config:?}").contains("s3cret"));
    Heartbeat::new(&config, &std::sync::Arc::default()).unwrap()
}

#[tokio::test]
async fn failure_is_logged_once_without_the_url() {
    let status = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(200));
    let script = std::sync::Arc::clone(&status);
    let server = Server::start(move |_| {
        let status = script.load(std::sync::atomic::Ordering::SeqCst);
        Answer::Whole(status, "location: /elsewhere/s3cret\r\n", "s3cret".into())
    });
    let (screen, _guard) = Screen::watch();
    let heartbeat = heartbeat(&format!("{}/s3cret-path?s3cret-query", server.url));
    for answer in [200, 500, 500, 500, 302, 302, 200, 200] {
        status.store(answer, std::sync::atomic::Ordering::SeqCst);
        heartbeat.send().await;
    }
    let place = server.url.trim_start_matches("http://");
    let lines = screen.lines_with("heartbeat");
    let expected = [
        format!(" - operator - WARNING - heartbeat failed error=\"{place} answered 500 Internal Server Error\""),
        format!(" - operator - WARNING - heartbeat failed error=\"{place} answered 302 Found\""),
        " - operator - INFO - heartbeat succeeded again".to_owned(),
    ];
    assert_eq!(lines, expected);
    assert_eq!(server.requests().len(), 8, "a redirect is not followed");
    assert!(!screen.text().contains("s3cret"), "{}", screen.text());
}

#[rstest]
#[case::refused("http://127.0.0.1:1/s3cret")]
#[case::no_such_host("https://no.such.host.invalid/s3cret")]
#[case::no_url("s3cret")]
#[case::other_scheme("ftp://ada:s3cret@127.0.0.1/s3cret")]
#[case::password("http://ada:s3cret@127.0.0.1:1/s3cret")]
#[tokio::test]
async fn invalid_url_is_not_logged(#[case] url: &str) {
    let (screen, _guard) = Screen::watch();
    let heartbeat = heartbeat(url);
    heartbeat.send().await;
    heartbeat.send().await;
    assert_eq!(screen.lines_with("heartbeat failed").len(), 1, "{}", screen.text());
    assert!(!screen.text().contains("s3cret"), "{}", screen.text());
}
