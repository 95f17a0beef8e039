//! The heartbeat: a real server hears it every minute while all is well, and only then.

use operator::engine::commands::Command;
use operator::engine::heartbeat::Heartbeat;
use rstest::rstest;
use serde_json::json;

use crate::support::bench::{Bench, pass};
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

/// Wait until it was heard so often. Time stands still while something is always ready to run.
async fn heard(server: &Server, times: usize) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while server.asked().len() < times {
        assert!(std::time::Instant::now() < deadline, "in vain: {times} beats");
        tokio::task::yield_now().await;
    }
    assert_eq!(server.asked().len(), times);
}

/// Let what is under way on the network come to its end, while time stands still.
async fn settle() {
    let until = std::time::Instant::now() + std::time::Duration::from_millis(200);
    while std::time::Instant::now() < until {
        tokio::task::yield_now().await;
    }
}

/// An engine that has beaten once. From here on the test looks half a second after each beat: long enough for it to have begun, and
/// no patience is over by then.
async fn begun(home: Home, time: &str, server: &Server) -> Bench {
    let bench = Bench::start(home, time);
    heard(server, 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    bench
}

/// Let minutes go by in each of which it beats.
async fn beats(server: &Server, minutes: usize) {
    let before = server.asked().len();
    for minute in 1..=minutes {
        pass(MINUTE).await;
        heard(server, before + minute).await;
    }
}

fn lose_a_message(bench: &Bench) {
    let take = "CREATE TABLE aside AS SELECT * FROM outbox; DELETE FROM outbox";
    bench.home.database().execute_batch(take).unwrap();
}

fn find_it_again(bench: &Bench) {
    let back = "INSERT INTO outbox SELECT * FROM aside; DROP TABLE aside";
    bench.home.database().execute_batch(back).unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_beats_every_minute_through_night_and_pause() {
    let server = server();
    let bench = begun(home(&server), "21:58", &server).await;
    beats(&server, 5).await;
    assert!(bench.status().is_quiet_hours);
    assert!(bench.ask(Command::Pause { until: None }).await.ok);
    beats(&server, 3).await;
    for request in server.asked() {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/ping/s3cret-beat"));
        assert_eq!((request.query["key"].as_str(), request.body.len()), ("s3cret-query", 0), "as it was given");
        let agent = request.headers["user-agent"].clone();
        assert!(agent.starts_with("operator/") && request.headers.len() <= 4, "nothing personal: {request:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_stops_while_the_audit_fails_and_begins_again() {
    let server = server();
    let bench = begun(home(&server), "09:00", &server).await;
    beats(&server, 2).await;
    lose_a_message(&bench);
    pass(10 * MINUTE).await;
    assert_eq!(server.asked().len(), 3, "silence");
    find_it_again(&bench);
    beats(&server, 2).await;
}

#[tokio::test(start_paused = true)]
async fn it_stops_while_the_database_fails_and_begins_again() {
    let server = server();
    let bench = Bench::start(home(&server), "09:00");
    bench.home.database().execute_batch("ALTER TABLE items RENAME TO elsewhere").unwrap();
    heard(&server, 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    pass(10 * MINUTE).await;
    assert_eq!(server.asked().len(), 1, "silence");
    bench.home.database().execute_batch("ALTER TABLE elsewhere RENAME TO items").unwrap();
    // A check is recorded again within a minute; the audit of that minute may have come before it.
    for _ in 0..2 {
        pass(MINUTE).await;
        settle().await;
    }
    beats(&server, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_does_not_beat() {
    let server = server();
    let bench = begun(home(&server), "09:00", &server).await;
    assert!(bench.ask(Command::DryRun { on: true }).await.ok);
    pass(10 * MINUTE).await;
    assert_eq!(server.asked().len(), 1);
    assert!(bench.ask(Command::DryRun { on: false }).await.ok);
    beats(&server, 2).await;
}

#[tokio::test(start_paused = true)]
async fn another_address_holds_from_the_next_minute_on() {
    let (first, second) = (server(), server());
    let bench = begun(home(&first), "09:00", &first).await;
    bench.home.set(json!({"http": {"heartbeat_url": null, "heartbeat_url_file": bench.home.path("address")}}));
    std::fs::write(bench.home.path("address"), format!("{}/other\n", second.url)).unwrap();
    bench.reload().await;
    beats(&second, 2).await;
    bench.home.set(json!({"http": {"heartbeat_url_file": null}}));
    bench.reload().await;
    pass(5 * MINUTE).await;
    assert_eq!((first.asked().len(), second.asked().len()), (1, 2));
}

#[rstest]
#[case::broken(|| Answer::status(500))]
#[case::mute(|| Answer::Hang)]
#[case::rude(|| Answer::Close)]
#[case::nonsense(|| Answer::Raw("no HTTP".into()))]
#[tokio::test(start_paused = true)]
async fn a_server_that_fails_is_asked_again_every_minute(#[case] answer: fn() -> Answer) {
    let server = Server::start(move |_| answer());
    let bench = begun(home(&server), "09:00", &server).await;
    beats(&server, 4).await;
    assert!(bench.status().audit.unwrap().is_consistent() && !bench.engine.is_finished());
}

fn heartbeat(address: &str) -> std::sync::Arc<Heartbeat> {
    let mut config = operator::config::schema::Http::default();
    assert!(Heartbeat::new(&config, &std::sync::Arc::default()).is_none(), "no address, no heartbeat");
    config.heartbeat_url = Some(address.into());
    assert!(!format!("{config:?}").contains("s3cret"));
    Heartbeat::new(&config, &std::sync::Arc::default()).unwrap()
}

#[tokio::test]
async fn a_failure_is_logged_when_it_changes_and_without_the_address() {
    let status = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(200));
    let told = std::sync::Arc::clone(&status);
    let server = Server::start(move |_| {
        let status = told.load(std::sync::atomic::Ordering::SeqCst);
        Answer::Whole(status, "location: /elsewhere/s3cret\r\n", "s3cret".into())
    });
    let (screen, _guard) = Screen::watch();
    let heartbeat = heartbeat(&format!("{}/s3cret-path?s3cret-query", server.url));
    for answer in [200, 500, 500, 500, 302, 302, 200, 200] {
        status.store(answer, std::sync::atomic::Ordering::SeqCst);
        heartbeat.beat().await;
    }
    let place = server.url.trim_start_matches("http://");
    let lines = screen.lines_with("heartbeat");
    let expected = [
        format!(" - operator - WARNING - heartbeat failed error=\"{place} answered 500 Internal Server Error\""),
        format!(" - operator - WARNING - heartbeat failed error=\"{place} answered 302 Found\""),
        " - operator - INFO - heartbeat works again".to_owned(),
    ];
    assert_eq!(lines, expected);
    assert_eq!(server.asked().len(), 8, "a redirect is not followed");
    assert!(!screen.text().contains("s3cret"), "{}", screen.text());
}

#[rstest]
#[case::nobody_listens("http://127.0.0.1:1/s3cret")]
#[case::no_such_host("https://no.such.host.invalid/s3cret")]
#[case::no_address("s3cret")]
#[case::another_kind("ftp://ada:s3cret@127.0.0.1/s3cret")]
#[case::a_password("http://ada:s3cret@127.0.0.1:1/s3cret")]
#[tokio::test]
async fn whatever_is_wrong_with_the_address_it_is_not_told(#[case] address: &str) {
    let (screen, _guard) = Screen::watch();
    let heartbeat = heartbeat(address);
    heartbeat.beat().await;
    heartbeat.beat().await;
    assert_eq!(screen.lines_with("heartbeat failed").len(), 1, "{}", screen.text());
    assert!(!screen.text().contains("s3cret"), "{}", screen.text());
}
