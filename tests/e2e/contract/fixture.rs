//! A home with the database of an earlier version and the sources that it was made from.

use std::fs::{self, File};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use jiff::civil::date;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::home::{Home, Run};
use crate::support::http::{Answer, Request, Server};
use crate::support::scripts::sh;

const DATABASE: &str = include_str!("../../fixtures/contract/operator_v3.sql");
const OURA_CACHE: &str = include_str!("../../fixtures/contract/sources/oura_cache.sql");
const STATE_STORE: &str = include_str!("../../fixtures/contract/sources/state_store.sql");
const NOTES: &str = include_str!("../../fixtures/contract/sources/home.md");
const CALENDAR: &str = include_str!("../../fixtures/contract/sources/work.ics");

/// The focus file was changed on 2026-01-02 at 08:00 UTC.
const FOCUS_CHANGED: Duration = Duration::from_secs(1_767_340_800);

/// The first moment after the last check in the database at which everything may be sent.
pub(super) const NEXT_CHECK: &str = "2026-01-16T09:40:00+01:00";

pub(super) struct Fixture {
    pub(super) home: Home,
    server: Server,
}

impl Fixture {
    /// The database as the earlier version left it, opened once for writing: a newer layout migrates it then.
    pub(super) fn new() -> Self {
        let home = Home::bare("Europe/Berlin", date(2026, 1, 16));
        for folder in ["state", "bin", "foreign/notes"] {
            fs::create_dir(home.path(folder)).unwrap();
        }
        for (name, sql) in
            [("state/operator.db", DATABASE), ("foreign/oura-health.db", OURA_CACHE), ("foreign/state.db", STATE_STORE)]
        {
            Connection::open(home.path(name)).and_then(|db| db.execute_batch(sql)).unwrap();
        }
        fs::write(home.path("foreign/notes/home.md"), NOTES).unwrap();
        fs::write(home.path("foreign/work.ics"), CALENDAR).unwrap();
        let focus = File::create(home.path("foreign/focus.md")).unwrap();
        focus.set_modified(SystemTime::UNIX_EPOCH + FOCUS_CHANGED).unwrap();
        sh(&home.path("bin"), "disk", "echo 'DISK WARNING - free space: / 47932MiB (51% inode=96%)'; exit 1");
        sh(&home.path("bin"), "broken", "echo 'no answer'; exit 3");
        let told = home.path("tmp/told");
        sh(&home.path("bin"), "tell", &format!("cat >> '{0}' && echo >> '{0}'", told.display()));
        let messages = AtomicUsize::new(0);
        let fixture = Self { home, server: Server::start(move |request| answer(request, &messages)) };
        fixture.configure();
        fixture.home.run(&["resume"]).ok();
        fixture
    }

    fn configure(&self) {
        let (place, url) = (|name: &str| self.home.path(name).display().to_string(), &self.server.url);
        self.home.set(json!({
            "deduplication": {"max_alerts_per_run": 12},
            "sources": {
                "markdown": {"folder": place("foreign/notes")},
                "calendars": [{"name": "work", "file": place("foreign/work.ics"), "tasks": true}],
            },
            "monitors": {"exec": [
                {"name": "disk", "command": [place("bin/disk")]},
                {"name": "broken", "command": [place("bin/broken")]},
            ]},
            "alerters": {
                "notification": {"enabled": false},
                "webhook": {"enabled": true, "min_priority": "low", "url": format!("{url}/hook"), "secret": "s3cret"},
                "telegram": {"enabled": true, "min_priority": "medium", "token": "1:a", "chat_id": "7", "api_url": url},
                "ntfy": {"enabled": true, "min_priority": "medium", "url": format!("{url}/ntfy"), "topic": "contract"},
                "pushover": {
                    "enabled": true, "min_priority": "high", "api_url": format!("{url}/pushover"),
                    "token": "a".repeat(30), "user": "u".repeat(30),
                },
                "exec": {"enabled": true, "min_priority": "high", "command": [place("bin/tell")]},
            },
            "retention": {"journal_days": 36_500, "history_days": 36_500},
        }));
    }

    /// The JSON of a command that succeeds.
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments).ok().json()
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        self.home.run(&[arguments, &["--json"]].concat())
    }

    /// The requests that came to the channels' servers.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// The messages that the program of `alerters.exec` was given.
    pub(super) fn told(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.home.path("tmp/told")).unwrap_or_default();
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// A text without the folders and addresses of this run.
    pub(super) fn without_places(&self, text: &str) -> String {
        let root = self.home.root().display().to_string();
        text.replace(&root, "<home>").replace(&self.server.url, "<server>").replace(&self.server.url[7..], "<server>")
    }
}

/// Everything is taken, in the words of every service at once.
fn answer(request: &Request, messages: &AtomicUsize) -> Answer {
    if request.collection == "getUpdates" {
        return Answer::Hang;
    }
    let number = if request.collection == "sendMessage" { messages.fetch_add(1, Ordering::SeqCst) + 1_001 } else { 0 };
    let receipt = "r".repeat(30);
    Answer::json(
        json!({"ok": true, "status": 1, "receipt": receipt, "healthy": true, "devices": ["phone"],
            "result": {"message_id": number, "username": "operator", "first_name": "Ada"}})
        .to_string(),
    )
}
