//! The page and the metrics of the resident program that has ten years of history: how long a request takes, and what ten thousand
//! of them leave in memory.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::homes::{Home, Kind};
use crate::table::Row;

/// What is asked for, in turns, and how long the slowest of a hundred may take (milliseconds).
const PATHS: [(&str, f64); 2] = [("/metrics", 10.0), ("/", 50.0)];

/// Memory is read after so many requests, counted from the start.
const WARM: usize = 1_000;
const ALL: usize = 10_000;

/// Threads that read files end when they had nothing to do for ten seconds: what the first check needed is gone then.
const SETTLE: Duration = Duration::from_secs(12);

pub(crate) fn rows(folder: &Path) -> Vec<Row> {
    let home = Home::make(&folder.join("page"), Kind::Decade);
    let port = free_port();
    home.serve(port);
    home.configure("alerters: {notification: {enabled: false}}\n");
    let engine = Engine(home.headless().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    home.wait_for_the_first_check();
    settle();
    let token = fs::read_to_string(home.path("state/http-token")).expect("a token: is the page served?");
    let before = engine.resident_mib();
    let mut took = PATHS.map(|_| Vec::new());
    let mut ask = |numbers: Range<usize>| {
        for number in numbers {
            let (path, _) = PATHS[number % PATHS.len()];
            took[number % PATHS.len()].push(milliseconds(port, path, token.trim()));
        }
        engine.resident_mib()
    };
    let (warm, after) = (ask(0..WARM), ask(WARM..ALL));
    let resident =
        |when: &str, mib, aim| Row::new(&format!("10 years, served, resident memory {when}"), mib, "MiB", aim);
    let mut rows = Vec::new();
    for ((path, aim), mut took) in PATHS.into_iter().zip(took) {
        took.sort_by(f64::total_cmp);
        let at = |percent: usize| took[took.len() * percent / 100];
        rows.push(Row::new(&format!("10 years, GET {path}, p50"), at(50), "ms", None));
        rows.push(Row::new(&format!("10 years, GET {path}, p99"), at(99), "ms", Some(aim)));
    }
    rows.push(resident("before the first request", before, None));
    rows.push(resident("after 1,000 requests", warm, None));
    rows.push(resident("after 10,000 requests", after, Some(16.0)));
    rows
}

/// The resident program, ended with its measurement.
struct Engine(Child);

impl Engine {
    fn resident_mib(&self) -> f64 {
        let ps = Command::new("ps").args(["-o", "rss=", "-p", &self.0.id().to_string()]).output().expect("ps");
        let kib: f64 = String::from_utf8(ps.stdout).unwrap().trim().parse().expect("the engine runs");
        kib / 1024.0
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One that nobody listens on now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// From before the connection until the last byte.
fn milliseconds(port: u16, path: &str, token: &str) -> f64 {
    let began = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let took = began.elapsed();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200"), "GET {path}: {}", answer.lines().next().unwrap_or("no answer"));
    took.as_secs_f64() * 1e3
}

#[expect(clippy::disallowed_methods, reason = "what is resident is measured when nothing else is going on")]
fn settle() {
    thread::sleep(SETTLE);
}
