//! A user's home in a temporary folder, and the built program run in it as a shell would run it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use operator::cli::demo::{health, tasks};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

/// No command takes longer, unless it hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// Folders, files and the configuration of a made-up user. Their day is today in a zone in which it is noon now, so that
/// commands without `--at` never meet midnight or quiet hours.
pub(crate) struct Home {
    folder: TempDir,
    config: RefCell<Value>,
    variables: RefCell<BTreeMap<&'static str, String>>,
    pub(crate) today: Date,
    zone: String,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// The one JSON value on stdout: nothing but it may stand there.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("stdout is not one JSON value ({error}): {self:?}"))
    }

    /// Fails unless the command succeeded.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Fails unless the command failed with this code, said why on stderr, and nothing on stdout.
    pub(crate) fn failed(self, code: i32) -> Self {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        assert!(!self.err.trim().is_empty(), "silent: {self:?}");
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            // A signal is no exit code: -1 matches none that a test expects.
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            err: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

impl Home {
    /// Sources with plenty to say, read this morning.
    pub(crate) fn new() -> Self {
        let (zone, today) = noon();
        let home = Self::bare(&zone, today);
        home.fill(today);
        home
    }

    /// The same at another place and day.
    pub(crate) fn on(today: Date, zone: &str) -> Self {
        let home = Self::bare(zone, today);
        home.fill(today);
        home
    }

    /// Folders and a configuration, and no sources yet.
    pub(crate) fn bare(zone: &str, today: Date) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["home", "foreign", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let place = |name: &str| folder.path().join(name).display().to_string();
        let config = json!({
            "quiet_hours": {"timezone": zone},
            "sources": {
                "oura": {"cache_dir": place("foreign/oura-health.db")},
                "state_store": {"path": place("foreign/state.db")},
                "focus_file": {"path": place("foreign/focus.md")},
            },
            "http": {"enabled": false}, // engines of other tests run beside this one
            "paths": {"state_dir": place("state"), "log_dir": place("logs")},
        });
        let home =
            Self { folder, config: RefCell::new(config), variables: RefCell::default(), today, zone: zone.to_owned() };
        home.set(json!({}));
        home
    }

    fn fill(&self, today: Date) {
        health::write(&self.path("foreign/oura-health.db"), today, 60).expect("an Oura cache");
        tasks::write(&self.path("foreign/state.db"), today).expect("a state store");
        fs::write(self.path("foreign/focus.md"), "# ship it\n").expect("a focus file");
    }

    /// A place in this home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Everything of this home.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Change keys of the configuration; null takes one out.
    pub(crate) fn set(&self, change: Value) {
        merge(&mut self.config.borrow_mut(), change);
        // JSON is YAML.
        let text = serde_json::to_string_pretty(&*self.config.borrow()).expect("JSON");
        fs::write(self.path("config.yaml"), text).expect("config.yaml");
    }

    /// Today at this time of day, RFC 3339.
    pub(crate) fn at(&self, time: &str) -> String {
        self.day_at(0, time)
    }

    /// So many days after today.
    pub(crate) fn day_at(&self, days: i64, time: &str) -> String {
        let date = self.today.saturating_add(days.days());
        let local: jiff::civil::DateTime = format!("{date}T{time}:00").parse().expect("a time of day");
        let at = local.in_tz(&self.zone).expect("a moment");
        at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// The program with this home as its whole world.
    pub(crate) fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_operator"));
        self.clean(&mut program);
        program.envs(&*self.variables.borrow());
        program
    }

    /// A variable that the program finds in its environment.
    #[cfg(target_os = "linux")]
    pub(crate) fn variable(&self, name: &'static str, value: impl Into<String>) {
        self.variables.borrow_mut().insert(name, value.into());
    }

    /// Nothing of the tester's environment reaches the program.
    pub(crate) fn clean(&self, program: &mut Command) {
        program.env_clear().env("HOME", self.path("home")).env("TMPDIR", self.path("tmp")).env("TZ", "UTC");
        program.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(self.path("home"));
    }

    /// Run a command with this home's configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let mut program = self.program();
        program.arg("--config").arg(self.path("config.yaml")).args(arguments);
        finish(program)
    }

    /// A real check at this moment: its report.
    pub(crate) fn check(&self, at: &str) -> Value {
        self.run(&["--once", "--json", "--at", at]).ok().json()
    }

    /// Our own database.
    pub(crate) fn database(&self) -> Connection {
        Connection::open(self.path("state/operator.db")).expect("our database")
    }

    /// The state store, to change what is to be done.
    pub(crate) fn tasks(&self, sql: &str) {
        Connection::open(self.path("foreign/state.db")).and_then(|db| db.execute_batch(sql)).expect("the state store");
    }

    /// Today's readiness score.
    pub(crate) fn readiness(&self, score: u32) {
        let db = Connection::open(self.path("foreign/oura-health.db")).expect("the cache");
        let sql = "UPDATE readiness_data SET data = json_set(data, '$.score', ?1) WHERE day = ?2";
        assert_eq!(db.execute(sql, (score, self.today.to_string())), Ok(1));
    }

    /// From now on nothing is judged but the readiness.
    pub(crate) fn only_readiness(&self) {
        self.set(
            json!({"monitors": {"tasks": {"enabled": false}, "patterns": {"enabled": false}, "health": {"thresholds": {
                "sleep_hours_medium": 0, "sleep_hours_high": 0, "sleep_efficiency": 0,
                "hrv_drop_medium": 100, "hrv_drop_high": 100, "stress_medium": 100, "stress_high": 100,
            }}}}),
        );
    }

    /// The keys that are open.
    pub(crate) fn open(&self) -> Vec<String> {
        let alerts = self.run(&["alerts", "--json"]).ok().json();
        let key = |incident: &Value| incident["alert"]["key"].as_str().expect("a key").to_owned();
        alerts.as_array().expect("a list").iter().map(key).collect()
    }

    /// Every file and folder with its content.
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        walk(self.root(), &mut found);
        found
    }
}

/// Run to the end, with the output caught; a program that hangs is ended and its test fails.
pub(crate) fn finish(program: Command) -> Run {
    let mut program = assert_cmd::Command::from_std(program);
    program.timeout(LONGEST).output().expect("the program can be run").into()
}

/// Decision and reason of a key in a report.
pub(crate) fn outcome(report: &Value, key: &str) -> String {
    let alerts = report["alerts"].as_array().expect("alerts");
    let Some(alert) = alerts.iter().find(|alert| alert["key"] == key) else { return "none".into() };
    format!("{} {}", alert["decision"].as_str().expect("a decision"), alert["reason"].as_str().expect("a reason"))
}

/// How health, tasks and patterns ended.
pub(crate) fn states(report: &Value) -> [&str; 3] {
    ["health", "tasks", "patterns"].map(|name| report["monitors"][name]["status"].as_str().expect("a status"))
}

/// Polls until something holds; fails after half a minute.
#[expect(clippy::disallowed_methods, reason = "another process can only be looked at again and again")]
pub(crate) fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(std::time::Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A zone in which the clock shows twelve now, and its date.
fn noon() -> (String, Date) {
    let now = Timestamp::now();
    let offset = 12 - now.to_zoned_datetime(jiff::tz::TimeZone::UTC).hour();
    // These names count westwards.
    let zone = if offset == 0 { "UTC".into() } else { format!("Etc/GMT{:+}", -offset) };
    let today = now.in_tz(&zone).expect("a zone").date();
    (zone, today)
}

fn merge(into: &mut Value, change: Value) {
    let (Some(known), Value::Object(change)) = (into.as_object_mut(), change) else { panic!("sections only") };
    for (key, value) in change {
        match value {
            Value::Null => drop(known.remove(&key)),
            Value::Object(_) => merge(known.entry(key).or_insert_with(|| json!({})), value),
            value => drop(known.insert(key, value)),
        }
    }
}

fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.insert(path.clone(), Vec::new());
            walk(&path, found);
        } else {
            // A socket has no content.
            found.insert(path.clone(), fs::read(&path).unwrap_or_default());
        }
    }
}
