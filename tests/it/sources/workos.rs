//! Reads WorkOS from a real Postgres server, and from servers that fail.

use std::path::Path;
use std::time::Duration;

use jiff::civil::date;
use jiff::{Timestamp, ZonedDateTime};
use operator::core::facts::{Activity, Goal, TaskReading, TaskStatus};
use operator::sources::workos;
use operator::sources::{self, ErrorKind};
use rstest::rstest;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_postgres::Client;

use crate::support::postgres::{PASSWORD, Server, WORKOS, server, shows_password};

/// 15:05 UTC; local midnight is 06:00 UTC.
fn now() -> ZonedDateTime {
    "2026-11-20T09:05:00-06:00[America/Chicago]".parse().unwrap()
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(600);

async fn fetch_with(url: &str, ca_file: Option<&Path>, timeout: Duration) -> Result<TaskReading, sources::Error> {
    let reading = workos::fetch(&SecretString::from(url), ca_file, timeout, &now()).await;
    if let Err(error) = &reading {
        assert_eq!(error.source, "workos");
        assert!(!shows_password(&format!("{error:?} {error}")), "{error:?}");
    }
    reading
}

async fn fetch(server: &Server, database: &str) -> Result<TaskReading, sources::Error> {
    fetch_with(&server.url(database, "sslmode=disable"), None, LONG).await
}

/// Reads a database with the usual tables after this SQL.
async fn reading_after(sql: &str) -> TaskReading {
    let server = server().await;
    let (name, client) = server.database(WORKOS).await;
    client.batch_execute(sql).await.unwrap();
    fetch(server, &name).await.unwrap()
}

#[tokio::test]
async fn empty_database_gives_empty_reading() {
    let reading = reading_after("").await;
    assert_eq!((reading.source, reading.as_of, reading.has_dates), ("workos", now().timestamp(), false));
    assert!(reading.tasks.is_empty() && reading.notes.is_empty(), "{:?}", reading.notes);
    let day_off = Goal { date: date(2026, 11, 20), target: 0.0, earned: 0.0 };
    assert_eq!((reading.goal, reading.commitments), (Some(day_off), None), "no goal was set for today");
    assert_eq!(reading.thoughts, Some(vec![]));
    assert_eq!(reading.activity, Some(Activity { created: 0, completed: 0, clients_today: Some(0) }));
}

#[tokio::test]
async fn open_tasks_have_status_and_tier() {
    let reading = reading_after(
        "INSERT INTO tasks (title, status, value_tier) VALUES ('a', 'active', 'milestone'), ('b', 'queued', 'progress'),
         ('c', 'backlog', NULL), ('d', 'done', 'milestone'), ('e', 'cancelled', NULL), ('', 'waiting', 'Milestone')",
    )
    .await;
    let found: Vec<_> = reading.tasks.iter().map(|t| (t.title.as_str(), t.status, t.milestone)).collect();
    assert_eq!(
        found,
        [
            ("a", TaskStatus::Active, true),
            ("b", TaskStatus::Queued, false),
            ("c", TaskStatus::Backlog, false),
            ("(untitled)", TaskStatus::Pending, true),
        ]
    );
    assert!(reading.tasks.iter().all(|t| t.due.is_none() && t.priority.is_none()));
    assert_eq!(reading.tasks[0].id, "1");
    assert_eq!(reading.notes.len(), 1, "{:?}", reading.notes);
    assert!(reading.notes[0].contains("waiting"));
}

#[tokio::test]
async fn activity_counts_7_days_and_todays_clients() {
    let reading = reading_after(
        "INSERT INTO clients (name) VALUES ('x'), ('y'), ('z');
         INSERT INTO tasks (title, status, client_id, created_at, updated_at, completed_at) VALUES
         ('in', 'done', 1, '2026-11-13 15:05:00', '2026-11-20 06:00:00', '2026-11-13 15:05:00'),
         ('out', 'done', 2, '2026-11-13 15:04:59', '2026-11-20 05:59:59', '2026-11-13 15:04:59'),
         ('same client', 'active', 1, '2026-11-20 15:00:00', '2026-11-20 15:00:00', NULL),
         ('no client', 'active', NULL, '2026-01-01', '2026-11-20 15:00:00', NULL),
         ('another', 'active', 3, '2026-01-01', '2026-11-20 12:00:00', NULL)",
    )
    .await;
    assert_eq!(reading.activity, Some(Activity { created: 2, completed: 1, clients_today: Some(2) }));
}

#[rstest]
#[case("target_points, adjusted_target_points, earned_points", "20, 12, 7", 12.0, 7.0)]
#[case("target_points, earned_points", "20, 0", 20.0, 0.0)]
#[case("target_points, earned_points", "NULL, 3", 18.0, 3.0)]
#[case("target_points, adjusted_target_points, earned_points", "20, 0, 3", 0.0, 3.0)]
// 5 final, 7 milestone, 4 deliverable, 1 checkbox, 9 guessed, 6 of effort, 2 by default.
#[case("target_points, earned_points", "20, NULL", 20.0, 34.0)]
#[tokio::test]
async fn goal_is_of_the_local_date(
    #[case] columns: &str,
    #[case] values: &str,
    #[case] target: f64,
    #[case] earned: f64,
) {
    let reading = reading_after(&format!(
        "INSERT INTO daily_goals (date, {columns}) VALUES ('2026-11-20', {values});
         INSERT INTO daily_goals (date, target_points, earned_points) VALUES ('2026-11-19', 99, 99), ('2026-11-21', 99, 99);
         INSERT INTO tasks (title, status, completed_at, points_final, value_tier, points_ai_guess, effort_estimate) VALUES
         ('a', 'done', '2026-11-20 06:00:00', 5, 'milestone', 1, 1), ('b', 'done', '2026-11-20 07:00:00', NULL, 'milestone', 1, 1),
         ('c', 'done', '2026-11-20 08:00:00', NULL, 'deliverable', 1, 1), ('d', 'done', '2026-11-20 09:00:00', NULL, 'checkbox', 5, 5),
         ('e', 'done', '2026-11-20 10:00:00', NULL, NULL, 9, 1), ('f', 'done', '2026-11-20 11:00:00', NULL, 'odd', NULL, 6),
         ('g', 'done', '2026-11-20 12:00:00', NULL, NULL, NULL, NULL), ('yesterday', 'done', '2026-11-20 05:59:59', 50, NULL, 1, 1)"
    ))
    .await;
    assert_eq!(reading.goal, Some(Goal { date: date(2026, 11, 20), target, earned }));
}

#[tokio::test]
async fn thoughts_are_unprocessed_or_recent() {
    let reading = reading_after(
        "INSERT INTO brain_dump (content, category, processed, created_at) VALUES
         ('old and open', 'worry', 0, '2025-01-01 00:00:00.5'), ('old and done', 'worry', 1, '2026-11-13 15:04:59'),
         ('new and done', 'idea', 1, '2026-11-13 15:05:00'), ('unsorted', NULL, NULL, '2026-11-20 15:00:00'),
         ('never', 'task', 0, 'infinity')",
    )
    .await;
    let thoughts = reading.thoughts.unwrap();
    let found: Vec<_> = thoughts.iter().map(|t| (t.content.as_str(), t.worry, t.processed)).collect();
    let expected = [("unsorted", false, false), ("new and done", false, true), ("old and open", true, false)];
    assert_eq!(found, expected);
    assert_eq!(thoughts[2].at, "2025-01-01T00:00:00.5Z".parse::<Timestamp>().unwrap());
}

#[tokio::test]
async fn newest_five_thousand_thoughts_are_read() {
    let reading = reading_after(
        "INSERT INTO brain_dump (content, created_at)
         SELECT repeat('ä', 3000), timestamp '2026-11-20' - make_interval(mins => i) FROM generate_series(1, 6000) i",
    )
    .await;
    let thoughts = reading.thoughts.unwrap();
    assert_eq!(thoughts.len(), 5000);
    assert_eq!(thoughts[0].at, "2026-11-19T23:59:00Z".parse::<Timestamp>().unwrap());
    assert_eq!(thoughts[0].content.chars().count(), 2000);
}

#[tokio::test]
async fn hundred_thousand_tasks_are_read() {
    let reading = reading_after(
        "INSERT INTO tasks (title, status, description, created_at)
         SELECT 'Task ' || i, CASE WHEN i % 10 = 0 THEN 'active' ELSE 'done' END, repeat('x', 200), '2026-11-19'
         FROM generate_series(1, 100000) i",
    )
    .await;
    assert_eq!(reading.tasks.len(), 10_000);
    assert_eq!(reading.activity.unwrap().created, 100_000);
}

#[rstest]
#[case("DROP TABLE daily_goals; DROP TABLE brain_dump;", 3)]
#[case(
    "ALTER TABLE tasks DROP value_tier, DROP cognitive_load, DROP points_final, DROP points_ai_guess, DROP effort_estimate;",
    1
)]
#[case(
    "ALTER TABLE tasks DROP client_id; ALTER TABLE client_memory DROP risk_level; ALTER TABLE brain_dump DROP context;",
    1
)]
#[case("ALTER TABLE tasks DROP created_at; ALTER TABLE brain_dump DROP category, DROP processed;", 2)]
#[case("ALTER TABLE daily_goals DROP target_points, DROP adjusted_target_points, DROP earned_points;", 0)]
#[case("ALTER TABLE tasks DROP updated_at, DROP completed_at;", 2)]
#[case(
    "ALTER TABLE tasks ALTER created_at TYPE timestamptz; ALTER TABLE brain_dump ALTER created_at TYPE timestamptz;",
    0
)]
#[case("ALTER TABLE brain_dump ALTER processed DROP DEFAULT, ALTER processed TYPE boolean USING processed = 1;", 0)]
#[tokio::test]
async fn older_database_is_read_with_notes(#[case] change: &str, #[case] notes: usize) {
    let reading = reading_after(&format!(
        "INSERT INTO daily_goals (date) VALUES ('2026-11-20'); INSERT INTO brain_dump (content) VALUES ('a');
         INSERT INTO tasks (title, status) VALUES ('a', 'active'); {change}"
    ))
    .await;
    assert_eq!(reading.tasks.len(), 1);
    assert_eq!(reading.notes.len(), notes, "{:?}", reading.notes);
    assert_eq!(reading.goal.is_none(), change.contains("TABLE daily_goals;"));
    assert_eq!(reading.thoughts.is_none(), change.contains("TABLE brain_dump;"));
    assert_eq!(reading.activity.is_none(), change.contains("DROP created_at") || change.contains("DROP completed_at"));
}

#[tokio::test]
async fn database_without_tasks_needs_the_user() {
    let server = server().await;
    let (name, client) = server.database("").await;
    let error = fetch(server, &name).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains("no table tasks"), "{error}");
    client.batch_execute("CREATE TABLE tasks (id serial)").await.unwrap();
    assert!(fetch(server, &name).await.unwrap_err().message.contains("no column title, status"));
}

/// A view with one task, whose title shows the settings of the session.
const SESSION_VIEW: &str = "CREATE VIEW tasks AS SELECT 1 AS id, 'active' AS status,
    concat_ws(' ', current_setting('transaction_read_only'), current_setting('application_name'),
    current_setting('statement_timeout'), (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())) AS title";

#[tokio::test]
async fn session_is_read_only_bounded_and_closed() {
    let server = server().await;
    let (name, client) = server.database(SESSION_VIEW).await;
    assert_eq!(fetch(server, &name).await.unwrap().tasks[0].title, "on operator 30s f");
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'operator'";
    wait_for(&client, &format!("SELECT ({sql}) = 0")).await;
}

#[tokio::test]
async fn view_that_writes_is_refused() {
    let server = server().await;
    let (name, client) = server
        .database(
            "CREATE TABLE seen (at timestamp);
             CREATE FUNCTION look() RETURNS text LANGUAGE sql VOLATILE AS 'INSERT INTO seen VALUES (now()) RETURNING at::text';
             CREATE VIEW tasks AS SELECT 1 AS id, look() AS title, 'active' AS status",
        )
        .await;
    assert!(fetch(server, &name).await.unwrap_err().message.contains("read-only transaction"));
    assert_eq!(client.query_one("SELECT count(*) FROM seen", &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// Repeats a query until it returns true.
async fn wait_for(client: &Client, query: &str) {
    for _ in 0..500 {
        if client.query_one(query, &[]).await.unwrap().get(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never true: {query}");
}

/// SQL: whether a session of Operator waits for a lock.
const WAITS_FOR_LOCK: &str = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = 'operator' AND wait_event_type = 'Lock'";

#[tokio::test]
async fn terminated_connection_is_transient() {
    let server = server().await;
    let (name, client) = server.database(WORKOS).await;
    let admin = server.connect(&name).await;
    client.batch_execute("BEGIN; LOCK TABLE tasks").await.unwrap();
    let cut = async {
        wait_for(&admin, WAITS_FOR_LOCK).await;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'operator'";
        admin.query(sql, &[]).await.unwrap();
    };
    let (reading, ()) = tokio::join!(fetch(server, &name), cut);
    let error = reading.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains("terminating connection"), "{error}");
}

#[tokio::test]
async fn slow_query_times_out_and_is_cancelled() {
    let server = server().await;
    let (name, client) = server.database(WORKOS).await;
    client.batch_execute("BEGIN; LOCK TABLE tasks").await.unwrap();
    let error = fetch_with(&server.url(&name, ""), None, SHORT).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    let admin = server.connect(&name).await;
    wait_for(&admin, &format!("SELECT NOT ({WAITS_FOR_LOCK})")).await;
}

#[rstest]
#[case::password("nobody:hunter2", "postgres", "password authentication failed")]
#[case::database("", "no_such_database", "does not exist")]
#[tokio::test]
async fn refused_login_needs_the_user(#[case] login: &str, #[case] database: &str, #[case] message: &str) {
    let server = server().await;
    let url = match login {
        "" => server.url(database, ""),
        login => format!("postgres://{login}@localhost:{}/{database}", server.port),
    };
    let error = fetch_with(&url, None, LONG).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired, "{error}");
    assert!(
        error.message.contains(message) && error.message.contains(&format!("localhost:{}", server.port)),
        "{error}"
    );
    assert!(error.advice.contains("sources.workos.url"), "{}", error.advice);
}

#[tokio::test]
async fn login_without_grant_needs_the_user() {
    let server = server().await;
    let (name, client) = server.database(WORKOS).await;
    client.batch_execute(&format!("CREATE ROLE guest_{name} LOGIN PASSWORD 'hunter2'")).await.unwrap();
    let url = format!("postgres://guest_{name}:hunter2@localhost:{}/{name}", server.port);
    let error = fetch_with(&url, None, LONG).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.advice.contains("GRANT SELECT"), "{error:?}");
    client.batch_execute(&format!("ALTER ROLE guest_{name} CONNECTION LIMIT 0")).await.unwrap();
    assert_eq!(fetch_with(&url, None, LONG).await.unwrap_err().kind, ErrorKind::Transient, "too many connections");
    client.batch_execute(&format!("ALTER ROLE guest_{name} NOLOGIN")).await.unwrap();
    assert_eq!(fetch_with(&url, None, LONG).await.unwrap_err().kind, ErrorKind::ActionRequired);
}

#[tokio::test]
async fn missing_password_needs_the_user() {
    let url = format!("postgres://owner@localhost:{}/postgres", server().await.port);
    let error = fetch_with(&url, None, LONG).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains("password missing"), "{error}");
}

#[rstest]
#[case("sslmode=disable", None, 'f')]
#[case("", None, 't')]
#[case("sslmode=prefer", None, 't')]
#[case("sslmode=require", None, 't')]
#[case("sslmode=require", Some("authority"), 't')]
#[case("sslmode=verify-ca", Some("authority"), 't')]
#[case("sslmode=verify-full", Some("authority"), 't')]
#[case("sslmode=verify-full", Some("certificate"), 't')]
#[tokio::test]
async fn sslmode_decides_on_tls(#[case] parameters: &str, #[case] file: Option<&str>, #[case] ssl: char) {
    let server = server().await;
    let (name, _client) = server.database(SESSION_VIEW).await;
    let files = [("authority", server.ca_file()), ("certificate", server.certificate())];
    let ca_file = file.map(|wanted| files.iter().find(|(name, _)| *name == wanted).unwrap().1.as_path());
    let reading = fetch_with(&server.url(&name, parameters), ca_file, LONG).await.unwrap();
    assert_eq!(reading.tasks[0].title.chars().last(), Some(ssl));
}

#[tokio::test]
async fn sslrootcert_names_the_authority() {
    let server = server().await;
    let (name, _client) = server.database(SESSION_VIEW).await;
    let parameters = format!("sslmode=verify-full&sslrootcert={}", server.ca_file().display());
    assert!(fetch_with(&server.url(&name, &parameters), None, LONG).await.is_ok());
}

#[tokio::test]
async fn untrusted_certificate_needs_the_user() {
    let server = server().await;
    // The test authority is unknown to the system.
    for mode in ["verify-full", "verify-ca"] {
        let error = fetch_with(&server.url("postgres", &format!("sslmode={mode}")), None, LONG).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::ActionRequired, "{error}");
        assert!(error.message.contains("ertificate") && error.advice.contains("ca_file"), "{error:?}");
    }
}

#[tokio::test]
async fn only_verify_full_checks_the_host() {
    let server = server().await;
    let (name, _client) = server.database(SESSION_VIEW).await;
    let by_address = |mode| server.url(&name, &format!("sslmode={mode}")).replace("localhost", "127.0.0.1");
    let ca_file = server.ca_file();
    assert!(fetch_with(&by_address("verify-ca"), Some(&ca_file), LONG).await.is_ok());
    let error = fetch_with(&by_address("verify-full"), Some(&ca_file), LONG).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn wrong_or_unusable_ca_file_needs_the_user() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.pem");
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=other",
        ])
        .arg("-keyout")
        .arg(folder.path().join("other.key"))
        .arg("-out")
        .arg(&other)
        .output()
        .unwrap();
    assert!(made.status.success());
    let url = server.url("postgres", "sslmode=require");
    let error = fetch_with(&url, Some(&other), LONG).await.unwrap_err();
    assert!(error.kind == ErrorKind::ActionRequired && error.message.contains("ertificate"), "{error}");

    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing here").unwrap();
    for useless in [empty.as_path(), Path::new("/nowhere/ca.pem")] {
        let error = fetch_with(&url, Some(useless), LONG).await.unwrap_err();
        assert!(
            error.kind == ErrorKind::ActionRequired && error.message.contains(useless.to_str().unwrap()),
            "{error}"
        );
    }
}

/// A server that sends `answer` after the first bytes and closes, or hangs without an answer.
async fn listener(answer: Option<&'static [u8]>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if let Some(answer) = answer {
                let _ = stream.read(&mut [0; 64]).await;
                let _ = stream.write_all(answer).await;
            } else {
                open.push(stream);
            }
        }
    });
    port
}

fn local(port: u16, parameters: &str) -> String {
    format!("postgres://owner:hunter2@127.0.0.1:{port}/work?{parameters}")
}

#[tokio::test]
async fn missing_tls_is_refused_when_required() {
    let port = listener(Some(b"N")).await;
    for mode in ["require", "verify-full"] {
        let error = fetch_with(&local(port, &format!("sslmode={mode}")), None, LONG).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::ActionRequired);
        assert!(error.message.contains("does not support TLS"), "{error}");
    }
}

#[tokio::test]
async fn broken_handshake_is_transient() {
    let port = listener(Some(b"S")).await;
    let error = fetch_with(&local(port, "sslmode=require"), None, LONG).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient, "{error}");
}

#[tokio::test]
async fn only_prefer_falls_back_to_plaintext() {
    let server = server().await;
    let (name, _client) = server.database(SESSION_VIEW).await;
    let port = tls_breaking_proxy(server.port).await;
    let by_proxy = |mode| server.url(&name, mode).replace(&server.port.to_string(), &port.to_string());
    let reading = fetch_with(&by_proxy("sslmode=prefer"), None, LONG).await.unwrap();
    assert!(reading.tasks[0].title.ends_with(" f"));
    assert!(fetch_with(&by_proxy("sslmode=require"), None, LONG).await.is_err());
    assert!(fetch_with(&by_proxy("sslmode=prefer"), Some(&server.ca_file()), LONG).await.is_err());
}

/// A proxy that accepts TLS and then closes, and forwards plaintext.
async fn tls_breaking_proxy(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut first = [0; 8];
            if client.read_exact(&mut first).await.is_err() {
                continue;
            }
            if first == *b"\0\0\0\x08\x04\xd2\x16\x2f" {
                let _ = client.write_all(b"S").await;
                continue;
            }
            tokio::spawn(async move {
                let mut upstream = tokio::net::TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                upstream.write_all(&first).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn silent_server_times_out() {
    for mode in ["disable", "require"] {
        let port = listener(None).await;
        let error = fetch_with(&local(port, &format!("sslmode={mode}")), None, SHORT).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient);
        assert!(error.message.contains("within") && error.message.contains(&port.to_string()), "{error}");
    }
}

#[rstest]
#[case::at_once(b"")]
#[case::with_garbage(b"HTTP/1.1 400 Bad Request\r\n\r\n")]
#[tokio::test]
async fn other_protocol_is_transient(#[case] answer: &'static [u8]) {
    let port = listener(Some(answer)).await;
    assert_eq!(fetch_with(&local(port, "sslmode=disable"), None, LONG).await.unwrap_err().kind, ErrorKind::Transient);
}

#[tokio::test]
async fn refused_connection_is_transient() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = fetch_with(&local(port, ""), None, LONG).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert_eq!(error.message, format!("connection refused (127.0.0.1:{port})"));
}

#[tokio::test]
async fn malformed_url_needs_the_user() {
    for url in [
        "",
        "nonsense",
        &format!("postgres://owner:{PASSWORD}@localhost/work"),
        "postgres://owner:hunter2@h/d?sslmode=maybe",
    ] {
        let error = fetch_with(url, None, LONG).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::ActionRequired);
    }
}
