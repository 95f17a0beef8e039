//! From a condition to the channel: a task becomes overdue, the engine receives `run-now`, and a webhook on loopback has
//! the message. In between lie a whole check – every source read, every rule run – and two durable commits.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::homes::{Home, Kind};
use crate::server::Server;
use crate::table::Row;

/// So many conditions, one after the other.
const CONDITIONS: u32 = 300;

pub(crate) fn rows(folder: &Path) -> Vec<Row> {
    let home = Home::make(&folder.join("latency"), Kind::Demo);
    let server = Server::start();
    home.configure(&format!(
        "quiet_hours: {{enabled: false}}\nalerters: {{notification: {{enabled: false}}, \
         webhook: {{enabled: true, url: {:?}, min_priority: high}}}}\n",
        server.url
    ));
    let mut engine = home.headless().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    home.wait_for_the_first_check();
    // Whatever the made-up person's morning has to say.
    while server.arrived.recv_timeout(Duration::from_secs(2)).is_ok() {}
    let mut took: Vec<f64> = (0..CONDITIONS).map(|number| condition(&home, &server, number)).collect();
    engine.kill().unwrap();
    engine.wait().unwrap();
    took.sort_by(f64::total_cmp);
    let at = |percent: usize| took[took.len() * percent / 100];
    vec![
        Row::new("run-now → every source read → durable → webhook has it, p50", at(50), "ms", None),
        Row::new("run-now → every source read → durable → webhook has it, p99", at(99), "ms", Some(25.0)),
    ]
}

/// Milliseconds until the webhook had it.
fn condition(home: &Home, server: &Server, number: u32) -> f64 {
    let tasks = Connection::open(home.path("state.db")).unwrap();
    tasks.busy_timeout(Duration::from_secs(5)).unwrap();
    let insert = format!(
        "UPDATE tasks SET status = 'done' WHERE id LIKE 'late%';
         INSERT INTO tasks (id, title, status, due_date, domain, source)
           VALUES ('late{number}', 'Late {number}', 'active', '2026-01-01', 'work', 'manual');"
    );
    tasks.execute_batch(&insert).unwrap();
    let socket = UnixStream::connect(home.path("state/operator.sock")).unwrap();
    let known = Instant::now();
    writeln!(&socket, r#"{{"command": "run_now"}}"#).unwrap();
    let key = format!("task:deadline_overdue:late{number}\",\"priority\":\"high\",\"standing\":\"open\"");
    let arrived = loop {
        let message = server.arrived.recv_timeout(Duration::from_secs(30)).expect("the message");
        if message.body.contains(&key) {
            break message.at;
        }
    };
    BufReader::new(&socket).read_line(&mut String::new()).unwrap();
    settle();
    (arrived - known).as_secs_f64() * 1e3
}

/// A resolved alert is sent as well; the next condition does not wait behind it.
#[expect(clippy::disallowed_methods, reason = "one condition at a time is measured")]
fn settle() {
    thread::sleep(Duration::from_millis(30));
}
